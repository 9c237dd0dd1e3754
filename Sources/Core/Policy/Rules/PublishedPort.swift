import YAML

extension Rule {
  static let publishedPort = Rule(
    id: "published-port", summary: "a published port whose host address is not loopback",
    why: """
      Docker publishes past the host's firewall: its rules come before those of ufw and firewalld. A port without an
      address is open on every network card, IPv6 included.
      """,
    fix: """
      Write the loopback address before the port, and let a reverse proxy or a tunnel do the rest. That proxy itself, a mail or
      DNS server or a VPN has to be reached from outside: waive the rule for this service alone.
      """,
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
    let exposed = subject.model["networks"].members.compactMap {
      name, json -> Finding? in
      let driver = json["driver"]?.string ?? ""
      let modes = json["driver_opts"].object.filter { $0.key.contains("gateway_mode") }.values
      let open = modes.compactMap(\.string).first { $0 == "nat-unprotected" || $0 == "routed" }
      guard driver == "macvlan" || driver == "ipvlan" || open != nil else { return nil }
      return Finding(
        place: subject.place(topLevel: ["networks", name, open == nil ? "driver" : "driver_opts"]),
        message: "the network \(name) (\(open ?? driver)) puts every port of its containers on the host's own network",
        help: "use a bridge network, and publish the ports that are needed on loopback")
    }
    return exposed
      + subject.services.flatMap { service, json in
        findings(of: service, json, in: subject) + [withoutEffect(service, json, in: subject)].compactMap { $0 }
      }
  }

  /// Tells of ports that nobody publishes: the engine leaves them out.
  private static func withoutEffect(_ service: String, _ json: JSON, in subject: Subject) -> Finding? {
    guard json.dropsPorts, !json["ports"].array.isEmpty, let mode = json["network_mode"]?.string else { return nil }
    return Finding(
      service: service, place: subject.place(service, ["ports"]),
      message: "`ports` has no effect in \(service): with `network_mode: \(mode)` the engine publishes none",
      help: mode == "host"
        ? "remove `ports`: every port that it listens on is open on the host already" : "remove `ports`",
      severity: .warning)
  }

  /// A range stands at one place and is one decision: it is told once.
  private static func findings(of service: String, _ json: JSON, in subject: Subject) -> [Finding] {
    var groups: [(place: Place, ports: [Port])] = []
    for port in json.publishedPorts.map(Port.init) where !port.isLoopback {
      let place = subject.place(service, of: port)
      if let index = groups.firstIndex(where: {
        $0.place.mark != nil && $0.place == place && $0.ports[0].address == port.address
          && $0.ports[0].transport == port.transport
      }) {
        groups[index].ports.append(port)
      } else {
        groups.append((place, [port]))
      }
    }
    return groups.map { place, ports in
      let published = Port.range(ports.map(\.published))
      let target = Port.range(ports.map(\.target))
      let text = (published.isEmpty ? target : "\(published):\(target)") + "/\(ports[0].transport)"
      let address = ports[0].address
      let whole = Port(address: address, published: published, target: target, transport: ports[0].transport)
      let way = "publish it on loopback: " + whole.loopback(writtenAs: subject.written(ports[0], of: service))
      return Finding(
        service: service, place: place,
        message: "\(service) publishes \(text) on \(address.isEmpty ? "every address of the host" : address)",
        help: ports.contains(where: \.isEdge)
          ? "\(way); a port that must be reached from outside needs \(subject.waiver(of: publishedPort.id, for: service))"
          : way)
    }
  }
}

extension JSON {
  /// Whether the engine leaves out the ports of a service: it has the host's own network, or none.
  var dropsPorts: Bool { ["host", "none"].contains(self["network_mode"]?.string) }

  /// The ports of a service that the engine publishes.
  var publishedPorts: [JSON] { dropsPorts ? [] : self["ports"].array }
}

/// One published port as Compose resolves it.
struct Port: Equatable {
  let address: String
  let published: String
  let target: String
  let transport: String

  init(_ json: JSON) {
    address = json["host_ip"]?.string ?? ""
    published = json["published"]?.string ?? ""
    target = json["target"]?.integer.map(String.init) ?? ""
    transport = json["protocol"]?.string ?? "tcp"
  }

  init(address: String, published: String, target: String, transport: String) {
    (self.address, self.published, self.target, self.transport) = (address, published, target, transport)
  }

  /// Whether it is one that others come to from outside: names, mail, the web, virtual private networks.
  var isEdge: Bool { Self.edges.contains("\(published)/\(transport)") }

  private static let edges: Set<String> = [
    "25/tcp", "53/tcp", "53/udp", "80/tcp", "443/tcp", "443/udp", "465/tcp", "500/udp", "587/tcp", "853/tcp", "993/tcp",
    "995/tcp", "1194/tcp", "1194/udp", "1701/udp", "3478/tcp", "3478/udp", "4500/udp", "51820/udp", "41641/udp",
  ]

  /// Returns how it is published on loopback, in the form that it has; `item` is what is written.
  func loopback(writtenAs item: Node?) -> String {
    if item?.mapping != nil { return "add `host_ip: 127.0.0.1`" }
    let plain = "\(published):\(target)\(transport == "tcp" ? "" : "/" + transport)"
    guard let text = item?.string else { return "`127.0.0.1:\(plain)`" }
    // Within braces a colon is part of a default.
    var (parts, depth) = ([""], 0)
    for letter in text {
      if letter == "{" { depth += 1 } else if letter == "}" { depth -= 1 }
      if letter == ":", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(letter) }
    }
    let own = parts.count > 1 ? parts.suffix(2).joined(separator: ":") : ":" + text
    return "`127.0.0.1:\(own)`"
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

  /// Writes ports as Compose files do: `8000-8010`, or one after the other where they do not follow upon each other.
  static func range(_ ports: [String]) -> String {
    let distinct = ports.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let numbers = distinct.compactMap { Int($0) }.sorted()
    guard distinct.count > 1 else { return distinct.first ?? "" }
    guard numbers.count == distinct.count, let first = numbers.first, let last = numbers.last,
      last - first == numbers.count - 1
    else { return distinct.joined(separator: ",") }
    return "\(first)-\(last)"
  }

  /// Takes the short form apart: `[ADDRESS:][PUBLISHED:]TARGET[/TRANSPORT]`.
  static func parts(of text: String) -> (address: String, published: String, target: String, transport: String) {
    let sides = text.split(separator: "/", maxSplits: 1).map(String.init)
    var parts = (sides.first ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let target = parts.popLast() ?? ""
    let published = parts.popLast() ?? ""
    return (parts.joined(separator: ":"), published, target, sides.count > 1 ? sides[1] : "tcp")
  }

  /// Returns how far an item of the source agrees; 0 when it is about another port.
  static func likeness(of item: Node, to port: Port) -> Int {
    let own: (address: String, published: String, target: String, transport: String)
    if let text = item.string?.withDefaults {
      own = parts(of: text)
    } else {
      func text(_ key: String) -> String { item[key]?.string?.withDefaults ?? "" }
      own = (text("host_ip"), text("published"), text("target"), item["protocol"]?.string ?? "tcp")
    }
    guard holds(own.target, port.target), own.transport == port.transport else { return 0 }
    let bare = { (address: String) in address.filter { $0 != "[" && $0 != "]" } }
    return 1 + (holds(own.published, port.published) ? 1 : 0) + (bare(own.address) == bare(port.address) ? 2 : 0)
  }

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
