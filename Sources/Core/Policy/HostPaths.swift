/// Where the host keeps what, as far as rules care.
public struct HostPaths: Sendable {
  /// The live root.
  public let liveRoot: String
  /// clup's own directory.
  var checkout: String?
  /// The directory of each stack by its name, those that left the repository and run on included.
  public var stacks: [String: String] = [:]
  /// The stacks that the host names by themselves.
  public var named: Set<String> = []
  /// The commit.
  public var tree: CommitTree?
  /// The absolute paths that Compose reads for the stack: its files, what they include, files of values.
  public var reads: Set<String> = []
  /// Where a path leads once its symbolic links are followed, for those that lead elsewhere.
  public var real: [String: String] = [:]
  /// Bind sources that the host does not have.
  public var missing: Set<String> = []
  /// Directories of the commit, relative to the live root, in which the host keeps more than the commit has.
  public var mixed: Set<String> = []
  /// What the stack has used before of what is in no stack's directory, relative to the live root.
  public var used: Set<String> = []
  /// The engine's own directories and its socket, as far as it was asked.
  public var engine: Set<String> = []
  /// Files of clup's own next to the checkout.
  public var own: Set<String> = []
  /// Whether the live root is a real host's, not a work tree that stands for one.
  var isHost = true
  /// Whether the live root and the bind roots are those of a host's configuration, also where nobody is on that host.
  public var knowsRoots = false
  /// Whether the live root lies where a host has it; a work tree may lie anywhere.
  public var knowsPlace = true
  /// The directories around a work tree that its own relative paths lead up to.
  public var climbed: Set<String> = []
}

extension HostPaths {
  /// Describes a host.
  public init(liveRoot: String, checkout: String?, stacks: [String: String], isHost: Bool) {
    self.init(liveRoot: liveRoot, checkout: checkout, stacks: stacks, real: [:], isHost: isHost)
  }

  /// Whether clup and the engine see the same at a path: a unit of systemd may give clup a `/tmp` and a `/dev` of its own.
  public static func isShared(_ path: String) -> Bool {
    !["/tmp", "/var/tmp", "/dev"].contains { path == $0 || Path.relative(path, to: $0) != nil }
  }

  /// Whether a directory of the host holds a path, or is it.
  ///
  /// Which directories of a host hold the live root, a work tree says only of those that its relative paths lead up to.
  public func holds(_ directory: String, _ path: String) -> Bool {
    guard Path.relative(path, to: directory) != nil else { return false }
    return knowsPlace || directory == "/" || climbed.contains(directory)
      || Path.relative(directory, to: liveRoot) != nil
      || Path.relative(path, to: liveRoot) == nil
  }

  /// A path as written and as it is after its links.
  public func forms(_ path: String) -> [String] {
    let plain = Path.normalized(path)
    return [plain] + (real[plain].map { [$0] } ?? [])
  }
}
