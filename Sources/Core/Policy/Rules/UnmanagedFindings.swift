extension UnmanagedFile {
  /// Tells of files, those together that one line of configuration takes; `isAll` says that the commit has no stack at all.
  public static func findings(
    _ files: [UnmanagedFile], in tree: CommitTree, stacks: [StackSource] = [], isAll: Bool
  ) -> [Diagnostic] {
    groups(of: files, in: tree, stacks).map { group in
      let (them, one) = (group.files.count == 1 ? "it" : "them", group.files.count == 1)
      let leave = "leave \(them) out: `stacks: {exclude: [\(group.list)]}`"
      let ways = group.lines.map { "\($0.purpose), write on the host: `stacks: {\($0.line)}`" }.joined(separator: "; ")
      let (message, help): (String, String) =
        switch group.files[0].kind {
        case .compose:
          (
            "\(group.subject) \(one ? "looks like a Compose file" : "look like Compose files"), and no stack uses \(them)",
            "\(ways); or \(leave)"
          )
        case .swarm(let key):
          (
            "\(group.subject) \(one ? "is" : "are") made for `docker stack deploy` (\(key)), and no stack uses \(them)",
            "clup runs `docker compose`, which ignores or refuses that: \(leave); or have Compose run "
              + "\(them) all the same: `stacks: {\(group.lines[0].line)}`"
          )
        case .template(let mark):
          (
            "\(group.subject) \(one ? "is a template" : "are templates") (`\(mark)`) that something has to fill in first",
            "clup deploys what git holds, and fills nothing in but ${VARIABLES} from the live `.env`: commit the finished "
              + "file; or \(leave)"
          )
        }
      return Diagnostic(
        rule: Rule.unmanagedFile.id, severity: isAll ? .error : .warning, file: group.files[0].path, line: 1, column: 1,
        message: message, help: help, isFinal: isAll)
    }
  }

  /// Tells of a symbolic link to a directory with a Compose file: clup follows none.
  public static func finding(link path: String, to directory: String, isAll: Bool) -> Diagnostic {
    Diagnostic(
      rule: Rule.unmanagedFile.id, severity: isAll ? .error : .warning, file: path, line: 1, column: 1,
      message: "\(path) is a symbolic link to \(directory), which has a Compose file, and no stack is made of a link",
      help: "commit a directory there, with a Compose file that includes or extends that one; or have the host deploy "
        + "\(directory) itself: `stacks: {include: [\(directory)]}`; or leave it out: `stacks: {exclude: [\(path)]}`",
      isFinal: isAll)
  }

  /// What could be written under `stacks:` for files.
  public struct Choice: Sendable, Equatable {
    /// Globs for `files`.
    public var files: [String] = []
    /// Lines for directories of their own.
    public var lines: [String] = []
    /// What is no Compose file as it is, each with what it is.
    public var others: [String: String] = [:]
  }

  /// Gives what could be written under `stacks:` for files.
  public static func choice(for files: [UnmanagedFile], in tree: CommitTree, stacks: [StackSource] = []) -> Choice {
    groups(of: files, in: tree, stacks).reduce(into: Choice()) { choice, group in
      switch group.files[0].kind {
      case .compose:
        if let line = group.ownLine { choice.lines.append(line) } else { choice.files += group.patterns }
      case .swarm(let key):
        for pattern in group.patterns { choice.others[pattern] = "made for `docker stack deploy` (\(key))" }
      case .template(let mark): for pattern in group.patterns { choice.others[pattern] = "a template (`\(mark)`)" }
      }
    }
  }

  private struct Group {
    let files: [UnmanagedFile]
    /// One glob, or each path.
    let patterns: [String]
    /// The stack in whose directory they all are.
    let stack: StackSource?

    init(_ files: [UnmanagedFile], _ patterns: [String], _ stack: StackSource? = nil) {
      (self.files, self.patterns, self.stack) = (files, patterns, stack)
    }

    private static let mostNamed = 12

    /// The files for a sentence.
    var subject: String {
      let more = files.count - 1
      if more == 0 { return files[0].path }
      if more < 5 { return files.map(\.path).joined(separator: ", ") }
      let place = patterns.count == 1 ? "(\(patterns[0]))" : "in \(Path.parent(files[0].path))"
      return "\(files[0].path) and \(more) more \(place)"
    }

    /// The patterns as a list of YAML; only the first ones of very many.
    var list: String {
      let shown = patterns.prefix(patterns.count > Self.mostNamed ? 3 : patterns.count)
      return
        (shown.map { $0.contains("*") ? "\"\($0)\"" : $0 } + (shown.count < patterns.count ? ["…"] : []))
        .joined(separator: ", ")
    }

    /// What is written under a name of its own rather than under `files`: files that are called as parts of one.
    var ownLine: String? {
      let directory = Path.parent(files[0].path)
      guard patterns.count == files.count, files.allSatisfy(\.isNamedAsVariant) else { return nil }
      if let stack { return layered(over: stack) }
      return files.count == 1 ? "\(directory): {compose_files: [\(Path.name(patterns[0]))]}" : nil
    }

    /// Whether a host runs one of them rather than all: they include the same, or are variants of the same services.
    private var areAlternatives: Bool {
      guard files.count > 1, Set(files.map { Path.parent($0.path) }).count == 1 else { return false }
      let parts = files.flatMap { file in
        file.services.isEmpty ? file.uses : file.isNamedAsVariant ? file.services : []
      }
      return Set(parts).count < parts.count
    }

    private func layered(over stack: StackSource) -> String {
      let names = (stack.composeFiles + files.map(\.path)).map { Path.relative($0, to: stack.name) ?? $0 }
      return "\(stack.name): {compose_files: [\(names.joined(separator: ", "))]}"
    }

    /// The lines that may be written under `stacks:`, the likeliest first, each with what it is for.
    var lines: [(purpose: String, line: String)] {
      let it = files.count == 1 ? "it" : "them"
      let own = "files: [\(list)]"
      if areAlternatives {
        let one = Group([files[0]], [files[0].path], stack)
        return [("to deploy one of them", one.ownLine ?? "files: [\(one.list)]"), ("to deploy all", own)]
      }
      guard let stack else { return [("to deploy \(it)", ownLine ?? own)] }
      let plain = ("to deploy \(it) as \(files.count == 1 ? "a stack of its" : "stacks of their") own", own)
      let part = ("to deploy \(it) as a part of the stack \(stack.name)", layered(over: stack))
      return ownLine == nil ? [plain, part] : [part, plain]
    }
  }

  /// Puts together files with one name in directories side by side, and those of one directory.
  private static func groups(of files: [UnmanagedFile], in tree: CommitTree, _ stacks: [StackSource]) -> [Group] {
    func isSame(_ one: UnmanagedFile, _ other: UnmanagedFile) -> Bool {
      switch (one.kind, other.kind) {
      case (.compose, .compose), (.swarm, .swarm), (.template, .template): true
      default: false
      }
    }
    var (rest, found) = (files.sorted { $0.path < $1.path }, [Group]())
    while let first = rest.first {
      let (directory, name) = (Path.parent(first.path), Path.name(first.path))
      let above = Path.parent(directory)
      let alike = rest.filter { other in
        Path.name(other.path) == name && directory != "." && Path.parent(other.path) != "."
          && Path.parent(Path.parent(other.path)) == above && isSame(other, first)
      }
      let ending = name.split(separator: ".").last.map { ".\($0)" } ?? ""
      let beside = rest.filter {
        Path.parent($0.path) == directory && isSame($0, first) && $0.path.hasSuffix(ending)
      }
      let paths = Set(beside.map(\.path))
      let siblings = tree.children(of: directory).filter { $0.kind != .directory && $0.path.hasSuffix(ending) }
      let stack = stacks.first { $0.name == directory && $0.place.directory == directory }
      let group =
        alike.count > 1
        ? Group(alike, [Path.join(above, "*/\(name)")])
        : beside.count > 1 && siblings.allSatisfy { paths.contains($0.path) }
          ? Group(beside, [Path.join(directory, "*\(ending)")]) : Group(beside, beside.map(\.path), stack)
      found.append(group)
      let taken = Set(group.files.map(\.path))
      rest.removeAll { taken.contains($0.path) }
    }
    return found
  }
}
