/// What a stack is, as `docker compose config --format json` resolves it.
public struct ComposeModel: Sendable, Equatable {
  /// The project's name.
  public let project: String
  /// The services of the active profiles, sorted by name.
  public let services: [ComposeService]
  /// What it says to clup.
  public let own: Extension
  /// The whole model.
  let json: JSON

  /// Reads the model.
  public init(_ json: JSON) {
    self.json = json
    project = json["name"]?.string ?? ""
    // Compose doubles each dollar sign of what it prints; a path is what is meant.
    let plain = json.unescaped
    var files: [String: String] = [:]
    for section in ["configs", "secrets"] {
      for (name, value) in plain[section].object {
        if let path = value["file"]?.string { files["\(section)/\(name)"] = path }
      }
    }
    let volumes = Self.bindVolumes(plain)
    services = json["services"].object.map {
      ComposeService(name: $0.key, $0.value, files: files, volumes: volumes, top: json)
    }
    .sorted { $0.name < $1.name }
    own = Extension(json["x-clup"]?.unescaped)
  }

  /// Finds the named volumes whose driver options make them binds of a host's path.
  private static func bindVolumes(_ json: JSON) -> [String: (path: String, isReadOnly: Bool)] {
    json["volumes"].object.compactMapValues { volume in
      let options = volume["driver_opts"].object
      let flags = (options["o"]?.string ?? "").split(separator: ",").map { $0.trimmingPrefix(" ") }
      guard flags.contains("bind") || flags.contains("rbind"), let device = options["device"]?.string else {
        return nil
      }
      // The engine takes a relative path from its own directory, the root.
      return (Path.normalized("/" + device), flags.contains("ro"))
    }
  }

  /// Every absolute path on the host that the stack mounts, builds from, or takes a config or secret from.
  public var hostPaths: [String] {
    Set(services.flatMap { $0.binds + $0.files + $0.buildContexts }).sorted()
  }
}

extension JSON {
  /// Compose doubles each dollar sign of what it prints, since it would read it again; this is what is meant.
  public var unescaped: JSON {
    switch self {
    case .string(let text): .string(text.replacing("$$", with: "$"))
    case .array(let items): .array(items.map(\.unescaped))
    case .object(let members): .object(members.mapValues(\.unescaped))
    default: self
    }
  }
}

/// One service of the resolved model.
public struct ComposeService: Sendable, Equatable {
  /// The service's name.
  public let name: String
  /// The image's reference; empty for a service that is only built.
  let image: String
  /// Absolute paths of bind mounts, also of those that a named volume's options make.
  public let binds: [String]
  /// Those among them that the container may write to.
  public let writable: [String]
  /// Absolute paths of the configs and secrets that it uses.
  public let files: [String]
  /// What it uses of the model's networks and volumes, and of the configs and secrets that are in no file, as
  /// `network NAME`, `volume NAME`, `config NAME` and `secret NAME`.
  public let resources: [String: JSON]
  /// The further names and the fixed IPv4 address that its containers have, by the engine's name of the network.
  public let attachments: [String: [String]]
  /// Absolute paths of its build contexts, and of a Dockerfile that lies outside of them.
  public let buildContexts: [String]
  let isBuilt: Bool
  /// Whether its image is to be pulled although it is on the host.
  let pullsAnew: Bool
  /// Whether the engine starts it again when it ends.
  public let restarts: Bool
  /// The services whose network, processes or volumes it shares.
  public let joins: [String]
  /// How many containers it has.
  public let replicas: Int
  /// What no other service can have beside it.
  public let claims: [Claim]
  /// Each top-level key of the service, to find out what changed.
  public let fields: [String: JSON]

