import YAML

/// Finds the files that a Compose file includes or extends, before Compose is asked: which files are a stack depends on it.
public struct UsedFiles: Sendable {
  let tree: CommitTree
  let liveRoot: String

  /// Looks among the files of a commit that runs from a live root.
  public init(_ tree: CommitTree, liveRoot: String) { (self.tree, self.liveRoot) = (tree, liveRoot) }

  /// Returns the file of the commit that a text leads to, seen from a directory; `values` are those of the variables.
  ///
  /// Where a variable has no value, it is the only file that ends as the text does.
  public func target(of text: String, base: String, values: [String: String] = [:]) -> String? {
    let (path, unknownEnd) = text.filled(values)
    if let unknownEnd {
      let rest = path[unknownEnd...]
      guard rest.hasPrefix("/"), !rest.contains("/../") else { return nil }
      let ending = Path.normalized(String(rest.dropFirst()))
      let tail = Array("/\(ending)".utf8)
      let files = tree.files.filter { file in
        file.path == ending || file.isRegular && file.path.utf8.suffix(tail.count).elementsEqual(tail)
      }
      return files.count == 1 ? files[0].path : nil
    }
    if Reference.isRemote(path) { return nil }
    return Path.isAbsolute(path)
      ? Path.relative(Path.normalized(path), to: Path.normalized(liveRoot)) : Path.join(base, path)
  }
}

extension UsedFiles {
  /// Returns the files of the commit that a text with a variable in it leads to on one host or another, seen from a directory:
  /// those that begin and end as it does.
  ///
  /// Where it begins with the variable, nobody knows which directory is meant.
  public func candidates(for text: String, base: String) -> [String] {
    guard let pattern = text.withStars, !pattern.hasPrefix("*"), !pattern.hasSuffix("*"), !pattern.hasPrefix("~"),
      !Reference.isRemote(pattern)
    else { return [] }
    let path =
      Path.isAbsolute(pattern)
      ? Path.relative(Path.normalized(pattern), to: Path.normalized(liveRoot)) : Path.join(base, pattern)
    guard let path, path.contains("*") else { return [] }
    let glob = Glob(path)
    return tree.files.filter { $0.isRegular && glob.matches($0.path) }.map(\.path)
  }
}

extension Discovery {
  /// The paths that a Compose file includes and those that it extends, as it names them.
  public static func usedPaths(in document: Node?) -> Set<String> {
    Set(References.includes(in: document).flatMap(\.files)).union(
      References.all(in: document, file: "").filter { $0.key == "extends" }.map(\.text))
  }
}

extension String {
  /// A reference to a variable, or two dollar signs that are one.
  private static var variable: Regex<(Substring, Substring?, Substring?, Substring?, Substring?, Substring?)> {
    /\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^{}$]*))?\})/
  }

  /// The glob with a `*` in the place of each variable; nothing for a text that has none, or more than a path and variables.
  fileprivate var withStars: String? {
    if !contains("$") || contains("$$") || contains(where: "*?[\\".contains) { return nil }
    let pattern = replacing(Self.variable) { _ in "*" }.replacing(/\*+/, with: "*")
    return pattern.contains("$") ? nil : pattern
  }

  /// Puts values and defaults in the place of variables; `unknownEnd` is where the last one ends that has neither.
  func filled(_ values: [String: String]) -> (text: String, unknownEnd: String.Index?) {
    var (text, rest) = ("", self[...])
    var unknownEnd: Int?
    while let match = rest.firstMatch(of: Self.variable) {
      text += rest[..<match.range.lowerBound]
      let name = (match.output.2 ?? match.output.3).map(String.init) ?? ""
      let sign = match.output.4.map(String.init) ?? ""
      let value = values[name].flatMap { sign.hasPrefix(":") && $0.isEmpty ? nil : $0 }
      if match.output.1 != nil {
        text += "$"
      } else if sign.hasSuffix("+") {
        text += value == nil ? "" : String(match.output.5 ?? "")
      } else if let value = value ?? (sign.hasSuffix("-") ? String(match.output.5 ?? "") : nil) {
        text += value
      } else {
        text += rest[match.range]
        unknownEnd = text.utf8.count
      }
      rest = rest[match.range.upperBound...]
    }
    text += rest
    return (text, unknownEnd.map { text.utf8.index(text.startIndex, offsetBy: $0) })
  }
}
