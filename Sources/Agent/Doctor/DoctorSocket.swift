import Core
import Engine
import Glibc

extension Doctor {
  /// Finds out who reaches the Docker socket.
  func socket(_ stacks: [SeenStack], _ engine: SeenEngine) async -> [Check] {
    let host = environment["DOCKER_HOST"] ?? ""
    let path = Programs.socket(host) ?? "/var/run/docker.sock"
    var checks = [
      Check(.socket, "socket", skipped: "DOCKER_HOST names an engine that is not reached over a Unix socket")
    ]
    if host.isEmpty || Programs.socket(host) != nil {
      let entry = HostEntry(path)
      checks = [SocketChecks.file(entry, members: HostEntry.group(gid_t(entry.gid))?.members ?? [])]
    }
    if let skipped = engine.skipped(.socket, "holders") { return checks + [skipped] }
    var seen = judging(stacks, engine, socket: path)
    for container in seen.publishing {
      for port in container.ports where await Self.answersAsEngine(port) {
        seen.open[container.id, default: []].insert(port)
      }
    }
    return checks + seen.holders + seen.guests
  }

  /// Whether an engine answers at a port of this host.
  private static func answersAsEngine(_ port: InspectedContainer.Port) async -> Bool {
    for path in ["_ping", "version"] {
      let url = "http://\(port.reachable)/\(path)"
      guard let answer = try? await WebAnswer.get(url, deadline: .seconds(3), limit: 1 << 20) else { return false }
      if answer.status == 200, path == "_ping", String(decoding: answer.body, as: UTF8.self).trimmed == "OK" {
        return true
      }
      if answer.status == 200, path == "version", (try? JSON(parsing: answer.body))?["ApiVersion"] != nil {
        return true
      }
    }
    return false
  }

  private func judging(_ stacks: [SeenStack], _ engine: SeenEngine, socket: String) -> SocketChecks {
    var paths = HostPaths(liveRoot: settings.liveRoot, checkout: settings.checkout, stacks: [:], isHost: true)
    paths.engine = [socket, Files.resolved(socket) ?? socket]
    for source in Set(engine.containers.flatMap(\.mounts).map(\.source)) {
      if let real = Files.resolved(source), real != source { paths.real[source] = real }
    }
    let owners = stacks.flatMap { stack in stack.containers.map { ($0.id, stack.name) } }
    return SocketChecks(
      containers: engine.containers, stacks: Dictionary(owners) { first, _ in first }, policy: settings.policy,
      today: today(), paths: paths)
  }

  /// Has each container that is sent to an engine by TCP ask it.
  func pings(_ stacks: [SeenStack], _ engine: SeenEngine, _ programs: Programs) async -> [Check] {
    let seen = judging(stacks, engine, socket: "/var/run/docker.sock")
    if seen.clients.isEmpty {
      return [Check(.socket, "/_ping", skipped: "no container is sent to an engine by DOCKER_HOST=tcp://…")]
    }
    var checks: [Check] = []
    for (client, host, port, proxy) in seen.clients {
      let url = "http://\(host):\(port)/_ping"
      let (answer, way) = await Self.ping(url, from: client, by: proxy, port, programs)
      checks.append(
        SocketChecks.ping(client, stack: seen.stacks[client.id], answer: answer, way: way, proxy: proxy))
    }
    return checks
  }

  /// Asks from inside; where the container has nothing to ask with, from the host, at the proxy's address on their network.
  private static func ping(
    _ url: String, from client: InspectedContainer, by proxy: InspectedContainer?, _ port: Int, _ programs: Programs
  ) async -> (answer: String?, way: String) {
    for command in [["wget", "-q", "-T", "5", "-O", "-", url], ["curl", "-sS", "-m", "5", url]] {
      do throws(EngineError) {
        let answer = try await programs.engine.execute(command, in: client.id, deadline: .seconds(10), limit: 1 << 16)
        // It is not there, cannot be started, or was ended by a signal.
        if answer.status >= 126 { continue }
        let text = String(decoding: answer.output.output, as: UTF8.self).trimmed
        return (answer.status == 0 ? text : nil, "asked by \(command[0]) in it")
      } catch {
        // An engine that cannot start the program says so with one of these.
        if error.kind == .status(400) || error.kind == .status(500) { continue }
        return (nil, "asked by \(command[0]) in it")
      }
    }
    let network = client.networks.keys.sorted().first { proxy?.networks[$0] != nil }
    guard let proxy, let address = network.flatMap({ proxy.networks[$0]?.address }), !address.isEmpty else {
      return (nil, "which has no address that the host reaches")
    }
    let answer = try? await WebAnswer.get("http://\(address):\(port)/_ping", deadline: .seconds(5), limit: 1 << 16)
    return (
      answer.flatMap { $0.status == 200 ? String(decoding: $0.body, as: UTF8.self).trimmed : nil },
      "asked from the host, since it has no wget or curl that works"
    )
  }
}

extension String {
  /// The first line, without what could steer a terminal.
  fileprivate var trimmed: String { String((split(whereSeparator: \.isNewline).first ?? "").prefix(80)).printable }
}
