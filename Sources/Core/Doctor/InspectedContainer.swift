/// A container as an inspection shows it, without what its environment holds of secrets.
public struct InspectedContainer: Sendable, Equatable {
  /// A port of the host that leads to one of its own.
  public struct Port: Sendable, Hashable {
    /// The host's address and port.
    public var (address, port) = ("", 0)

    /// Where this host reaches it, as a URL says it.
    public var reachable: String {
      let host = ["", "0.0.0.0", "::"].contains(address) ? "127.0.0.1" : address
      return "\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
  }

  /// The engine's id.
  public var id = ""
  /// Its name.
  public var name = ""
  var image = ""
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  var state = ""
  /// `healthy`, `unhealthy`, `starting`, or `none` without a health check.
  var health = "none"
  var exitCode = 0
  /// `no`, `always`, `unless-stopped` or `on-failure`.
  var restartPolicy = "no"
  /// Compose's project, service and project directory; empty for a container of somebody else's.
  public var (project, service, directory) = ("", "", "")
  /// Whether it is one of `docker compose run`.
  public var isOneOff = false
  /// Whom its program runs as: empty for the image's own root.
  public var user = ""
  /// The groups that it is given beside.
  public var groups: [String] = []
  /// What it mounts of the host.
  public var mounts: [HostMount] = []
  var dockerHost: String?
  /// The networks that it is in, each with its address there and the names that it has for others.
  public var networks: [String: (address: String, names: Set<String>)] = [:]
  /// The TCP ports that it publishes.
  public var ports: Set<Port> = []
  /// What no other container can have beside it: its name, and while it runs its ports.
  var claims: [Claim] = []
  /// Whom its program runs as, by the files of the container; nothing where nobody asked, or they do not say.
  public var account: Account?
  /// The command of its health check, empty without one.
  public var healthCommand: [String] = []

  /// Whether it runs.
  public var isRunning: Bool { state == "running" }

  /// Returns whether both show the same.
  public static func == (one: InspectedContainer, other: InspectedContainer) -> Bool {
    one.id == other.id && one.state == other.state && one.health == other.health
  }
}

extension InspectedContainer {
  /// Reads the answer to `GET /containers/ID/json`.
  public init(_ json: JSON) {
    let (config, host, settings) = (json["Config"], json["HostConfig"], json["NetworkSettings"])
    let seen = Inspection(json: json)
    (id, name, state, health) = (seen.id, seen.name, seen.state, seen.health)
    (project, service) = (seen.label("project"), seen.label("service"))
    directory = seen.label("project.working_dir")
    isOneOff = seen.label("oneoff") == "True"
    image = config["Image"]?.string ?? ""
    exitCode = json["State"]?["ExitCode"]?.integer ?? 0
    restartPolicy = host["RestartPolicy"]?["Name"]?.string ?? "no"
    if restartPolicy.isEmpty { restartPolicy = "no" }
    user = config["User"]?.string ?? ""
    groups = host["GroupAdd"].strings
    mounts = json["Mounts"].array.compactMap { mount in
      guard let source = mount["Source"]?.string, mount["Type"]?.string != "volume", Path.isAbsolute(source) else {
        return nil
      }
      return HostMount(
        source: source, target: mount["Destination"]?.string ?? "", isWritable: mount["RW"]?.bool ?? true)
    }
    let prefix = "DOCKER_HOST="
    dockerHost = config["Env"].strings.last { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    networks = settings["Networks"].object.mapValues { network in
      (network["IPAddress"]?.string ?? "", Set(network["Aliases"].strings + network["DNSNames"].strings))
    }
    claims = [.containerName(name)]
    for (key, bindings) in settings["Ports"].members {
      let transport = key.split(separator: "/").last.map(String.init) ?? "tcp"
      for binding in bindings.array {
        guard let port = binding["HostPort"]?.string.flatMap({ Int($0) }) else { continue }
        let address = binding["HostIp"]?.string ?? ""
        claims.append(.port("\(port)", transport: transport, address: address))
        if transport == "tcp" { ports.insert(Port(address: address, port: port)) }
      }
    }
    let test = config["Healthcheck"]?["Test"].strings ?? []
    switch test.first {
    case "CMD": healthCommand = Array(test.dropFirst())
    case "CMD-SHELL": healthCommand = ["/bin/sh", "-c"] + test.dropFirst()
    default: break
    }
  }

  /// The user's number, where it is known: the image's own root is 0.
  var uid: Int? {
    let name = user.prefix { $0 != ":" }
    return account?.uid ?? (name.isEmpty || name == "root" ? 0 : Int(name))
  }

  /// The numbers of its groups, as far as they are numbers.
  var gids: Set<Int> {
    let main = user.split(separator: ":").dropFirst().first.map(String.init)
    return (account?.groups ?? []).union((groups + [main].compactMap { $0 }).compactMap { Int($0) })
  }

  /// Where its DOCKER_HOST leads by TCP: a host name and a port.
  public var engineAddress: (host: String, port: Int)? {
    guard let dockerHost, dockerHost.hasPrefix("tcp://") else { return nil }
    let rest = dockerHost.dropFirst(6).prefix { $0 != "/" }
    guard let colon = rest.lastIndex(of: ":") else { return (String(rest), 2375) }
    guard let port = Int(rest[rest.index(after: colon)...]) else { return nil }
    return (String(rest[..<colon]), port)
  }
}

extension WatchedContainer {
  /// Takes what a probe needs to know of a container.
  public init(_ seen: InspectedContainer) {
    self.init(
      id: seen.id, name: seen.name, service: seen.service, state: seen.state, health: seen.health,
      exitCode: seen.exitCode, restarts: 0, age: .zero)
  }
}
