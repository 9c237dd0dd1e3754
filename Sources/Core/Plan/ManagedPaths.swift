/// Decides how the tracked paths that a stack refers to reach their live paths.
public struct ManagedPaths {
  /// How a service uses a tracked path.
  public enum Manner: Sendable {
    case plain
    /// A container sees it without the rest of the live root, where a link would lead nowhere.
    case mounted
    /// A container may write there: a link to a directory would put its state into a release.
    case writable
  }

  /// What is to stand at each live path.
  public private(set) var links: [String: DesiredLink] = [:]
  /// What must not be linked.
  public private(set) var diagnostics: [Diagnostic] = []

  private let tree: CommitTree
  private let stack: String
  private let protected: ProtectedPaths
  private let isDirectory: (String) -> Bool?

  /// Starts for one stack; `isDirectory` tells what stands at a live path, nothing when nothing does.
  public init(
    tree: CommitTree, stack: String, protected: ProtectedPaths, isDirectory: @escaping (String) -> Bool?
  ) {
    self.tree = tree
    self.stack = stack
    self.protected = protected
    self.isDirectory = isDirectory
  }

  /// Adds a path; a directory that really stands there is filled entry by entry.
  public mutating func add(_ path: String, _ manner: Manner) {
    guard let entry = tree[path] else { return }
    if let glob = protected.glob(protecting: path) { return addState(entry, glob) }
    switch entry.kind {
    case .file, .executable:
      if links[path] == nil { links[path] = DesiredLink(kind: .link, entry) }
    case .symlink, .submodule:
      diagnostics.append(
        Diagnostic(
          rule: "forbidden-file", file: path, stack: stack,
          message: "\(path) is a \(entry.kind == .symlink ? "symbolic link" : "submodule") in a managed path",
          help: "commit the file itself"))
    case .directory:
      let real = isDirectory(path) ?? (path == "." || manner == .writable)
      guard real || stack == path || Path.relative(stack, to: path) != nil else {
        links[path] = DesiredLink(kind: .link, entry)
        return
      }
      if manner == .plain {
        for child in tree.children(of: path) { add(child.path, manner) }
        return
      }
      for file in tree.files(under: path) where links[file.path] == nil {
        if file.kind != .file && file.kind != .executable {
          add(file.path, manner)
        } else if !ComposeFileName.all.contains(Path.name(file.path)) {
          links[file.path] = DesiredLink(kind: .copy, file)
        }
      }
    }
  }

  /// Of a directory of runtime state only the files are taken that the host lets be tracked.
  private mutating func addState(_ entry: TrackedPath, _ glob: String) {
    guard entry.kind == .directory else {
      if Keeper.isNamed(entry.path) { return }
      diagnostics.append(Discovery.landsOnState(entry.path, glob: glob, stack: stack))
      return
    }
    var isState = false
    for file in tree.files(under: entry.path) where !Keeper.isNamed(file.path) {
      if protected.glob(protecting: file.path) != nil {
        isState = true
      } else if file.kind == .file || file.kind == .executable {
        links[file.path] = DesiredLink(kind: .copy, file)
      } else {
        add(file.path, .plain)
      }
    }
    if isState { diagnostics.append(Discovery.landsOnState(entry.path, glob: glob, stack: stack)) }
  }

  /// Gives the links without those below a directory that is one itself.
  public var outermost: [String: DesiredLink] {
    links.filter { path, _ in !Path.ancestors(path).contains { links[$0] != nil } }
  }
}
