extension Rule {
  static let unknownOption = Rule(
    id: "unknown-option", summary: "a key, a driver or an option that clup does not know",
    why: """
      Nobody knows what a new key of Compose or an option of a driver can do to a host before somebody has looked at it.
      Until then it is refused: a list of dangerous options would never be complete. Keys that
      only a swarm uses are reported as a warning, since they have no effect, and so is an `x-clup` within a service,
      which Compose drops.
      """,
    fix: "Leave it out, or allow it on the host: `policy: {options: {log_drivers: [journald]}}`.",
    bad: """
      services:
        web: {image: "nginx:1.27", logging: {driver: gelf, options: {gelf-address: "udp://192.0.2.9:12201"}}}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", logging: {driver: json-file, options: {max-size: 10m}}}
      """
  ) { subject in
    subject.unknownKeys + subject.unknownNetworks + subject.takenLabels + subject.swarmOnlyKeys
      + subject.misplacedExtensions
      + subject.services.flatMap { subject.unknownLogging($0.name, $0.json) + subject.unknownValues($0.name, $0.json) }
  }
}

extension Subject {
  fileprivate func allow(_ list: String, _ name: String) -> String {
    "leave it out, or allow it on the host: `policy: {options: {\(list): [\"\(name)\"]}}`"
  }

  /// Compose keeps `x-clup` at the top level only.
  fileprivate var misplacedExtensions: [Finding] {
    sources.flatMap { source in
      (source.document?["services"]?.mapping ?? []).compactMap { service in
        guard let name = service.key.string, let entry = service.value.entry("x-clup") else { return nil }
        return Finding(
          service: name, place: (source.path, entry.key.start),
          message: "the `x-clup` within \(name) is dropped by Compose and has no effect",
          help:
            "write it at the top level of \(source.path), beside `services:`; a probe names its container there with "
            + "`service: \(name)`",
          severity: .warning)
      }
    }
  }

  fileprivate var unknownKeys: [Finding] {
    ComposeKeys.unknown(in: model).filter { !policy.options.keys.contains($0.key) }.map { unknown in
      let isService = unknown.keys.first == "services" && unknown.keys.count > 2
      let service = isService ? unknown.keys[1] : nil
      let keys = isService ? Array(unknown.keys.dropFirst(2)) : unknown.keys
      return Finding(
        service: service,
        place: service.map { place($0, keys) } ?? place(topLevel: keys),
        message: "\(service ?? stack) uses `\(keys.joined(separator: "."))`, which clup does not know to be harmless",
        help: allow("keys", unknown.key))
    }
  }

  fileprivate var unknownNetworks: [Finding] {
    model["networks"].members.flatMap { name, network in
      NetworkOptions.objections(to: network, options: policy.options).map { keys, words in
        let list = keys.first == "driver" || keys.last == "driver" ? "network_drivers" : "network_options"
        let value = keys.last.flatMap { key in key == "driver" ? network["driver"]?.string : key } ?? ""
        return Finding(
          place: place(topLevel: ["networks", name] + keys), message: "the network \(name) \(words)",
          help: keys.first == "ipam"
            ? "take a range of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16" : allow(list, value))
      }
    }
  }

  /// Compose and clup know what is theirs by these labels.
  fileprivate var takenLabels: [Finding] {
    ["networks", "volumes"].flatMap { section in
      model[section].members.flatMap { name, value in
        value["labels"].object.keys.sorted().filter { $0.hasPrefix("com.docker.compose.") }.map {
          Finding(
            place: place(topLevel: [section, name, "labels", $0]),
            message: "\(name) sets the label \($0), by which Compose and clup know what is theirs",
            help: "give the label another name")
        }
      }
    }
  }

  fileprivate func unknownLogging(_ service: String, _ json: JSON) -> [Finding] {
    guard let logging = json["logging"] else { return [] }
    let driver = logging["driver"]?.string ?? "json-file"
    if policy.options.logDrivers.contains(driver) { return [] }
    let isTold = refusesSockets(json, of: service)
    guard let known = LogDriver.options[driver] else {
      if isTold { return [] }
      return [
        Finding(
          service: service, place: place(service, ["logging", "driver"]),
          message: "\(service) logs by the driver \(driver), which writes elsewhere than to the engine's own files",
          help: allow("log_drivers", driver))
      ]
    }
    let sockets = isTold ? logSockets(json).map(\.key) : []
    return logging["options"].object.keys.sorted().filter { !known.contains($0) && !sockets.contains($0) }.map {
      Finding(
        service: service, place: place(service, ["logging", "options", $0]),
        message: "\(service) gives the log driver \(driver) the option \($0), which clup does not know",
        help: allow("log_drivers", driver))
    }
  }

  /// More containers of one service than a single host has a use for.
  private static let mostReplicas = 100

  fileprivate func unknownValues(_ service: String, _ json: JSON) -> [Finding] {
    var found: [Finding] = []
    func add(_ keys: [String], _ message: String, _ help: String) {
      found.append(Finding(service: service, place: place(service, keys), message: message, help: help))
    }
    for volume in json["volumes"].array {
      let type = volume["type"]?.string ?? "volume"
      if !["bind", "volume", "tmpfs", "image"].contains(type) {
        add(["volumes"], "\(service) mounts something of the type \(type)", "mount a directory or a named volume")
      }
    }
    for (name, network) in json["networks"].members {
      for key in network["driver_opts"].object.keys.sorted() where !policy.options.networkOptions.contains(key) {
        add(
          ["networks", name, "driver_opts", key], "\(service) joins \(name) with the option \(key)",
          allow("network_options", key))
      }
    }
    for key in json["labels"].object.keys.sorted() where key.hasPrefix("com.docker.compose.") {
      add(
        ["labels", key], "\(service) sets the label \(key), by which Compose and clup know their containers",
        "give the label another name")
    }
    let replicas = ComposeService(name: service, json, files: [:]).replicas
    let key = json["deploy"]?["replicas"] == nil ? "scale" : "deploy.replicas"
    if replicas > Self.mostReplicas, !policy.options.keys.contains("services.*.\(key)") {
      add(
        key.split(separator: ".").map(String.init),
        "\(service) asks for \(replicas) containers, more than \(Self.mostReplicas)", allow("keys", "services.*.\(key)")
      )
    }
    if let text = json["build"]?["sbom"]?.text, !["", "true", "false", "0", "1"].contains(text) {
      add(["build", "sbom"], "\(service) names a program that reads its image (`sbom: \(text)`)", "write `sbom: true`")
    }
    for cache in ["cache_from", "cache_to"] {
      for text in json["build"][cache].strings {
        if let option = BuildCache.unknown(text) {
          add(
            ["build", cache], "\(service) keeps its build cache by `\(option)`", "use `type=registry` or `type=local`")
        }
      }
    }
    return found
  }
}

/// The log drivers that keep to the engine's own files, each with the options that it knows.
enum LogDriver {
  static let options: [String: Set<String>] = {
    let common: Set<String> = ["mode", "max-buffer-size", "tag", "labels", "labels-regex", "env", "env-regex"]
    let files = common.union(["max-size", "max-file", "compress"])
    return ["json-file": files, "local": files, "none": common]
  }()
}
