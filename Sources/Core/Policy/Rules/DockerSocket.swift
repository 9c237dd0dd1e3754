extension Rule {
  static let dockerSocket = Rule(
    id: "docker-socket", summary: "any way to the Docker socket",
    why: """
      Whoever reaches the engine's socket is root on the host: one request starts a container that mounts `/`. A
      read-only mount does not prevent that: a program connects to a socket and does not write to the file. The rule
      finds the socket's file, any directory above it, a named volume whose driver options bind one of the two,
      `use_api_socket`, and a DOCKER_HOST that names a unix socket. It follows symbolic links.
      """,
    fix: "Give the socket to one socket proxy, and let the others use that proxy over a network of their own.",
    bad: """
      services:
        runner:
          image: openclaw-runner:local
          volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
      """,
    good: """
      services:
        runner:
          image: openclaw-runner:local
          environment: {DOCKER_HOST: "tcp://socket-proxy:2375"}
      """
  ) { subject in
    subject.services.flatMap { subject.socketMounts($0.name, $0.json) + subject.socketNeighbours($0.name, $0.json) }
      + subject.waivedBuilds
  }
}

extension Subject {
  private static let socketHelp = "use a socket proxy instead (`DOCKER_HOST: tcp://…`)"

  fileprivate func socketMounts(_ service: String, _ json: JSON) -> [Finding] {
    var found = mounts(of: service, json).compactMap { mount -> Finding? in
      guard let way = DockerSocket.way(mount, paths) else { return nil }
      var finding = Finding(
        service: service, place: place(of: mount),
        message: "\(service) mounts the Docker socket (\(words(mount))\(way.words)), which gives it root on the host",
        help: way.isAbove
          ? "mount only the directories below \(mount.source) that it needs, and not the one with the socket"
          : Self.socketHelp)
      finding.option = mount.source
      if case .bind = mount.way { finding.isPlain = way.isExact }
      return finding
    }
    func add(_ place: Place, _ message: String, _ option: String) {
      found.append(Finding(service: service, place: place, message: message, help: Self.socketHelp, option: option))
    }
    if json["use_api_socket"]?.bool == true {
      add(
        place(service, ["use_api_socket"]),
        "\(service) gets the Docker socket through `use_api_socket`, which gives it root on the host", "use_api_socket")
    }
    if let host = json["environment"]?["DOCKER_HOST"]?.string, host.hasPrefix("unix:") {
      add(
        place(service, "environment", item: ["DOCKER_HOST"]),
        "\(service) would use a unix socket of the host: DOCKER_HOST=\(host)", "DOCKER_HOST \(host)")
    }
    return found
  }

  /// Whoever shares a namespace with the one that holds the socket, or a network from another stack, speaks as that one.
  fileprivate func socketNeighbours(_ service: String, _ json: JSON) -> [Finding] {
    var found: [Finding] = []
    for (key, words) in [("network_mode", "network"), ("pid", "processes"), ("ipc", "memory")] {
      guard let value = json[key]?.string, let other = sharer(value), other != service else { continue }
      func add(_ message: String, _ help: String) {
        found.append(
          Finding(
            service: service, place: place(service, [key]), message: "\(service) \(message)", help: help,
            option: "\(key) \(value)"))
      }
      if let giver = model["services"]?[other] {
        if holdsSocket(other, giver) {
          add(
            "shares the \(words) of \(other), and therefore gets the Docker socket that \(other) has",
            "give it a network of its own that \(other) joins, too")
        }
      } else if others.values.contains(where: { $0.containers.contains(other) && !$0.socketNetworks.isEmpty }) {
        add("shares the \(words) of \(other), whose stack holds the Docker socket", "give it a network of its own")
      }
      // The other one sees the processes and the memory of this one as well.
      if holdsSocket(service, json) {
        add(
          "has the Docker socket and shares the \(words) of \(other), which therefore gets it, too",
          "remove `\(key)`")
      }
    }
    for (key, name) in networks(of: json) {
      let holder = others.sorted { $0.key < $1.key }.first { other, its in
        its.socketNetworks.contains(name) && !policy.shares(.network(name), among: [stack, other])
      }
      guard let holder else { continue }
      found.append(
        Finding(
          service: service, place: place(service, [key == "network_mode" ? key : "networks"]),
          message:
            "\(service) joins the network \(name), on which it reaches a service of \(holder.key) with the Docker socket",
          help:
            "keep that network to \(holder.key), or share it on the host: "
            + "`policy: {shared: [{network: \(name), stacks: [\(holder.key), \(stack)]}]}`", option: "network \(name)"))
    }
    return found
  }

