/// A range of IPv4 addresses, as `10.0.0.0/8`.
public struct AddressRange: Sendable, Hashable {
  private let first: UInt32
  private let bits: Int

  /// Takes the first address as a number and the length of the prefix.
  public init(_ address: UInt32, bits: Int) {
    self.bits = min(max(bits, 0), 32)
    first = self.bits == 0 ? 0 : address & (UInt32.max << UInt32(32 - self.bits))
  }

  /// Reads `10.0.0.0/8`; nothing for another kind of address.
  init?(_ text: String) {
    let parts = text.split(separator: "/").map(String.init)
    let octets = parts.first?.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) } ?? []
    guard parts.count == 2, octets.count == 4, let bits = Int(parts[1]), (0...32).contains(bits) else { return nil }
    self.init(octets.reduce(0) { $0 << 8 | UInt32($1) }, bits: bits)
  }

  /// Whether both have an address in common.
  func overlaps(_ other: AddressRange) -> Bool {
    let shared = min(bits, other.bits)
    return AddressRange(first, bits: shared).first == AddressRange(other.first, bits: shared).first
  }

  /// Whether it is as large as no network of a stack has to be: it takes the way to whole companies.
  var isHuge: Bool { bits < 12 }
}

extension Subject {
  /// The networks that it makes and for which it says which addresses or which interface of the host they get.
  var chosenNetworks: [(key: String, name: String, ranges: [String], bridge: String?)] {
    model["networks"].members.compactMap { key, network in
      guard network["external"]?.bool != true, ["", "bridge"].contains(network["driver"]?.string ?? "") else {
        return nil
      }
      let ranges = network["ipam"]["config"].array.compactMap { $0["subnet"]?.string }
      let bridge = network["driver_opts"]?["com.docker.network.bridge.name"]?.text
      if ranges.isEmpty, bridge == nil { return nil }
      return (key, network["name"]?.string ?? key, ranges, bridge)
    }
  }

  /// Finds networks that take addresses or an interface which the host has itself: it would no longer reach what is there.
  var hostNetworks: [Finding] {
    chosenNetworks.flatMap { network -> [Finding] in
      let isThere = present?.networks.contains(network.name) ?? false
      let ranges = network.ranges.compactMap { text in AddressRange(text).map { (text, $0) } }
      let taken = ranges.lazy.compactMap { text, range -> (String, String)? in
        if range.isHuge { return (text, "which is far more than a stack needs") }
        let holder = (self.present?.interfaces ?? [:]).sorted { $0.key < $1.key }.first { name, own in
          !(isThere && name == network.bridge) && own.contains { $0.overlaps(range) }
        }
        return holder.map { (text, "which this host reaches through \($0.key)") }
      }.first
      var found: [Finding] = []
      if let (text, why) = taken {
        found.append(
          Finding(
            place: place(topLevel: ["networks", network.key]),
            message: "the network \(network.name) takes the addresses \(text), \(why)",
            help: "leave `ipam` out, so that the engine takes a free range, or name a smaller range that nobody uses"))
      }
      if let bridge = network.bridge, !isThere, present?.interfaces[bridge] != nil {
        found.append(
          Finding(
            place: place(topLevel: ["networks", network.key]),
            message:
              "the network \(network.name) takes the host's own interface \(bridge), which would lose its addresses",
            help: "name another bridge, or leave the option out"))
      }
      return found
    }
  }
}
