/// Decides how the tracked paths that a stack refers to reach their live paths.
///
/// What a container may write to is always a copy: through a link it would write into a release.
public struct ManagedPaths {
  /// How a service uses a tracked path.
  public enum Manner: Sendable {
    case plain
    /// A container sees it without the rest of the live root, where a link would lead nowhere.
    case mounted
  }

  /// What is to stand at each live path.
  private(set) var links: [String: DesiredLink] = [:]
  /// What must not be linked.
  public private(set) var diagnostics: [Diagnostic] = []
  /// Whether the stack's own directory is kept from its containers although they may write to what is above it.
  public var isCovered = false

  private let tree: CommitTree
  private let stack: String
  private let directory: String
  private let protected: ProtectedPaths
  private let written: MountedPaths
  private let seen: MountedPaths
  private let composeFiles: Set<String>
  private let isDirectory: (String) -> Bool?
  private var refused: Set<String> = []

  /// Starts for one stack; `isDirectory` tells what stands at a live path, nothing when nothing does.
  ///
  /// `written` are the live paths that containers may write to, `seen` all that they mount, `composeFiles` the Compose
  /// files of all stacks.
  public init(
    tree: CommitTree, stack: String, directory: String? = nil, protected: ProtectedPaths,
    written: MountedPaths = MountedPaths([]), seen: MountedPaths = MountedPaths([]), composeFiles: Set<String> = [],
    isDirectory: @escaping (String) -> Bool?
  ) {
    self.tree = tree
    self.stack = stack
    self.directory = directory ?? stack
    self.protected = protected
    self.written = written
    self.seen = seen
    self.composeFiles = composeFiles
    self.isDirectory = isDirectory
  }

  /// Adds a path; a directory that really stands there, or in which a container may write, is filled entry by entry.
  public mutating func add(_ path: String, _ manner: Manner) {
    guard let entry = tree[path] else { return }
    if let glob = protected.glob(protecting: path) { return addState(entry, glob) }
    switch entry.kind {
    case .file, .executable:
      // A Compose file in a directory that a container may write to stays a link, which leads nowhere in there.
      let isInside = written.covers(path) ? !composeFiles.contains(path) : seen.holds(path)
      put(entry, isInside || written.names(path) ? .copy : .link)
    case .symlink, .submodule: refuse(entry)
    case .directory:
      refuseState(below: path)
      let real = (isDirectory(path) ?? (path == ".")) || written.touches(path) || seen.holds(path)
      guard real || directory == path || Path.relative(directory, to: path) != nil else {
        for file in tree.files(under: path) where !file.isRegular { refuse(file) }
        links[path] = DesiredLink(kind: .link, entry)
        return
      }
      if manner == .plain, !written.covers(path) {
        for child in tree.children(of: path) { add(child.path, manner) }
        return
      }
      for file in tree.files(under: path) {
        if !file.isRegular {
          add(file.path, manner)
        } else if !composeFiles.contains(file.path) {
          put(file, .copy)
        }
      }
    }
  }

  /// Refuses directories below one that is brought as a whole which are called as the host calls its runtime state.
  private mutating func refuseState(below path: String) {
    for file in tree.files(under: path) where !GitKeepFile.isNamed(file.path) {
      guard let glob = protected.glob(protecting: file.path), Discovery.anywhere.contains(glob) else { continue }
      let above = Path.ancestors(file.path).filter { Path.relative($0, to: path) != nil && $0 != path }
      let state = above.filter { protected.glob(protecting: $0) != nil }.min { $0.utf8.count < $1.utf8.count }
      if refused.insert(state ?? file.path).inserted {
        diagnostics.append(Discovery.landsOnState(state ?? file.path, glob: glob, stack: stack))
      }
    }
  }