  init(
    name: String, _ json: JSON, files all: [String: String], volumes: [String: (path: String, isReadOnly: Bool)] = [:],
    top: JSON = .null
  ) {
    self.name = name
    fields = json.object
    image = json["image"]?.string ?? ""
    let mounts = json["volumes"].array.compactMap { mount -> (path: String, isReadOnly: Bool)? in
      guard let source = mount["source"]?.unescaped.string else { return nil }
      let isReadOnly = mount["read_only"]?.bool == true
      switch mount["type"]?.string {
      case "bind": return (source, isReadOnly)
      case "volume": return volumes[source].map { ($0.path, $0.isReadOnly || isReadOnly) }
      default: return nil
      }
    }
    binds = mounts.map(\.path)
    writable = mounts.filter { !$0.isReadOnly }.map(\.path)
    files = ["configs", "secrets"].flatMap { section in
      json[section].array.compactMap { use in
        (use["source"]?.string ?? use.string).flatMap { all["\(section)/\($0)"] }
      }
    }
    resources = Self.resources(json, top)
    attachments = Self.attachments(json["networks"].object, top["networks"])
    isBuilt = json["build"] != nil
    let pulling = json["pull_policy"]?.string ?? ""
    pullsAnew = !isBuilt && (["always", "daily", "weekly"].contains(pulling) || pulling.hasPrefix("every_"))
    buildContexts = Self.buildContexts(json["build"]?.unescaped)
    // Compose lets `deploy` win; a policy without a condition is `any`.
    let deployed = json["deploy"]?["restart_policy"].map { $0["condition"]?.string ?? "any" }
    let policy = deployed ?? json["restart"]?.string ?? "no"
    restarts = policy != "no" && policy != "none" && !(policy.hasPrefix("on-failure"))
    let own = (json["container_name"]?.string).map { [Claim.containerName($0)] } ?? []
    claims =
      own
      + json.publishedPorts.compactMap { port in
        // Out of a range the engine takes whichever port is free.
        guard let published = port["published"]?.string, Int(published) ?? 0 > 0 else { return nil }
        return .port(published, transport: port["protocol"]?.string ?? "tcp", address: port["host_ip"]?.string ?? "")
      }
    joins = Set(
      ["network_mode", "ipc", "pid"].compactMap { json[$0]?.string }.filter { $0.hasPrefix("service:") }
        .map { String($0.dropFirst(8)) }
        + json["volumes_from"].strings.filter { !$0.hasPrefix("container:") }
        .compactMap { $0.split(separator: ":").first.map(String.init) }
    ).sorted()
    replicas = json["scale"]?.integer ?? json["deploy"]["replicas"]?.integer ?? 1
  }

  private static func buildContexts(_ build: JSON?) -> [String] {
    var contexts: [String] = []
    if let context = build?["context"]?.string {
      contexts.append(context)
      let file = build?["dockerfile"]?.string.map { $0.hasPrefix("/") ? $0 : Path.join(context, $0) }
      if let file, Path.isAbsolute(context), Path.relative(Path.normalized(file), to: context) == nil {
        contexts.append(Path.normalized(file))
      }
    }
    contexts += build["additional_contexts"].object.values.compactMap(\.string)
    return contexts.filter { Path.isAbsolute($0) }
  }

  private static func attachments(_ networks: [String: JSON], _ top: JSON?) -> [String: [String]] {
    networks.reduce(into: [:]) { found, network in
      let own = network.value
      let names = own["aliases"].strings + [own["ipv4_address"]?.string].compactMap { $0 }
      if !names.isEmpty, let name = top?[network.key]?["name"]?.string { found[name] = names.sorted() }
    }
  }

  private static func resources(_ json: JSON, _ top: JSON) -> [String: JSON] {
    var found: [String: JSON] = [:]
    func add(_ kind: String, _ section: String, _ names: [String]) {
      for name in names { found["\(kind) \(name)"] = top[section]?[name] }
    }
    if json["network_mode"] == nil { add("network", "networks", json["networks"].object.keys.sorted()) }
    add(
      "volume", "volumes",
      json["volumes"].array.filter { $0["type"]?.string == "volume" }.compactMap { $0["source"]?.string })
    for (kind, section) in [("config", "configs"), ("secret", "secrets")] {
      let names = json[section].array.compactMap { $0["source"]?.string ?? $0.string }
      add(kind, section, names.filter { top[section]?[$0]?["file"] == nil })
    }
    return found
  }
}
