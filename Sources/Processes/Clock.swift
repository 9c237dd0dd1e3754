import CLinux

/// The clock of this host.
public enum HostClock {
  /// Whether the kernel calls it synchronised; nothing where this process may not ask. See adjtimex(2).
  public static var isSynchronised: Bool? {
    let answer = clinux_clock_is_synchronised()
    return answer < 0 ? nil : answer == 1
  }
}
