extension Rule {
  static let socketProxy = Rule(
    "socket-proxy", summary: "a waived socket holder that opens more than it must",
    why: """
      A waiver of `docker-socket` is for one proxy that narrows the engine down. It must mount the socket read-only, so
      that nobody replaces it; publish no ports, so that only its own network reaches it; and switch on no more than
      CONTAINERS and IMAGES: EXEC, POST, SYSTEM, NETWORKS, VOLUMES and their like lead to the host again.
      """,
    fix: "Mount the socket `:ro`, publish nothing, and take away every switch but CONTAINERS and IMAGES.",
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
      let holds = subject.mounts(of: service, json).filter {
        DockerSocket.way(subject.paths.forms($0.source)) != nil
      }
      let waived = subject.policy.waivers.contains {
        $0.rule == "docker-socket" && ($0.stack ?? subject.stack) == subject.stack && ($0.service ?? service) == service
      }
      guard waived, !holds.isEmpty || json["use_api_socket"]?.bool == true else { return [] }
      var found: [Finding] = holds.filter { !$0.readOnly }.map {
        Finding(
          service: service, place: subject.place(of: $0), message: "\(service) mounts \($0.source) writable",
          help: "add `:ro`")
      }
      for port in json["ports"]?.array ?? [] {
        let text = Port(port).text
        found.append(
          Finding(
            service: service, place: subject.place(service, of: Port(port)),
            message: "\(service) holds the Docker socket and publishes \(text)",
            help: "take the port away; containers reach it over a network"))
      }
      for (key, value) in (json["environment"]?.object ?? [:]).sorted(by: { $0.key < $1.key })
      where switches.contains(key) && !off.contains(value.string?.lowercased() ?? "") {
        found.append(
          Finding(
            service: service, place: subject.place(service, "environment", item: [key]),
            message: "\(service) switches on \(key), more than CONTAINERS and IMAGES", help: "take \(key) away"))
      }
      return found
    }
  }

  private static let off: Set<String> = ["", "0", "false", "no", "off"]
  private static let switches: Set<String> = [
    "AUTH", "BUILD", "COMMIT", "CONFIGS", "DISTRIBUTION", "EXEC", "GRPC", "INFO", "NETWORKS", "NODES", "PLUGINS",
    "POST",
    "SECRETS", "SERVICES", "SESSION", "SWARM", "SYSTEM", "TASKS", "VOLUMES", "ALLOW_START", "ALLOW_STOP",
    "ALLOW_RESTARTS",
  ]
}
