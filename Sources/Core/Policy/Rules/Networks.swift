extension Subject {
  /// The networks that a service is on, by the engine's names, each with the key that says so.
  func networks(of json: JSON) -> [(key: String, name: String)] {
    var found = json["networks"].object.keys.sorted().map { key in
      (key: key, name: model["networks"]?[key]?["name"]?.string ?? key)
    }
    // In `none` nobody reaches anybody.
    if let mode = json["network_mode"]?.string, !mode.contains(":"), mode != "none" {
      found.append(("network_mode", mode))
    }
    return found
  }

  /// The services whose `network_mode` is the name of a network.
  var namedNetworkModes: [(service: String, name: String)] {
    services.compactMap { service, json in
      guard let mode = json["network_mode"]?.string, !mode.contains(":"),
        !["", "none", "host", "bridge", "default"].contains(mode)
      else { return nil }
      return (service, mode)
    }
  }

  /// The names by which others find a service on each of its networks.
  func hostNames(of service: String, _ json: JSON) -> [(network: String, names: (service: String, given: [String]))] {
    networks(of: json).map { key, name in
      let aliases = json["networks"][key]["aliases"].strings
      return (name, (service, aliases + [json["container_name"]?.string].compactMap { $0 }))
    }
  }

  /// The key by which a service chooses an address on a network; somebody else's may be meant by it.
  private func fixedAddress(of json: JSON, on network: String) -> String? {
    networks(of: json).filter { $0.name == network }.lazy.compactMap { key, _ in
      ["ipv4_address", "ipv6_address", "mac_address", "link_local_ips"].first {
        json["networks"]?[key]?[$0].map { !($0.array.isEmpty && $0.string == nil) } == true
      }
    }.first
  }

  /// The other stacks but for those with the same project, which has a finding of its own.
  private var strangers: [(key: String, value: OwnedResources)] {
    let project = model["name"]?.string ?? stack
    return others.sorted { $0.key < $1.key }.filter { !$0.value.projects.contains(project) }
  }

  /// Finds networks that another stack makes, too: Compose would make one of them again under the other's containers.
  var foreignNetworks: [Finding] {
    model["networks"].members.compactMap { key, network in
      let name = network["name"]?.string ?? key
      guard network["external"]?.bool != true,
        let other = strangers.first(where: { $0.value.networks.contains(name) })
      else { return nil }
      return Finding(
        place: place(topLevel: ["networks", key, "name"]),
        message: "the network \(name) is that of the stack \(other.key)",
        help: "join it with `external: true`, or give this one another name")
    }
  }

  /// Finds names on another stack's network that are taken: half of what is meant for the one would go to the other.
  ///
  /// A service has the name of its own on every network, and people give many of them the same one; among guests of a
  /// network only what is written as an alias counts.
  var takenHosts: [Finding] {
    services.flatMap { service, json in
      hostNames(of: service, json).compactMap { network, names -> Finding? in
        for (owner, other) in strangers {
          let isTheirs = other.networks.contains(network)
          if isTheirs, let key = fixedAddress(of: json, on: network) {
            return Finding(
              service: service, place: place(service, ["networks"]),
              message: "\(service) chooses its \(key) on the network \(network), which is \(owner)'s",
              help: "leave `\(key)` out, so that the engine gives it one that is free")
          }
          let claimed = names.given + (isTheirs ? [names.service] : [])
          guard let name = claimed.first(where: { other.hosts.contains("\(network) \($0)") }) else { continue }
          return Finding(
            service: service, place: place(service, ["networks"]),
            message: "\(service) takes the name \(name) on the network \(network), where \(owner) has it",
            help: "give it another name or alias on that network")
        }
        return nil
      }
    }
  }
}
