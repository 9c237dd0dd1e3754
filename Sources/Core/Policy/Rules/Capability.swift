/// The kernel's capabilities, as Docker names them.
enum Capability {
  /// What every container has unless `cap_drop` takes it away; to add one of them gives nothing new.
  private static let defaults: Set<String> = [
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
    "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
  ]

  /// Returns whether Docker gives a capability to every container, `CAP_CHOWN` and `chown` alike.
  static func isDefault(_ name: String) -> Bool {
    let upper = name.uppercased()
    return defaults.contains(upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper)
  }
}
