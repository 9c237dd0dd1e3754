import Core

/// The network interfaces of this host, as the kernel lists them in `/proc/net/dev` and `/proc/net/route`; see proc(5).
enum HostInterfaces {
  /// Returns the networks that are reached through each interface, but for those that the engine names after its networks.
  static func all() -> [String: [AddressRange]] {
    var found: [String: [AddressRange]] = [:]
    for line in (Files.text("/proc/net/dev") ?? "").split(separator: "\n") {
      let name = String(line.drop { $0 == " " }.prefix { $0 != ":" })
      if line.contains(":"), !isOfEngine(name) { found[name] = [] }
    }
    for line in (Files.text("/proc/net/route") ?? "").split(separator: "\n").dropFirst() {
      let fields = line.split(separator: "\t").map { $0.filter { $0 != " " } }
      guard fields.count > 7, let address = UInt32(fields[1], radix: 16), let mask = UInt32(fields[7], radix: 16),
        mask != 0, found[fields[0]] != nil
      else { continue }
      // The kernel writes both in the byte order of the network.
      found[fields[0]]?.append(AddressRange(address.byteSwapped, bits: mask.nonzeroBitCount))
    }
    return found
  }

  /// `docker0`, and `br-` with the first digits of a network's id.
  private static func isOfEngine(_ name: String) -> Bool {
    let digits = name.dropFirst(3)
    return name == "docker0" || name.hasPrefix("veth")
      || name.hasPrefix("br-") && digits.count == 12 && digits.allSatisfy(\.isHexDigit)
  }
}