  /// Of a directory of runtime state only the files are taken that the host lets be tracked.
  private mutating func addState(_ entry: TrackedPath, _ glob: String) {
    guard entry.kind == .directory else {
      if GitKeepFile.isNamed(entry.path) { return }
      if refused.insert(entry.path).inserted {
        diagnostics.append(Discovery.landsOnState(entry.path, glob: glob, stack: stack))
      }
      return
    }
    let files = tree.files(under: entry.path).filter { !GitKeepFile.isNamed($0.path) }
    var state: [String] = []
    for file in files {
      if protected.glob(protecting: file.path) != nil {
        state.append(file.path)
      } else if file.isRegular {
        put(file, .copy)
      } else {
        add(file.path, .plain)
      }
    }
    // Beside what the host lets be tracked each file is named.
    for path in state.count < files.count ? state : state.isEmpty ? [] : [entry.path]
    where refused.insert(path).inserted {
      diagnostics.append(Discovery.landsOnState(path, glob: glob, stack: stack))
    }
  }

  /// Refuses a path that lies below a symbolic link or submodule of the commit: neither is brought to the host.
  public mutating func check(above path: String) {
    for ancestor in Path.ancestors(path) {
      if let entry = tree[ancestor], entry.kind == .symlink || entry.kind == .submodule { refuse(entry) }
    }
  }

  private mutating func put(_ file: TrackedPath, _ kind: DesiredLink.Kind) {
    // Whoever needs a copy decides.
    if let present = links[file.path], present.kind == .copy || kind == .link { return }
    links[file.path] = DesiredLink(kind: kind, file)
    let isKept = isCovered && Path.relative(file.path, to: directory) != nil
    if kind == .copy, written.covers(file.path), !isKept { links[file.path]?.isWritable = true }
  }

  private mutating func refuse(_ entry: TrackedPath) {
    guard refused.insert(entry.path).inserted else { return }
    diagnostics.append(Self.refusal(of: entry, in: tree, stack: stack.isEmpty ? nil : stack))
  }

  /// Reports that clup brings no symbolic link to a host, and no submodule that it was not told to or could not fetch.
  public static func refusal(of entry: TrackedPath, in tree: CommitTree, stack: String?) -> Diagnostic {
    let refusal = tree.refusal(at: entry.path)
    return Diagnostic(
      rule: "forbidden-file", file: entry.path, stack: stack,
      message: refusal?.message
        ?? "\(entry.path) is a \(entry.kind == .symlink ? "symbolic link" : "submodule") in a managed path",
      help: refusal?.help
        ?? (entry.kind == .symlink
          ? "commit the file itself"
          : "have clup fetch it with `git: {submodules: true}` in clup.yaml, or commit the files themselves, as "
            + "`git subtree add` does"))
  }

  /// Returns the links without those below a directory that is one itself.
  public var outermost: [String: DesiredLink] {
    links.filter { path, _ in !Path.ancestors(path).contains { links[$0] != nil } }
  }
}

/// Live paths that containers mount, or those of them that they may write to.
public struct MountedPaths: Sendable, Equatable {
  private let paths: Set<String>
  private let above: Set<String>

  /// Indexes paths relative to the live root.
  public init(_ paths: some Sequence<String>) {
    self.paths = Set(paths)
    above = Set(self.paths.flatMap { Path.ancestors($0) }).union(self.paths.isEmpty ? [] : ["."])
  }

  /// Whether a container has the path in a directory that it mounts.
  public func holds(_ path: String) -> Bool {
    if paths.isEmpty || path == "." { return false }
    return paths.contains(".") || Path.ancestors(path).contains(where: paths.contains)
  }

  /// Whether a container may write to the path itself, by a mount of its own.
  func names(_ path: String) -> Bool { paths.contains(path) }

  /// Whether a container may write to the path, by its own mount or one that covers it.
  public func covers(_ path: String) -> Bool {
    if paths.isEmpty { return false }
    return paths.contains(path) || paths.contains(".") || Path.ancestors(path).contains(where: paths.contains)
  }

  /// Whether a container may write to the path or to something below it.
  public func touches(_ path: String) -> Bool { covers(path) || above.contains(path) }
}
