/// What a network's driver, its options and its addresses come to.
enum NetworkOptions {
  /// What is not known to be harmless: the keys below the network, and the words after "the network NAME".
  static func objections(to network: JSON, options: AllowedOptions) -> [(keys: [String], words: String)] {
    var found: [(keys: [String], words: String)] = []
    let driver = network["driver"]?.string ?? "bridge"
    // What puts containers on the host's own network has a rule of its own.
    let known = ["bridge", "macvlan", "ipvlan", "default", "none", "null"]
    if !known.contains(driver), !options.networkDrivers.contains(driver) {
      let swarm = driver == "overlay" ? ", which is for `docker stack deploy` and needs a swarm" : ""
      found.append((["driver"], "uses the driver \(driver)\(swarm)"))
    }
    for (key, value) in network["driver_opts"].members {
      if harmless.contains(key) || key.contains("gateway_mode") || options.networkOptions.contains(key) { continue }
      if key == "parent", driver == "macvlan" || driver == "ipvlan" { continue }
      if key == "com.docker.network.bridge.name", value.text?.hasPrefix("br-") == true { continue }
      if key == "com.docker.network.bridge.host_binding_ipv4", value.text?.hasPrefix("127.") == true { continue }
      found.append((["driver_opts", key], "has the option \(key)"))
    }
    let ipam = network["ipam"]
    if let driver = ipam?["driver"]?.string, driver != "default", !driver.isEmpty,
      !options.networkDrivers.contains(driver)
    {
      found.append((["ipam", "driver"], "takes its addresses from the driver \(driver)"))
    }
    for key in ipam["options"].object.keys.sorted() {
      found.append((["ipam", "options"], "has the address option \(key)"))
    }
    for range in ipam["config"].array {
      for key in ["subnet", "ip_range"] {
        guard let text = range[key]?.string, !text.isEmpty, !text.contains("$"), !isPrivate(text) else { continue }
        found.append(
          (["ipam", "config", key], "takes the addresses \(text), which are not private: the host would send there"))
      }
    }
    return found
  }

  private static let harmless: Set<String> = [
    "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.bridge.gateway_mode_ipv4", "com.docker.network.bridge.gateway_mode_ipv6",
    "com.docker.network.driver.mtu", "com.docker.network.enable_ipv6", "macvlan_mode", "ipvlan_mode",
  ]

  /// Returns whether a range lies within addresses that are nobody's on the internet: RFC 1918, RFC 6598, RFC 4193.
  static func isPrivate(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let length = parts.count == 2 ? Int(parts[1]) : (parts.count == 1 ? 128 : nil), length >= 0 else {
      return false
    }
    let address = String(parts[0])
    if address.contains(":") {
      let first = Int(address.prefix { $0 != ":" }, radix: 16) ?? 0
      return length >= 7 && first & 0xfe00 == 0xfc00
    }
    let numbers = address.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
    guard numbers.count == 4 else { return false }
    return switch (numbers[0], numbers[1]) {
    case (10, _): length >= 8
    case (172, 16...31): length >= 12
    case (192, 168): length >= 16
    case (100, 64...127): length >= 10
    default: false
    }
  }
}
