extension Rule {
  static let publishedPort = Rule(
    "published-port", summary: "a published port whose host address is not loopback",
    why: """
      Docker publishes past the host's firewall: its rules come before those of ufw and firewalld. A port without an
      address is open on every network card, IPv6 included.
      """,
    fix: "Write the loopback address before the port, and let a reverse proxy or a tunnel do the rest.",
    bad: """
      services:
        web: {image: "nginx:1.27", ports: ["8080:80"]}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", ports: ["127.0.0.1:8080:80"]}
      """
  ) { subject in
    guard subject.kind == .stack else { return [] }
    return subject.services.flatMap { service, json in
      (json["ports"]?.array ?? []).map(Port.init).filter { !$0.isLoopback }.map { port in
        Finding(
          service: service, place: subject.place(service, "ports", item: port.clues),
          message: port.address.isEmpty
            ? "\(service) publishes \(port.text) on every address of the host"
            : "\(service) publishes \(port.text) on \(port.address)",
          help: "publish it on loopback: `127.0.0.1:\(port.published.isEmpty ? "" : port.published):\(port.target)`")
      }
    }
  }
}

/// One published port as Compose resolves it.
struct Port {
  let address: String
  let published: String
  let target: String
  let transport: String

  init(_ json: JSON) {
    address = json["host_ip"]?.string ?? ""
    published = json["published"]?.string ?? ""
    if case .integer(let number)? = json["target"] { target = String(number) } else { target = "" }
    transport = json["protocol"]?.string ?? "tcp"
  }

  var isLoopback: Bool {
    let bare = address.hasPrefix("[") ? String(address.dropFirst().dropLast()) : address
    return bare == "::1" || bare == "localhost" || bare.hasPrefix("127.") || bare.hasPrefix("::ffff:127.")
  }

  var text: String { (published.isEmpty ? target : "\(published):\(target)") + "/\(transport)" }

  /// What the source may say about it.
  var clues: [String] { ["\(published):\(target)", published, target] }
}
