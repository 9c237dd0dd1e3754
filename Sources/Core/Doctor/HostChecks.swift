/// Judges the system that clup runs on.
public enum HostChecks {
  /// Judges the text of os-release(5).
  public static func system(_ release: String?) -> Check {
    let expected = "Debian 12, Ubuntu 24.04 or later"
    guard let release else {
      return Check(
        .host, "operating system", .warning, found: "unknown: there is no /etc/os-release", expected: expected,
        help: "clup is tested on \(expected); elsewhere, check that `deploy/test` passes")
    }
    let values = release.split(separator: "\n").reduce(into: [String: String]()) { values, line in
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1].filter { !"\"'".contains($0) } }
    }
    let name = values["PRETTY_NAME"] ?? [values["NAME"], values["VERSION_ID"]].compactMap { $0 }.joined(separator: " ")
    let version = values["VERSION_ID"]
    let oldest = ["debian": "12", "ubuntu": "24.04"][values["ID"] ?? ""]
    // Debian's next release has no number until it is one.
    let isTested = oldest.map { least in version.map { VersionOrder($0) >= VersionOrder(least) } ?? true } ?? false
    return Check(
      .host, "operating system", isTested ? .good : .warning, found: name.isEmpty ? "unknown" : name,
      expected: expected, help: "clup is tested on \(expected); here it may lack a library or a program")
  }

  /// Judges what `uname -r` prints. clup waits for programs by pidfd, which takes Linux 5.4.
  public static func kernel(_ release: String) -> Check {
    let isGood = VersionOrder(numbers(in: release)) >= VersionOrder("5.4")
    return Check(
      .host, "kernel", isGood ? .good : .failed, found: "Linux \(release)", expected: "5.4 or later",
      help: "upgrade the system's kernel and reboot")
  }

  /// Judges the version of Landlock that the kernel offers, 0 for none.
  public static func landlock(_ version: Int, isSupported: Bool) -> Check {
    Check(
      .host, "Landlock", isSupported ? .good : .warning,
      found: version == 0 ? "not offered by this kernel" : "version \(version)", expected: "version 2 or later",
      help:
        "boot Linux 5.19 or later with `landlock` in its `lsm=` list; until then only clup's own checks keep it from "
        + "writing elsewhere")
  }

  /// The programs that keep a clock right, as the kernel calls their processes.
  public static let timeServices: Set<String> = [
    "chronyd", "ntpd", "systemd-timesyn", "openntpd", "ntpsec", "ptp4l", "timemaster",
  ]

  /// Judges the clock: whether the kernel calls it synchronised, nothing where it may not be asked. In a container without
  /// a time service (`isOthers`) it is whoever runs that who keeps it.
  public static func clock(isSynchronised: Bool?, now: String, isOthers: Bool) -> Check {
    guard let isSynchronised else {
      return Check(.host, "clock", skipped: "this process may not ask the kernel about its clock")
    }
    if !isSynchronised, isOthers {
      return Check(
        .host, "clock", skipped: "\(now); this is a container without a time service: its clock is kept from outside")
    }
    return Check(
      .host, "clock", isSynchronised ? .good : .warning,
      found: isSynchronised ? "\(now), synchronised" : "\(now), not synchronised", expected: "synchronised",
      help: "`timedatectl set-ntp true`, or install chrony: certificates, waivers and intervals go by the clock")
  }

  /// Judges a version against the oldest that clup can use; nothing where the program does not say which it is.
  public static func version(_ name: String, _ version: String?, oldest: String, details: String = "", help: String)
    -> Check
  {
    let known = version.map(numbers) ?? ""
    let found = known.isEmpty ? "a version that it does not tell" : version ?? ""
    let isGood = known.isEmpty || VersionOrder(known) >= VersionOrder(oldest)
    return Check(
      .docker, name, isGood ? .good : .failed, found: found + (details.isEmpty ? "" : ", \(details)"),
      expected: "\(oldest) or later", help: help)
  }

  private static func numbers(in version: String) -> String {
    String(version.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." })
  }
}
