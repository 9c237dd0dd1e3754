import Core

extension Discovery {
  /// Finds the stacks of a commit; `running` are those that run already, which stay stacks whoever uses their files.
  ///
  /// `environmentFiles` are further files of values, as `--env-file` names them.
  static func of(
    _ tree: CommitTree, _ tracked: Tracked, settings: Settings, running: Set<String> = [],
    environmentFiles: [String] = []
  ) async throws(Failure) -> Discovery {
    var discovery = Discovery(tree, settings: settings)
    let usedFiles = UsedFiles(tree, liveRoot: settings.liveRoot)
    let given = environmentFiles.reduce(into: [:]) { $0.merge(values(in: $1)) { _, new in new } }
    var uses: [String: Set<String>] = [:]
    var open: [(text: String, base: String)] = []
    var queue = discovery.stacks.flatMap { stack in
      stack.composeFiles.map { (path: $0, base: stack.place.directory, values: given) }
    }
    while let (path, base, outer) = queue.popLast() {
      guard uses[path] == nil, let entry = tree[path], entry.isRegular else { continue }
      uses[path] = []
      guard let bytes = try await tracked.smallContents(of: entry), ComposeSource.mayUseOthers(bytes) else { continue }
      let texts = ComposeSource.documents(path: path, bytes: bytes).flatMap { Discovery.usedPaths(in: $0.document) }
      open += texts.filter { $0.contains("$") }.map { ($0, base) }
      // Only a path with a variable in it needs values.
      let values =
        texts.contains { $0.contains("$") }
        ? Self.values(in: Path.join(Path.join(settings.liveRoot, base), ".env")).merging(outer) { _, outer in outer }
        : outer
      let found = texts.compactMap { usedFiles.target(of: $0, base: base, values: values) }
      uses[path, default: []].formUnion(found)
      queue += found.map { ($0, Path.parent($0), values) }
    }
    discovery.leaveOutParts(uses, settings: settings, running: running)
    discovery.elsewhere = try await tracked.parts(led: open, usedFiles, in: tree)
    var services: [String: Set<String>] = [:]
    let places = Set(discovery.contested.map(\.name))
    for stack in discovery.stacks where places.contains(stack.place.directory) {
      services[stack.name] = try await tracked.services(
        of: discovery.made[stack.name] ?? Set(stack.composeFiles), in: tree)
    }
    discovery.giveWay(services, settings: settings, running: running)
    return discovery
  }

  private static func values(in file: String) -> [String: String] {
    let text = Files.read(file, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return Dictionary(References.values(in: text).map { ($0.name, $0.value) }) { _, last in last }
  }
}

extension Tracked {
  /// Finds the files that paths with a variable lead to on one host or another, and those that these use in turn.
  func parts(led open: [(text: String, base: String)], _ usedFiles: UsedFiles, in tree: CommitTree)
    async throws(Failure) -> Set<String>
  {
    var found: Set<String> = []
    var queue = open.flatMap { usedFiles.candidates(for: $0.text, base: $0.base) }
    while let path = queue.popLast() {
      guard found.insert(path).inserted, UnmanagedFile.isCandidate(path), let entry = tree[path], entry.isRegular,
        let bytes = try await smallContents(of: entry), ComposeSource.mayUseOthers(bytes)
      else { continue }
      let base = Path.parent(path)
      for text in ComposeSource.documents(path: path, bytes: bytes).flatMap({ Discovery.usedPaths(in: $0.document) }) {
        queue +=
          [usedFiles.target(of: text, base: base)].compactMap { $0 } + usedFiles.candidates(for: text, base: base)
      }
    }
    return found
  }

  /// Returns the names of the services that Compose files of a commit define.
  func services(of paths: Set<String>, in tree: CommitTree) async throws(Failure) -> Set<String> {
    var services: Set<String> = []
    for path in paths.sorted() {
      guard let entry = tree[path], entry.isRegular, let bytes = try await smallContents(of: entry) else { continue }
      for document in ComposeSource.documents(path: path, bytes: bytes).compactMap(\.document) {
        services.formUnion((document["services"]?.merged ?? []).compactMap(\.key.string))
      }
    }
    return services
  }
}
