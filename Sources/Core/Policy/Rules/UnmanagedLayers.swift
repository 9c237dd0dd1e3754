import YAML

/// What a file makes sense with: the files that have the services which it only adds to, or which its own ones depend on.
extension UnmanagedFile {
  /// Compose files under which others may be laid.
  public struct Base: Sendable, Hashable {
    /// Their directory.
    public let directory: String
    /// The files, from the repository's root.
    let files: [String]
    /// Whether they are a stack already.
    public let isStack: Bool
  }

  /// The services that its own ones depend on and that it does not have.
  static func neededServices(in documents: [Node]) -> Set<String> {
    let services = documents.flatMap { $0["services"]?.merged ?? [] }
    let needed = services.flatMap { service -> [String] in
      let node = service.value
      let others = ["network_mode", "ipc", "pid"].compactMap { node[$0]?.string }.compactMap { text in
        text.hasPrefix("service:") ? String(text.dropFirst(8)) : nil
      }
      let dependencies = node["depends_on"]
      let required = (dependencies?.mapping ?? []).filter { $0.value["required"]?.string != "false" }
      let extended = node["extends"]
      return others + (dependencies?.sequence ?? []).compactMap(\.string) + required.compactMap(\.key.string)
        + ["links", "volumes_from"].flatMap { node[$0]?.sequence ?? [] }.compactMap(\.string)
        .filter { !$0.hasPrefix("container:") }.map { String($0.prefix { $0 != ":" }) }
        + [extended?["file"] == nil ? extended?.string ?? extended?["service"]?.string : nil].compactMap { $0 }
    }
    return Set(needed.filter { !$0.contains("$") }).subtracting(services.compactMap(\.key.string))
  }

  /// The services that another file has to bring; those that it includes or extends may.
  var lacking: Set<String> { kind == .compose && uses.isEmpty ? bare.union(needed) : [] }

  /// Finds for each file that lacks services the one that has them, in its own directory or above: a stack, or else one of the
  /// files themselves; `services` are those of the stacks by name.
  public static func withBases(
    _ files: [UnmanagedFile], stacks: [StackSource], services: [String: Set<String>]
  ) -> [UnmanagedFile] {
    let whole = files.filter { $0.kind == .compose && $0.lacking.isEmpty }
    let taken = Set(stacks.map(\.name))
    return files.map { file in
      guard !file.lacking.isEmpty else { return file }
      var file = file
      for directory in [Path.parent(file.path)] + Path.ancestors(Path.parent(file.path)).reversed() + ["."] {
        if let stack = stacks.first(where: { $0.name == directory && $0.place.directory == directory }),
          file.lacking.isSubset(of: services[stack.name] ?? [])
        {
          file.base = Base(directory: directory, files: stack.composeFiles, isStack: true)
        } else if !taken.contains(directory) {
          let found = whole.filter { Path.parent($0.path) == directory && file.lacking.isSubset(of: $0.services) }
          if found.count == 1 { file.base = Base(directory: directory, files: [found[0].path], isStack: false) }
        }
        if file.base != nil { break }
      }
      return file
    }
  }

  /// Whether it adds to a service of another file, so that one chooses whether to lay it over that one.
  public var isOverlay: Bool { !bare.isEmpty && !lacking.isEmpty }
}

/// A file that is laid over a stack's, or takes the place of them, if the host says so.
public struct Variant: Sendable, Equatable {
  /// The file.
  public let path: String
  let stack: StackSource
  /// Whether it can run without the stack's own files.
  let isWhole: Bool

  /// Describes what a file is to a stack; `services` are those of the stack.
  public init(_ file: UnmanagedFile, of stack: StackSource, services: Set<String>) {
    (path, self.stack) = (file.path, stack)
    isWhole = file.lacking.isEmpty && file.services.isSuperset(of: services)
  }

  /// Takes a file for a variant, too, where most of its directory is laid over one stack of another directory; `services` are
  /// those of the stacks.
  public static func takingSiblings(
    _ files: [UnmanagedFile], _ variants: [Variant], services: [String: Set<String>]
  ) -> (files: [UnmanagedFile], variants: [Variant]) {
    var (left, all) = ([UnmanagedFile](), variants)
    for file in files {
      let directory = Path.parent(file.path)
      let siblings = variants.filter { Path.parent($0.path) == directory }
      let others = files.count { Path.parent($0.path) == directory }
      if file.kind == .compose, siblings.count > others, let stack = siblings.first?.stack,
        stack.place.directory != directory, siblings.allSatisfy({ $0.stack == stack })
      {
        all.append(Variant(file, of: stack, services: services[stack.name] ?? []))
      } else {
        left.append(file)
      }
    }
    return (left, all.sorted { $0.path < $1.path })
  }

  /// Tells of variants in a few lines: those of one name together, wherever they are.
  public static func notes(_ variants: [Variant], in tree: CommitTree) -> [String] {
    let (whole, laid) = (variants.filter(\.isWhole), variants.filter { !$0.isWhole })
    return [(whole, true), (laid, false)].flatMap { variants, isWhole -> [String] in
      guard let first = variants.first else { return [] }
      let found = Glob.covering(Set(variants.map(\.path)), among: tree.files.map(\.path))
      let names = found.globs.map { "\($0.pattern) (\($0.paths.count))" } + found.rest
      let stacks = Set(variants.map(\.stack.name)).count
      let line: String
      if isWhole, stacks > 1, let glob = found.globs.first {
        line = "files: [\"\(glob.pattern)\"]"
      } else {
        let paths = isWhole ? [first.path] : first.stack.composeFiles + [first.path]
        line = first.stack.layered(paths)
      }
      let what = isWhole ? "instead of the files beside them" : "laid over the others of their stack"
      let each = stacks == 1 || line.hasPrefix("files") ? "" : "such a line for each stack, as "
      return [
        "variants not used: \(names.listed(6)); to use them \(what), write on the host \(each)`stacks: {\(line)}`"
      ]
    }
  }
}

extension StackSource {
  /// The line of a configuration that makes the stack of these files.
  func layered(_ paths: [String]) -> String { Self.layered(paths, in: name) }

  /// The same for a directory that may be no stack yet.
  public static func layered(_ paths: [String], in directory: String) -> String {
    let names = paths.map { Path.relative($0, to: directory) ?? $0 }
    return "\(directory): {compose_files: [\(names.joined(separator: ", "))]}"
  }
}
