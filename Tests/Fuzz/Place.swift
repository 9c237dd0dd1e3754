@testable import Core

/// Whose a path is, said once more in the simplest way.
enum Place {
  static let subject = Subject(
    stack: "s", kind: .stack, model: .object([:]), sources: [],
    paths: HostPaths(liveRoot: "/live", checkout: "/live/clup", stacks: ["s": "s", "t": "t", "s/inner": "s/inner"]),
    policy: Policy(), today: "2026-01-01")

  static let protected = ProtectedPaths()

  private static let forbidden = [
    "/etc", "/proc", "/sys", "/run", "/var/run", "/dev", "/root", "/boot", "/var/lib/docker", "/live/clup", "/live/t",
  ]
  private static let readable = [
    "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/etc/hostname", "/etc/os-release", "/etc/ssl/certs",
  ]
  private static let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]

  /// The components of an absolute path after its dots, as bytes, which is how the kernel compares them.
  static func resolved(_ path: String) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    for part in path.utf8.split(separator: 0x2f).map(Array.init) where part != Array(".".utf8) {
      if part == Array("..".utf8) { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts
  }

  /// No stack may have what is the system's, clup's or another stack's, however the path is written.
  static func hold(_ path: String, _ subject: Subject, readOnly: Bool) {
    guard subject.objection(to: path, readOnly: readOnly) == nil, !path.hasPrefix(Placeholder.path) else { return }
    let parts = resolved(path)
    if readOnly, devices.contains(where: { parts == resolved($0) }) { return }
    if readOnly, readable.contains(where: { parts.starts(with: resolved($0)) }) { return }
    Fuzz.hold(!parts.isEmpty, "nobody may have the whole host: \(path)")
    for place in forbidden {
      let other = resolved(place)
      Fuzz.hold(!parts.starts(with: other), "nobody may have \(place): \(path)")
      Fuzz.hold(!other.starts(with: parts), "nobody may have what holds \(place): \(path)")
    }
  }
}

extension Target {
  /// Paths, URLs, times and patterns, one a line.
  static let places = Target("places") { bytes in
    _ = try? Probe(.object(["http": .string(text(bytes))]))
    for line in lines(bytes) {
      look(line)
      if Path.isAbsolute(line) {
        for readOnly in [true, false] { Place.hold(line, Place.subject, readOnly: readOnly) }
      }
      _ = Place.subject.ownership(of: Path.join("s", line))
      _ = Place.protected.glob(protecting: line)
      let glob = Glob(line)
      _ = glob.covers("a/b/.env") || glob.covers(line)
      if let time = Duration(parsing: line) {
        hold(time >= .zero && Duration(parsing: time.text) == time, "a time is written as it is read: \(line)")
      }
      _ = RepositoryURL(line)?.knownHostName
      _ = Probe.port(of: line)
      _ = Secrets.isSecretName(line)
    }
  }

  private static func look(_ path: String) {
    for base in ["", ".", "s", "/live"] {
      let found = Path.join(base, path)
      hold(Path.normalized(found) == found, "what is normal stays so: \(found)")
      let parts = Path.components(found)
      hold(!parts.contains(".") || found == ".", "no component is a dot: \(found)")
      let names = Path.isAbsolute(found) ? parts : Array(parts.drop { $0 == ".." })
      hold(!names.contains(".."), "nothing leads up behind a name: \(found)")
      if Path.isAbsolute(found) {
        hold(
          parts.map { Array($0.utf8) }
            == Place.resolved(base == "/live" && !Path.isAbsolute(path) ? "/live/" + path : path),
          "it leads where the kernel goes: \(found)")
      }
      if found != ".", found != "/" {
        hold(Path.join(Path.parent(found), Path.name(found)) == found, "parent and name make the path: \(found)")
      }
      for directory in ["/live", "s", "/", "."] {
        guard let rest = Path.relative(found, to: directory) else { continue }
        hold(!Path.components(rest).contains(".."), "what lies below does not lead up: \(found)")
        hold(Path.join(directory, rest).utf8.elementsEqual(found.utf8), "what lies below lies there: \(found)")
      }
      hold(Path.ancestors(found).count < max(1, Path.components(found).count), "fewer ancestors than components")
    }
  }
}
