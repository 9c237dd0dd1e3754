extension Rule {
  static let socketProxy = Rule(
    id: "socket-proxy", summary: "a waived socket proxy that gives more access than it needs",
    why: """
      A waiver of `docker-socket` is for one proxy that narrows the engine down. It must mount the socket read-only, so
      that nobody replaces it; publish no ports, so that only its own network reaches it; and switch on no more than
      CONTAINERS and IMAGES: EXEC, POST, SYSTEM, NETWORKS, VOLUMES and their like lead to the host again.
      """,
    fix: "Mount the socket `:ro`, publish nothing, and remove every switch except CONTAINERS and IMAGES.",
    bad: """
      services:
        claw-socket-proxy:
          image: tecnativa/docker-socket-proxy:0.3
          ports: ["127.0.0.1:2375:2375"]
          environment: {CONTAINERS: 1, EXEC: 1}
          volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
      """,
    good: """
      services:
        claw-socket-proxy:
          image: tecnativa/docker-socket-proxy:0.3
          environment: {CONTAINERS: 1, IMAGES: 1}
          volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]
      """
  ) { subject in
    subject.services.flatMap { service, json -> [Finding] in
      let waivers = subject.policy.waivers.filter {
        $0.names(rule: "docker-socket", stack: subject.stack, service: service)
      }
      guard !waivers.isEmpty, subject.holdsSocket(service, json) else { return [] }
      let named = Set(waivers.flatMap(\.options))
      return subject.proxyFindings(service, json, named)
    }
  }
}

extension Subject {
  /// Whether a holder of the socket is refused for more than a waiver of `docker-socket` can name. Where it opens more of the
  /// engine, that is to be taken away, and no waiver is offered for it.
  func needsProxyWaiver(_ service: String, _ json: JSON, _ named: Set<String>) -> Bool {
    guard holdsSocket(service, json), policy.severity[Rule.socketProxy.id] ?? .error == .error else { return false }
    return proxySwitches(service, json, named).isEmpty && !proxyFindings(service, json, named).isEmpty
  }

  /// Finds what a waived holder of the socket opens beside what its waiver names.
  func proxyFindings(_ service: String, _ json: JSON, _ named: Set<String>) -> [Finding] {
    proxyMounts(service, json, named) + proxyPorts(service, json) + proxyNetworks(service, json, named)
      + proxySwitches(service, json, named)
  }

  /// `named` is what the waiver excuses beside the socket, by the path in the container.
  fileprivate func proxyMounts(_ service: String, _ json: JSON, _ named: Set<String>) -> [Finding] {
    mounts(of: service, json).compactMap { mount in
      if named.contains(mount.target) { return nil }
      guard DockerSocket.way(mount, paths)?.isExact == true else {
        return Finding(
          service: service, place: place(of: mount),
          message:
            "\(service) holds the Docker socket and mounts \(words(mount)), which could take its program's place",
          help: "remove the mount, or name it in the waiver: `options: [\"\(mount.target)\"]`")
      }
      if mount.readOnly { return nil }
      return Finding(
        service: service, place: place(of: mount), message: "\(service) mounts \(mount.source) writable",
        help: "add `:ro`, so that it cannot replace the socket")
    }
  }

  fileprivate func proxyPorts(_ service: String, _ json: JSON) -> [Finding] {
    json.publishedPorts.map(Port.init).map { port in
      // What serves something else has the socket for itself, and is no proxy.
      let help =
        ["2375", "2376"].contains(port.target)
        ? "remove the port; containers reach it over a network"
        : "have \(service) ask a socket proxy instead (`DOCKER_HOST: tcp://…`, or its own setting for that), on a network "
          + "of the two, and take the socket from it; or allow it on the host with a waiver of `socket-proxy`"
      return Finding(
        service: service, place: place(service, of: port),
        message: "\(service) holds the Docker socket and publishes \(port.text)", help: help)
    }
  }

  /// Who is on a network already gets the socket by this, and nobody looks at them again.
  fileprivate func proxyNetworks(_ service: String, _ json: JSON, _ named: Set<String>) -> [Finding] {
    networks(of: json).compactMap { key, name in
      let guests = others.sorted { $0.key < $1.key }.filter { owner, other in
        other.hosts.contains { $0.hasPrefix("\(name) ") } && !policy.shares(.network(name), among: [stack, owner])
          && !policy.waivers.contains {
            $0.rules.contains("docker-socket") && $0.isOfOne && $0.stacks == [owner]
              && $0.options.contains("network \(name)")
          }
      }
      guard let guest = guests.first, !named.contains("network \(name)") else { return nil }
      return Finding(
        service: service, place: place(service, [key == "network_mode" ? key : "networks"]),
        message: "\(service) holds the Docker socket and joins \(name), on which \(guest.key) would reach it",
        help:
          "keep a network for the proxy, or share it on the host: "
          + "`policy: {shared: [{network: \(name), stacks: [\(stack), \(guest.key)]}]}`")
    }
  }

  /// A variable that is not known to be harmless may switch something on.
  fileprivate func proxySwitches(_ service: String, _ json: JSON, _ named: Set<String>) -> [Finding] {
    variables(json).filter { !named.contains($0) }.map { key in
      Finding(
        service: service, place: place(service, "environment", item: [key]),
        message: "\(service) sets \(key), and a socket proxy opens CONTAINERS and IMAGES and no more",
        help: "remove \(key), or name it in the waiver: `options: [\(key)]`")
    }
  }

  private func variables(_ json: JSON) -> [String] {
    json["environment"].members.filter { key, value in
      !Self.harmless.contains(key) && !Self.off.contains(value.text?.lowercased() ?? "")
    }.map(\.key)
  }

  /// The variables that a waiver may name, other than what opens more of the engine: that is no proposal to make.
  func ownVariables(_ json: JSON) -> [String] {
    variables(json).filter { !Self.switches.contains($0) && !$0.hasPrefix("ALLOW_") }
  }

  private static let switches: Set<String> = [
    "AUTH", "BUILD", "COMMIT", "CONFIGS", "DISTRIBUTION", "EXEC", "GRPC", "INFO", "NETWORKS", "NODES", "PLUGINS",
    "POST",
    "SECRETS", "SERVICES", "SESSION", "SWARM", "SYSTEM", "TASKS", "VOLUMES",
  ]
  private static let off: Set<String> = ["", "0", "false", "no", "off"]
  private static let harmless: Set<String> = [
    "CONTAINERS", "IMAGES", "EVENTS", "PING", "VERSION", "LOG_LEVEL", "TZ", "DISABLE_IPV6", "LANG", "LC_ALL",
  ]
}
