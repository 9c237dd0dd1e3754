import Glibc

/// Tells systemd how the daemon stands; see sd_notify(3). Without systemd nothing happens.
struct ServiceManager: Sendable {
  private let socket: String?
  /// How often the watchdog wants to hear, if at all.
  let watchdog: Duration?

  init(environment: [String: String]) {
    socket = environment["NOTIFY_SOCKET"]
    let own = environment["WATCHDOG_PID"].map { $0 == String(getpid()) } ?? true
    watchdog = own ? environment["WATCHDOG_USEC"].flatMap { Int($0) }.map { .microseconds($0 / 2) } : nil
  }

  /// Tells that the configuration is being read again; `READY=1` ends that.
  func reloading() {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    tell("RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
  }

  /// Sends lines such as `READY=1`.
  func tell(_ lines: String...) {
    guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@") else { return }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var name = Array(socket.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard name.count < room else { return }
    // An abstract name begins with a byte of zero.
    if name[0] == UInt8(ascii: "@") { name[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let descriptor = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    let text = Array(lines.joined(separator: "\n").utf8)
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
  }
}
