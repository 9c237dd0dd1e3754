import Glibc

/// Identifies the file of a Unix socket, so that only the one that was made is removed.
struct SocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Removes the file, unless another one stands there now.
  func remove() {
    guard let now = SocketFile(path), now.device == device, now.inode == inode else { return }
    unlink(path)
  }

  /// Removes a socket that nobody listens on any more; refuses anything else that stands at `path`.
  static func makeRoom(_ path: String, _ what: String) throws(HTTPServerError) {
    guard (1..<maximumPathLength).contains(path.utf8.count), !path.utf8.contains(0) else {
      throw HTTPServerError(
        kind: .badEndpoint, message: "\(what): the path of a socket has 1 to \(maximumPathLength - 1) bytes")
    }
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw HTTPServerError(kind: .badEndpoint, message: "\(what): a file that is not a socket is in its place")
    }
    let probe = try check(what) {
      socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }
    defer { close(probe) }
    // EAGAIN comes from a listener whose queue is full.
    if withUnixAddress(path, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN {
      throw .system(EADDRINUSE, what)
    }
    guard errno == ECONNREFUSED else { throw .system(errno, what) }
    try check(what) { unlink(path) }
  }
}

private let maximumPathLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

/// Lends `path` as a socket address; it must be shorter than 108 bytes.
func withUnixAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
  }
}
