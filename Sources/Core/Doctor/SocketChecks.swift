/// Judges who reaches the Docker socket, which makes root of whoever does.
public struct SocketChecks: Sendable {
  /// Every container that runs.
  let containers: [InspectedContainer]
  /// The stack of a container, by its id.
  public let stacks: [String: String]
  /// The host's policy, whose waivers allow holders of the socket.
  let policy: Policy
  /// The day, `YYYY-MM-DD`.
  let today: String
  /// The host's paths, with the engine's own.
  let paths: HostPaths
  /// Where published ports were seen to give the engine to whoever asks, by the id of the container.
  public var open: [String: Set<InspectedContainer.Port>] = [:]

  /// Takes what is to be judged.
  public init(
    containers: [InspectedContainer], stacks: [String: String], policy: Policy, today: String, paths: HostPaths
  ) {
    self.containers = containers.filter(\.isRunning).sorted { $0.name < $1.name }
    (self.stacks, self.policy, self.today, self.paths) = (stacks, policy, today, paths)
  }

  /// Judges each container that mounts the socket, or a directory above it.
  public var holders: [Check] {
    let found = containers.compactMap { container in mount(of: container).map { judge(container, $0) } }
    return found.isEmpty
      ? [Check(.socket, "holders", .good, found: "no container mounts it", expected: "nobody but a waived proxy")]
      : found
  }

  /// The containers that hold the socket and publish ports.
  public var publishing: [InspectedContainer] { containers.filter { mount(of: $0) != nil && !$0.ports.isEmpty } }

  private func mount(of container: InspectedContainer) -> HostMount? {
    container.mounts.first { DockerSocket.way($0.source, paths) != nil }
  }

  /// The waiver that covers a container, or did: the one that ends last.
  private func waiver(of container: InspectedContainer) -> Waiver? {
    policy.waivers.filter { waiver in
      waiver.isOfOne && waiver.image == container.image
        && waiver.names(rule: "docker-socket", stack: stacks[container.id], service: container.service)
    }.max { $0.expires < $1.expires }
  }

  private static func text(_ ports: some Sequence<InspectedContainer.Port>) -> String {
    ports.map { "\($0.address):\($0.port)" }.sorted().joined(separator: ", ")
  }

  private func judge(_ container: InspectedContainer, _ mount: HostMount) -> Check {
    let (stack, waiver) = (stacks[container.id], waiver(of: container))
    let way = "mounts \(mount.source)\(mount.isWritable ? " writable" : " read-only")"
    func check(_ result: Check.Result, _ found: String, _ help: String) -> Check {
      Check(
        .socket, container.name, stack: stack, result, found: found,
        expected: "only a proxy with a waiver, read-only and without published ports", help: help)
    }
    if let open = open[container.id], !open.isEmpty {
      return check(
        .failed, "\(way), and gives the engine to everybody who reaches \(Self.text(open))",
        (stack == nil ? "recreate it without these ports" : "remove its `ports:` from the Compose file, and push")
          + ": everybody who reaches them is root on this host; containers reach it over a network")
    }
    guard let waiver else {
      let help =
        stack == nil
        ? "if nobody needs it: `docker rm -f \(container.name)`; otherwise have it use a socket proxy"
        : "have it use a socket proxy (`DOCKER_HOST: tcp://…`); a proxy needs a waiver of docker-socket for its image "
          + "(`clup explain docker-socket`)"
      return check(stack == nil ? .warning : .failed, way + ", which makes it root on this host", help)
    }
    if waiver.expires < today {
      return check(
        .failed, "\(way); its waiver ended on \(waiver.expires)",
        "remove the mount if it works without the socket, or review the waiver and set a new `expires:`")
    }
    if mount.isWritable {
      return check(
        .failed, way,
        "add `:ro` to the mount in the Compose file, and push: a proxy must not be able to replace the socket")
    }
    if !container.ports.isEmpty {
      return check(
        .failed, "\(way), publishes \(Self.text(container.ports))",
        "remove its `ports:`; containers reach it over a network")
    }
    return check(.good, "\(way), \(waiver.accepted == nil ? "waived" : "accepted") until \(waiver.expires)", "")
  }

  /// Judges who else is on the networks of the proxies: only those that are sent there by DOCKER_HOST need to be.
  public var guests: [Check] {
    let proxies = containers.filter {
      mount(of: $0) != nil && $0.networks.keys.contains { $0 != "host" && $0 != "none" }
    }
    return proxies.map { proxy in
      let networks = Set(proxy.networks.keys)
      let near = containers.filter { $0.id != proxy.id && !networks.isDisjoint(with: $0.networks.keys) }
      let (clients, others) = (near.filter { $0.engineAddress != nil }, near.filter { $0.engineAddress == nil })
      let found = near.isEmpty ? "nobody" : (others.isEmpty ? clients : others).map(\.name).joined(separator: ", ")
      return Check(
        .socket, "reach \(proxy.name)", stack: stacks[proxy.id], others.isEmpty ? .good : .warning,
        found: others.isEmpty ? found : "\(found), without a DOCKER_HOST that leads there",
        expected: "only services with DOCKER_HOST=tcp://…",
        help: "give \(proxy.name) and its clients a network of their own (\(networks.sorted().joined(separator: ", ")))"
      )
    }
  }

  /// Judges the socket itself; `members` are the users in its group.
  public static func file(_ entry: HostEntry, members: [String]) -> Check {
    let expected = "a socket that only root and its group may use"
    let found = "\(entry.path): \(entry.owner):\(entry.group) \(String(entry.mode, radix: 8))"
    if entry.kind == .missing { return Check(.socket, "socket", skipped: "there is no \(entry.path)") }
    if entry.mode & 0o002 != 0 {
      return Check(
        .socket, "socket", .failed, found: "\(found): everybody on this host can become root with it",
        expected: expected,
        help: "`chmod 660 \(entry.path)`, and see who changed it (`SocketMode=` of docker.socket)")
    }
    let group = entry.mode & 0o060 != 0 && entry.gid != 0 && !members.isEmpty
    return Check(
      .socket, "socket", .good, found: found + (group ? "; group: \(members.joined(separator: ", "))" : ""),
      expected: expected)
  }

  /// The containers that are sent to an engine by TCP, each with the container that answers there, where it is known.
  public var clients: [(client: InspectedContainer, host: String, port: Int, proxy: InspectedContainer?)] {
    containers.compactMap { client in
      guard let (host, port) = client.engineAddress else { return nil }
      let proxy = containers.first { other in
        other.networks.contains { name, there in client.networks[name] != nil && there.names.contains(host) }
      }
      return (client, host, port, proxy)
    }
  }

  /// Judges what a container was answered that asked `/_ping` where its DOCKER_HOST leads.
  public static func ping(
    _ client: InspectedContainer, stack: String?, answer: String?, way: String, proxy: InspectedContainer?
  ) -> Check {
    let (address, name) = (client.dockerHost ?? "", "/_ping from \(client.name)")
    if answer == "OK" { return Check(.socket, name, stack: stack, .good, found: "OK, \(way)", expected: "OK") }
    guard let proxy else {
      return Check(
        .socket, name, stack: stack, .failed,
        found: "no answer from \(address): no container that runs on its networks has that name", expected: "OK",
        help: "start the proxy, or put both on one network")
    }
    return Check(
      .socket, name, stack: stack, .failed,
      found: answer.map { "“\($0)”, \(way)" } ?? "no answer from \(address), \(way)",
      expected: "OK", help: "`docker logs --tail 50 \(proxy.name)`; `docker restart \(proxy.name)` if it hangs")
  }
}
