extension Glob {
  /// Returns the fewest patterns that match exactly these paths among all, or `known` ones as well: globs, each with what it
  /// matches of the wanted ones, and the paths for which there is none.
  ///
  /// A glob needs two paths for each `*` in it, so that two unlike paths do not become one that says nothing.
  static func covering(
    _ wanted: Set<String>, among all: [String], known: Set<String> = [],
    accepting isFit: (_ pattern: String, _ paths: [String]) -> Bool = { _, _ in true }
  ) -> (
    globs: [(pattern: String, paths: [String])], rest: [String]
  ) {
    let byDepth = Dictionary(grouping: all) { Path.components($0).count }
    var candidates: [String: [String]] = [:]
    for path in wanted {
      for pattern in patterns(for: path) where candidates[pattern] == nil {
        let glob = Glob(pattern)
        candidates[pattern] = (byDepth[Path.components(path).count] ?? []).filter(glob.matches)
      }
    }
    candidates = candidates.mapValues { paths in
      paths.allSatisfy { wanted.contains($0) || known.contains($0) } ? paths.filter(wanted.contains) : []
    }.filter { pattern, paths in paths.count >= 2 * stars(pattern) }
    var (rest, globs) = (wanted, [(pattern: String, paths: [String])]())
    func isWorse(_ one: String, _ other: String) -> Bool {
      let (own, others) = (candidates[one]?.count ?? 0, candidates[other]?.count ?? 0)
      if own != others { return own < others }
      if stars(one) != stars(other) { return stars(one) > stars(other) }
      return (-one.utf8.count, other) < (-other.utf8.count, one)
    }
    while let best = candidates.keys.max(by: isWorse), let paths = candidates.removeValue(forKey: best) {
      guard isFit(best, paths) else { continue }
      globs.append((best, paths.sorted()))
      rest.subtract(paths)
      candidates = candidates.filter { $0.value.allSatisfy(rest.contains) }
    }
    return (globs.sorted { $0.paths[0] < $1.paths[0] }, rest.sorted())
  }

  private static func stars(_ pattern: String) -> Int { pattern.utf8.count { $0 == UInt8(ascii: "*") } }

  /// The patterns that may match a path and others: its last directories as `*`, and its name or only the name's ending.
  private static func patterns(for path: String) -> [String] {
    if path.contains(where: "*?[\\".contains) { return [] }
    let directories = Path.components(path).dropLast()
    let name = Path.name(path)
    let ending = name.split(separator: ".").last.map { "*.\($0)" } ?? "*"
    return (0...directories.count).flatMap { kept in
      [name, ending].map { last in
        (directories.prefix(kept).map(String.init) + Array(repeating: "*", count: directories.count - kept) + [last])
          .joined(separator: "/")
      }
    }.filter { $0 != path }
  }
}
