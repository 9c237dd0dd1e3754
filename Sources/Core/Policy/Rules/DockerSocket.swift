extension Rule {
  static let dockerSocket = Rule(
    "docker-socket", summary: "any way to the Docker socket",
    why: """
      Whoever reaches the engine's socket is root on the host: one request starts a container that mounts `/`. Read-only
      makes no difference, a socket is spoken to, not written to. The ways there are the socket's file, any directory above
      it, a named volume whose driver options bind one of the two, `use_api_socket`, and a DOCKER_HOST that names a unix
      socket. Symbolic links are followed.
      """,
    fix: "Let one socket proxy hold the socket, and let the others speak to it over a network of their own.",
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
    let help = "speak to a socket proxy by `DOCKER_HOST: tcp://…` instead; the proxy itself needs a waiver on the host"
    return subject.services.flatMap { service, json in
      var found = subject.mounts(of: service, json).compactMap { mount -> Finding? in
        guard let way = DockerSocket.way(subject.paths.forms(mount.source)) else { return nil }
        return Finding(
          service: service, place: subject.place(of: mount),
          message: "\(service) gets the Docker socket: \(subject.words(mount)) \(way)", help: help)
      }
      if json["use_api_socket"]?.bool == true {
        found.append(
          Finding(
            service: service, place: subject.place(service, ["use_api_socket"]),
            message: "\(service) gets the Docker socket by `use_api_socket`", help: help))
      }
      if let other = json["pid"]?.string, other.hasPrefix("service:"),
        let giver = subject.model["services"]?[String(other.dropFirst(8))],
        subject.mounts(of: String(other.dropFirst(8)), giver).contains(where: {
          DockerSocket.way(subject.paths.forms($0.source)) != nil
        })
      {
        found.append(
          Finding(
            service: service, place: subject.place(service, ["pid"]),
            message: "\(service) sees the processes of \(other.dropFirst(8)), and through them the Docker socket",
            help: help))
      }
      if let host = json["environment"]?["DOCKER_HOST"]?.string, host.hasPrefix("unix:") {
        found.append(
          Finding(
            service: service, place: subject.place(service, "environment", item: ["DOCKER_HOST"]),
            message: "\(service) is sent to a unix socket by DOCKER_HOST=\(host)", help: help))
      }
      return found
    }
  }
}

/// What counts as the engine's socket.
enum DockerSocket {
  private static let names: Set<String> = [
    "docker.sock", "containerd.sock", "podman.sock", "crio.sock", "docker.raw.sock", "buildkitd.sock",
  ]
  private static let places = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"]

  /// Says how one of a path's forms leads to the socket, if it does.
  static func way(_ forms: [String]) -> String? {
    for path in forms {
      if names.contains(Path.name(path)) { return forms[0] == path ? "is it" : "leads to \(path)" }
      if places.contains(where: { Path.relative($0, to: path) != nil }) {
        return forms[0] == path ? "holds it" : "leads to \(path), which holds it"
      }
    }
    return nil
  }
}
