import YAML

/// What the text of Compose files says by itself, for a stack that Compose cannot resolve: enough to tell what else is
/// wrong with it, and never enough to deploy it.
public enum PartialModel {
  /// Returns a model of the services, with those keys whose meaning needs no other file and no value of a variable.
  public static func model(of sources: [ComposeSource]) -> JSON {
    var services: [String: JSON] = [:]
    for source in sources {
      for entry in source.document?["services"]?.merged ?? [] {
        guard let name = entry.key.string, entry.value.mapping != nil else { continue }
        services[name] = .object(services[name].object.merging(service(entry.value)) { _, new in new })
      }
    }
    return .object(["services": .object(services)])
  }

  private static let plain: Set<String> = [
    "privileged", "network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent", "use_api_socket",
    "cap_add", "security_opt", "devices", "device_cgroup_rules", "credential_spec", "gpus",
  ]

  private static func service(_ node: Node) -> [String: JSON] {
    var service: [String: JSON] = [:]
    for entry in node.merged {
      guard let key = entry.key.string else { continue }
      switch key {
      case _ where plain.contains(key): service[key] = JSON(entry.value)
      case "ports": service[key] = .array((entry.value.sequence ?? []).compactMap(port))
      case "volumes": service[key] = .array((entry.value.sequence ?? []).compactMap(volume))
      case "environment": service[key] = .object(environment(entry.value))
      default: break
      }
    }
    return service
  }

  private static func port(_ node: Node) -> JSON? {
    guard let text = node.string else { return node.mapping == nil ? nil : JSON(node) }
    guard !text.contains("$") else { return nil }
    let port = Port.parts(of: text)
    return .object([
      "host_ip": .string(port.address), "published": .string(port.published),
      "target": Int(port.target).map { .integer($0) } ?? .string(port.target), "protocol": .string(port.transport),
    ])
  }

  private static func volume(_ node: Node) -> JSON? {
    guard let text = node.string else {
      return node["source"]?.string.map { Path.isAbsolute($0) } == true ? JSON(node) : nil
    }
    let parts = text.withDefaults.split(separator: ":").map(String.init)
    guard parts.count > 1, Path.isAbsolute(parts[0]), !text.contains("$") || text.contains(":-") else { return nil }
    let isReadOnly = parts.count > 2 && parts[2].split(separator: ",").contains("ro")
    return .object([
      "type": .string("bind"), "source": .string(Path.normalized(parts[0])), "target": .string(parts[1]),
      "read_only": .bool(isReadOnly),
    ])
  }

  private static func environment(_ node: Node) -> [String: JSON] {
    var values: [String: JSON] = [:]
    for item in node.sequence ?? [] {
      let parts = (item.string ?? "").split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = .string(parts[1]) }
    }
    for entry in node.merged {
      if let name = entry.key.string, let text = entry.value.string { values[name] = .string(text) }
    }
    return values
  }
}
