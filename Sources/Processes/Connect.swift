import CLinux
import Glibc

/// Starts a program that speaks with whoever holds the other end of a socket, as its standard input and output, and gives
/// that end, which the caller closes.
///
/// The program is to end by itself when its input does; it is ended with its deadline, and with this process.
public func connect(to command: Command) throws(ProcessError) -> Int32 {
  var ends: [Int32] = [-1, -1]
  try check("cannot make a socket") { clinux_sockets(&ends) }
  let other: Descriptor
  do { other = try Descriptor(owning: ends[1]) } catch {
    close(ends[0])
    throw error
  }
  do {
    let supervisor = try Supervisor.shared()
    supervisor.start(
      Job(id: supervisor.newID(), command: command, socket: SharedDescriptor(other)) { _ in })
  } catch {
    close(ends[0])
    throw error
  }
  return ends[0]
}

/// A descriptor that is handed to another thread, and closed with its last holder.
final class SharedDescriptor: Sendable {
  private let descriptor: Descriptor
  var raw: Int32 { descriptor.raw }

  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