  /// The service, or the container of somebody else, whose namespace is shared by `service:NAME` or `container:NAME`.
  fileprivate func sharer(_ value: String) -> String? {
    if value.hasPrefix("service:") { return String(value.dropFirst(8)) }
    guard value.hasPrefix("container:") else { return nil }
    let name = String(value.dropFirst(10))
    let project = model["name"]?.string ?? ""
    return services.first { service, json in
      (json["container_name"]?.string).map { $0 == name } ?? name.hasPrefix("\(project)-\(service)-")
    }?.name ?? name
  }

  /// Finds who builds an image under the name that a waiver lets hold the socket or privileges: it would run with those.
  fileprivate var waivedBuilds: [Finding] {
    let waived = Set(
      policy.waivers.filter { !Waiver.bound.isDisjoint(with: $0.rules) }.compactMap(\.image).map {
        Image($0).reference
      })
    if waived.isEmpty { return [] }
    return services.compactMap { service, json in
      guard let build = json["build"] else { return nil }
      let names = [json["image"]?.string].compactMap { $0 } + build["tags"].strings
      guard let name = names.first(where: { waived.contains(Image($0).reference) }) else { return nil }
      return Finding(
        service: service, place: place(service, ["build"]),
        message: "\(service) builds \(name), the image that a waiver lets hold the Docker socket or privileges",
        help: "give the built image another name")
    }
  }
}

/// What counts as the engine's socket.
enum DockerSocket {
  private static let names: Set<String> = [
    "docker.sock", "containerd.sock", "podman.sock", "crio.sock", "docker.raw.sock", "buildkitd.sock",
    "containerd.sock.ttrpc",
  ]
  private static let places = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]

  /// Whether a mount of a resolved model is the engine's own socket, and nothing more.
  static func isMounted(by volume: JSON, _ host: HostPaths) -> Bool {
    guard volume["type"]?.string == "bind", let source = volume["source"]?.string else { return false }
    return way(source, at: volume["target"]?.string ?? "", host)?.isExact ?? false
  }

  /// Returns how a mount leads to the socket, if it does.
  static func way(_ mount: Mount, _ host: HostPaths) -> Way? { way(mount.source, at: mount.target, host) }

  /// What nobody gave a path, and is mounted where a program looks for the socket, is the socket as far as anybody knows.
  private static func way(_ source: String, at target: String, _ host: HostPaths) -> Way? {
    if source.hasPrefix(Placeholder.path), names.contains(Path.name(target)) {
      return Way(words: ", at \(target)", isExact: true)
    }
    return way(source, host)
  }

  /// How a path leads to the socket.
  struct Way: Equatable {
    let words: String
    /// Whether the path is the socket itself, and nothing more.
    let isExact: Bool
    /// Whether the path is a directory that holds the socket.
    var isAbove = false
  }

  /// Returns how a path leads to the socket, if it does.
  static func way(_ path: String, _ host: HostPaths) -> Way? {
    let forms = host.forms(path)
    let known = places + host.engine.filter { names.contains(Path.name($0)) || $0.hasSuffix(".sock") }
    for form in forms {
      if names.contains(Path.name(form)) || known.contains(form) {
        // Anything may be called like it.
        return Way(words: forms[0] == form ? "" : ", a link to \(form)", isExact: known.contains(form))
      }
      if known.contains(where: { Path.relative($0, to: form) != nil }) {
        return Way(
          words: forms[0] == form ? ", the directory above it" : ", a link to \(form), the directory above it",
          isExact: false,
          isAbove: true)
      }
    }
    return nil
  }
}
