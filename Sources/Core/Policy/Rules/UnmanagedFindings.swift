extension UnmanagedFile {
  /// Tells of files, those together that one line of configuration takes; `isAll` says that the commit has no stack at all.
  public static func findings(
    _ files: [UnmanagedFile], in tree: CommitTree, stacks: [StackSource] = [], isAll: Bool
  ) -> [Diagnostic] {
    groups(of: files, in: tree, stacks).map { group in
      let (them, one) = (group.files.count == 1 ? "it" : "them", group.files.count == 1)
      let leave = "leave \(them) out: `stacks: {exclude: [\(group.excluded)]}`"
      let ways = group.lines.map { "\($0.purpose), write on the host: `stacks: {\($0.line)}`" }.joined(separator: "; ")
      let (message, help): (String, String) =
        switch group.files[0].kind {
        case .compose where group.isOverrideAlone:
          (
            "\(group.subject) is laid over a Compose file by its name, and git has none beside it",
            "commit that one; or \(leave)"
          )
        case .compose where group.isIncomplete:
          ("\(group.subject) \(group.lack)", "add the file that has them with `compose_files:`; or \(leave)")
        case .compose:
          (
            "\(group.subject) \(one ? "looks like a Compose file" : "look like Compose files"), and no stack uses \(them)",
            "\(ways)\(group.overlayNote.map { " (\($0))" } ?? ""); or \(leave)"
          )
        case .swarm(let key):
          (
            "\(group.subject) \(one ? "is" : "are") made for `docker stack deploy` (\(key)), and no stack uses \(them)",
            "clup runs `docker compose`, which ignores or refuses that: \(leave); or have Compose run "
              + "\(them) anyway: `stacks: {\(group.lines[0].line)}`"
          )
        case .template(let mark):
          (
            "\(group.subject) \(one ? "is a template" : "are templates") (`\(mark)`) that something has to fill in first",
            "clup deploys a file as it is in git, and only fills in ${VARIABLES} from the live `.env`: commit the finished "
              + "file; or \(leave)"
          )
        case .broken(let why):
          ("\(group.subject) looks like a Compose file, and nobody can read it: \(why)", "correct it; or \(leave)")
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
    var files: [String] = []
    /// Lines for directories of their own.
    var lines: [String] = []
    /// What is no Compose file as it is, each with what it is.
    var others: [String: String] = [:]
    /// What is laid over the files of a line if somebody chooses it, a sentence each.
    public var overlays: [String] = []
  }

  /// Returns what could be written under `stacks:` for files; `taken` are those for which something is written there already, with
  /// the names of their projects.
  public static func choice(
    for files: [UnmanagedFile], in tree: CommitTree, stacks: [StackSource] = [], taken: [String: String] = [:]
  ) -> Choice {
    groups(of: files, in: tree, stacks, taken: taken).reduce(into: Choice()) { choice, group in
      switch group.files[0].kind {
      case .compose where group.isOverrideAlone:
        for file in group.files { choice.others[file.path] = "laid over a Compose file that git does not have" }
      case .compose where group.isIncomplete:
        for file in group.files { choice.others[file.path] = group.lack }
      case .compose:
        if let line = group.ownLine { choice.lines.append(line) } else { choice.files += group.patterns }
        if let note = group.overlayNote { choice.overlays.append(note) }
      case .swarm(let key):
        for pattern in group.patterns { choice.others[pattern] = "made for `docker stack deploy` (\(key))" }
      case .broken(let why): for file in group.files { choice.others[file.path] = "nobody can read it, \(why)" }
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

    /// Whether files of other directories are called like the only one of it, so that the directory tells them apart.
    var isAlike = false
    /// Whether the pattern takes files that are stacks already.
    var takesStacks = false
    /// What is laid over them if somebody chooses it.
    var overlays: [UnmanagedFile] = []
    var overlayPatterns: [String] = []

    init(_ files: [UnmanagedFile], _ patterns: [String], _ stack: StackSource? = nil) {
      (self.files, self.patterns, self.stack) = (files, patterns, stack)
    }

    private var base: UnmanagedFile.Base? { files.lazy.compactMap(\.base).first }

    /// Whether it is what Compose lays over a file that is not there.
    var isOverrideAlone: Bool {
      base == nil && files.count == 1 && ComposeFileName.override.contains(Path.name(files[0].path))
    }

    /// Whether it lacks services that no file here has.
    var isIncomplete: Bool { base == nil && files.contains { !$0.lacking.isEmpty } }

    var lack: String {
      let services = Set(files.flatMap(\.lacking)).sorted()
      return "\(files.count == 1 ? "needs" : "need") \(services.count == 1 ? "the service" : "the services") "
        + "\(services.listed(4)) of another Compose file"
    }

    /// Names the overlays for a sentence.
    var overlayNote: String? {
      if overlays.isEmpty { return nil }
      let line = StackSource.layered([files[0].path, overlays[0].path], in: Path.parent(files[0].path))
      return "\(overlayPatterns.listed(6)) \(overlays.count == 1 ? "adds" : "add") to services of \(files[0].path); "
        + "lay one over it by its name: `stacks: {\(line)}`"
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

    /// The patterns as a list of YAML.
    var list: String { Self.list(patterns) }

    /// The same for what is left out, where a pattern takes stacks as well.
    var excluded: String { Self.list(takesStacks ? files.map(\.path) : patterns) }

    /// Only the first ones of very many.
    private static func list(_ patterns: [String]) -> String {
      let length = patterns.reduce(0) { $0 + $1.count + 2 }
      let shown = patterns.prefix(patterns.count > mostNamed || length > 200 ? 3 : patterns.count)
      return
        (shown.map { $0.contains("*") ? "\"\($0)\"" : $0 } + (shown.count < patterns.count ? ["…"] : []))
        .joined(separator: ", ")
    }

    /// What is written under a name of its own rather than under `files`: files that are called as parts of one.
    var ownLine: String? {
      if let base { return layered(over: base, files) }
      let alone = StackSource.layered([files[0].path], in: Path.parent(files[0].path))
      if !overlays.isEmpty || isAlike { return alone }
      guard patterns.count == files.count, files.allSatisfy(\.isNamedAsVariant) else { return nil }
      if let stack { return stack.layered(stack.composeFiles + files.map(\.path)) }
      return files.count == 1 ? alone : nil
    }

    /// Whether a host runs one of them rather than all: they include the same, or are variants of the same services.
    private var areAlternatives: Bool {
      guard files.count > 1, Set(files.map { Path.parent($0.path) }).count == 1 else { return false }
      let parts = files.flatMap { file in
        file.services.isEmpty ? file.uses : file.isNamedAsVariant ? file.services : []
      }
      return Set(parts).count < parts.count
    }

    private func layered(over base: UnmanagedFile.Base, _ files: [UnmanagedFile]) -> String {
      let own = files.map(\.path).filter { !base.files.contains($0) }
      return StackSource.layered(base.files + own, in: base.directory)
    }

    /// The lines that may be written under `stacks:`, the likeliest first, each with what it is for.
    var lines: [(purpose: String, line: String)] {
      let it = files.count == 1 ? "it" : "them"
      let own = "files: [\(list)]"
      if areAlternatives {
        let one = Group([files[0]], [files[0].path], stack)
        return [("to deploy one of them", one.ownLine ?? "files: [\(one.list)]"), ("to deploy all", own)]
      }
      if base != nil, let line = ownLine {
        return [("to deploy \(it) with what \(it == "it" ? "it needs" : "they need")", line)]
      }
      guard let stack else { return [("to deploy \(it)", ownLine ?? own)] }
      let plain = ("to deploy \(it) as \(files.count == 1 ? "a stack of its" : "stacks of their") own", own)
      let part = (
        "to deploy \(it) as a part of the stack \(stack.name)", stack.layered(stack.composeFiles + files.map(\.path))
      )
      return ownLine == nil ? [plain, part] : [part, plain]
    }
  }

  /// Puts together the files that are laid over the same ones, those that one glob takes, and those of one directory.
  private static func groups(
    of files: [UnmanagedFile], in tree: CommitTree, _ stacks: [StackSource], taken: [String: String] = [:]
  ) -> [Group] {
    var found: [Group] = []
    let based = Dictionary(grouping: files.filter { $0.base != nil }) { $0.base }
    let bases = Set(based.keys.compactMap { $0 }.filter { !$0.isStack }.flatMap(\.files))
    for (base, users) in based {
      guard let base else { continue }
      let users = users.sorted { $0.path < $1.path }
      let own = files.filter { base.files.contains($0.path) && !base.isStack } + users.filter { !$0.isOverlay }
      let overlays = users.filter(\.isOverlay)
      var group = Group(own, own.map(\.path))
      group.overlays = overlays
      let patterns = Glob.covering(Set(overlays.map(\.path)), among: tree.files.map(\.path))
      group.overlayPatterns = patterns.globs.map(\.pattern) + patterns.rest
      if !own.isEmpty { found.append(group) }
    }
    func kind(_ file: UnmanagedFile) -> Int {
      switch file.kind {
      case .compose: file.lacking.isEmpty ? 0 : 1
      case .swarm: 2
      case .template: 3
      case .broken: 4
      }
    }
    let rest = files.filter { $0.base == nil && !bases.contains($0.path) }
    let all = tree.files.map(\.path)
    // What the host names already stays what it is, whatever glob takes it as well; what nobody can read is told by itself.
    let named = stacks.filter { $0.layout != nil }
    let known = Set(taken.keys).union(named.flatMap(\.composeFiles)).union(rest.filter { kind($0) == 4 }.map(\.path))
    let names = ProjectNames(
      taken: Set(taken.values).union(named.compactMap(\.project)), of: known.union(rest.map(\.path)),
      stacks: Set(stacks.filter { $0.name == $0.place.directory }.map(\.name)))
    for (number, alike) in Dictionary(grouping: rest, by: kind) {
      let byPath = Dictionary(alike.map { ($0.path, $0) }) { first, _ in first }
      let cover = names.cover(Set(byPath.keys), among: all, known: number == 0 ? known : [], isFree: number != 0)
      found += cover.globs.map { pattern, paths in
        var group = Group(paths.compactMap { byPath[$0] }, [pattern])
        group.takesStacks = known.contains(where: Glob(pattern).matches)
        return group
      }
      for (directory, paths) in Dictionary(grouping: cover.rest, by: Path.parent) {
        let stack = stacks.first { $0.name == directory && $0.place.directory == directory }
        var group = Group(paths.compactMap { byPath[$0] }, paths, stack)
        group.isAlike = cover.alike.contains(paths[0])
        found.append(group)
      }
    }
    return found.sorted { $0.files[0].path < $1.files[0].path }
  }
}
