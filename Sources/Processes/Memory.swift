import CLinux
import Glibc

/// What a process that runs for months holds of memory, and gives back.
public enum Memory {
  /// Makes the allocator keep little: one arena for the few threads, and large pieces given back at once.
  public static func settle() { clinux_settle_memory() }

  /// Gives back what was freed, and the code that was used only once, before a long wait.
  public static func rest() {
    clinux_trim_memory()
    clinux_drop_code()
  }

  /// Gives back what was freed.
  public static func trim() { clinux_trim_memory() }

  /// Keeps what is in memory out of core dumps, from now on.
  public static func forbidDumps() { clinux_forbid_dumps() }

  /// What is resident, in bytes; see proc(5).
  public static var resident: Int {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    let numbers = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
    return numbers.count > 1 ? (Int(numbers[1]) ?? 0) * Int(getpagesize()) : 0
  }
}
