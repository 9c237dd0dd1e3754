import Core
import Engine
import Glibc
import Synchronization

/// Watches how little room the engine's disk has while something is done that may fill it, until it is let go: what fails there
/// for want of room is often removed again at once.
final class DiskWatch: Sendable {
  private typealias Disk = (path: String, room: DiskRoom)

  private let engine: EngineClient
  private let fullest = Mutex<Disk?>(nil)
  private let pump = Mutex<Task<Void, Never>?>(nil)

  /// Most steps end sooner, and what they do fills no disk.
  private static let patience = Duration.milliseconds(200)
  private static let pace = Duration.milliseconds(50)
  /// Where a containerd of its own keeps images, if the engine leaves them to one.
  private static let containerd = "/var/lib/containerd"

  /// Begins to watch.
  init(of engine: EngineClient) {
    self.engine = engine
    pump.withLock {
      $0 = Task { [weak self] in
        try? await Task.sleep(for: Self.patience)
        guard !Task.isCancelled, let paths = await Self.paths(of: engine) else { return }
        while !Task.isCancelled, let self {
          self.look(at: paths)
          try? await Task.sleep(for: Self.pace)
        }
      }
    }
  }

  deinit { pump.withLock { $0?.cancel() } }

  /// Reports that a failure is for want of room, where the disk is or was full; else nothing.
  func explaining(_ failure: Failure) async -> Failure? {
    if let paths = await Self.paths(of: engine) { look(at: paths) }
    guard let (path, room) = fullest.withLock({ $0 }) else { return nil }
    let what = room.lacksInodes ? "no inode" : "no room"
    return Failure(
      .host, "\(failure.message); the disk of \(path) has \(what) left",
      help: "make room there: `docker system df` shows what images and containers take",
      outage: .disk)
  }

  private func look(at paths: [String]) {
    for path in paths {
      guard let room = DiskRoom(of: path), room.isFull else { continue }
      fullest.withLock { $0 = $0 ?? (path, room) }
    }
  }

  /// Where the engine keeps images and containers, as far as that is on this host.
  private static func paths(of engine: EngineClient) async -> [String]? {
    guard let info = try? await engine.info() else { return nil }
    return ([info.root] + (info.driver == "overlayfs" ? [containerd] : [])).filter { !Files.isMissing($0) }
  }
}

extension DiskRoom {
  /// Asks the file system of a path; nothing where it does not say.
  init?(of path: String) {
    var found = statvfs()
    guard statvfs(path, &found) == 0 else { return nil }
    let size = Int(found.f_frsize)
    self.init(
      size: Int(found.f_blocks) * size, free: Int(found.f_bavail) * size, inodes: Int(found.f_files),
      freeInodes: Int(found.f_favail))
  }
}
