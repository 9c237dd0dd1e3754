import YAML

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
    let exposed = (subject.model["networks"]?.object ?? [:]).sorted { $0.key < $1.key }.compactMap {
      name, json -> Finding? in
      let driver = json["driver"]?.string ?? ""
      let modes = (json["driver_opts"]?.object ?? [:]).filter { $0.key.contains("gateway_mode") }.values
      let open = modes.compactMap(\.string).first { $0 == "nat-unprotected" || $0 == "routed" }
      guard driver == "macvlan" || driver == "ipvlan" || open != nil else { return nil }
      return Finding(
        place: subject.place(topLevel: ["networks", name, open == nil ? "driver" : "driver_opts"]),
        message: "the network \(name) (\(open ?? driver)) puts every port of its containers on the host's own network",
        help: "use a bridge network, and publish what is needed on loopback")
    }
    return exposed
      + subject.services.flatMap { service, json in
        (json["ports"]?.array ?? []).map(Port.init).filter { !$0.isLoopback }.map { port in
          Finding(
            service: service, place: subject.place(service, of: port),
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
    if bare == "localhost" || bare.hasPrefix("127.") { return true }
    let lower = bare.lowercased()
    if lower.hasPrefix("::ffff:127.") || lower.hasPrefix("::ffff:7f") { return true }
    let groups = lower.split(separator: ":")
    return lower.contains(":") && groups.last.map { Int($0, radix: 16) == 1 } == true
      && groups.dropLast().allSatisfy { Int($0, radix: 16) == 0 }
  }

  var text: String { (published.isEmpty ? target : "\(published):\(target)") + "/\(transport)" }

  /// Says how far an item of the source agrees; 0 when it is about another port.
  static func likeness(of item: Node, to port: Port) -> Int {
    let own: (address: String, published: String, target: String, transport: String)
    if let text = item.string?.withDefaults {
      let sides = text.split(separator: "/", maxSplits: 1).map(String.init)
      var parts = (sides.first ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      let target = parts.popLast() ?? ""
      let published = parts.popLast() ?? ""
      own = (parts.joined(separator: ":"), published, target, sides.count > 1 ? sides[1] : "tcp")
    } else {
      func text(_ key: String) -> String { item[key]?.string?.withDefaults ?? "" }
      own = (text("host_ip"), text("published"), text("target"), item["protocol"]?.string ?? "tcp")
    }
    guard holds(own.target, port.target), own.transport == port.transport else { return 0 }
    let bare = { (address: String) in address.filter { $0 != "[" && $0 != "]" } }
    return 1 + (holds(own.published, port.published) ? 1 : 0) + (bare(own.address) == bare(port.address) ? 2 : 0)
  }

  /// Says whether a port or a range holds a port.
  private static func holds(_ range: String, _ port: String) -> Bool {
    let ends = range.split(separator: "-").compactMap { Int($0) }
    guard let low = ends.first, let high = ends.last, let number = Int(port) else {
      return range == port || range.contains("$")
    }
    return low <= number && number <= high
  }

  /// What the source may say about it.
  var clues: [String] { ["\(published):\(target)", published, target] }
}
