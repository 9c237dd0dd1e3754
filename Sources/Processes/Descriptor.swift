import CLinux
import Glibc

/// Owns a file descriptor and closes it at the end of its life.
struct Descriptor: ~Copyable, Sendable {
  let raw: Int32

  /// Takes over an open descriptor.
  ///
  /// A number below 3 is moved up: a process that was started without standard streams gets those numbers for its pipes,
  /// and placing them in a child would overwrite one with another.
  init(owning raw: Int32) throws(ProcessError) {
    guard raw < 3 else {
      self.raw = raw
      return
    }
    let moved = fcntl(raw, F_DUPFD_CLOEXEC, 3)
    let number = errno
    close(raw)
    guard moved >= 0 else { throw .system(number, "cannot duplicate a descriptor") }
    self.raw = moved
  }

  deinit {
    close(raw)
  }

  func makeNonBlocking() throws(ProcessError) {
    try check("cannot set up a pipe") { fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK) }
  }
}

/// Holds the two ends of a pipe.
struct Pipe: ~Copyable {
  let reading: Descriptor
  let writing: Descriptor

  static func make() throws(ProcessError) -> Pipe {
    var ends: [Int32] = [-1, -1]
    try check("cannot make a pipe") { clinux_pipe(&ends) }
    let reading: Descriptor
    do {
      reading = try Descriptor(owning: ends[0])
    } catch {
      close(ends[1])
      throw error
    }
    return Pipe(reading: reading, writing: try Descriptor(owning: ends[1]))
  }
}

/// Calls a system function again for as long as a signal interrupts it, and throws its error number.
@discardableResult
func check<Number: SignedInteger>(_ what: String, _ call: () -> Number) throws(ProcessError) -> Number {
  while true {
    let result = call()
    if result >= 0 { return result }
    let number = errno
    if number != EINTR { throw .system(number, what) }
  }
}
