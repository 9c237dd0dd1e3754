import YAML

extension Rule {
  /// The stricter rules of job files: what the Runner may start without asking anyone.
  static let jobs = [
    job(
      "job-oneshot", "a job's service that is not one-shot",
      "A job runs and ends; a service that keeps running belongs in a stack.",
      "Leave `restart`, `deploy` replicas, `healthcheck` and `ports` out."
    ) { subject, service, json in
      let restart = json["restart"]?.string ?? json["deploy"]?["restart_policy"]?["condition"]?.string ?? "no"
      if restart != "no" && restart != "none" {
        return [(["restart"], "\(service) is started again (`\(restart)`)", "a job runs once: leave `restart` out")]
      }
      if json["healthcheck"] != nil {
        return [(["healthcheck"], "\(service) has a health check, which is for what stays", "leave `healthcheck` out")]
      }
      if json["deploy"]?["mode"]?.string == "global" {
        return [(["deploy"], "\(service) runs on every node", "a job runs once")]
      }
      let model = ComposeService(name: service, json, files: [:])
      if model.replicas != 1 { return [(["deploy"], "\(service) has \(model.replicas) replicas", "a job runs once")] }
      return []
    },
    Rule(
      id: "job-timeout", summary: "a job file without a time limit", why: "A job that hangs never ends.",
      fix: "Write `x-clup: {timeout: 20m}` at the top level.", bad: jobBad, good: jobGood
    ) { subject in
      guard subject.kind == .job else { return [] }
      let text = subject.model["x-clup"]?["timeout"]?.string
      if let text, let time = Duration(parsing: text), time > .zero, time <= .seconds(86_400) { return [] }
      return [
        Finding(
          place: subject.place(topLevel: ["x-clup", "timeout"]),
          message: text.map { "the timeout \($0) is not a time of at most 24h" } ?? "the job file has no time limit",
          help: "write `x-clup: {timeout: 20m}` at the top level")
      ]
    },
    job(
      "job-limits", "a job without memory, cpu and pid limits", "A build can use up the whole host.",
      "Set `mem_limit`, `cpus` and `pids_limit`, or the same under `deploy: {resources: {limits: …}}`."
    ) { _, service, json in jobLimits(service, json) },
    job(
      "job-network", "a job with a network that is not allowed", "Code that a job builds must not call home.",
      "Write `network_mode: none`, or let the host allow the network with `policy: {job_networks: […]}`."
    ) { subject, service, json in
      if json["network_mode"]?.string == "none" { return [] }
      let named = json["networks"].object.keys.map { subject.model["networks"]?[$0]?["name"]?.string ?? $0 }
      let names = json["network_mode"]?.string.map { [$0] } ?? (named.isEmpty ? ["default"] : named.sorted())
      return names.filter { !subject.policy.jobNetworks.contains($0) }.map {
        (
          [json["network_mode"] == nil ? "networks" : "network_mode"], "\(service) has the network \($0)",
          "write `network_mode: none`"
        )
      }
    },
    job(
      "job-ports", "a job that publishes ports", "Nobody connects to a job.", "Remove `ports`."
    ) { _, service, json in
      json["ports"].array.isEmpty
        ? []
        : [(["ports"], "\(service) publishes \(Port(json["ports"].array.first ?? .null).text)", "remove `ports`")]
    },
    job(
      "job-mounts", "a job that may write to the host", "The next job trusts what a job writes.",
      "Mount `:ro`; only the shared Gradle cache may be written."
    ) { subject, service, json in
      let help = "mount it `:ro`, or write inside the container only"
      let binds = subject.mounts(of: service, json)
      let chosen = binds.filter { $0.source.hasPrefix(Placeholder.path) }.map {
        (
          ["volumes"], "a parameter chooses what \(service) mounts at \($0.target)",
          "write the path without a parameter"
        )
      }
      let written = binds.filter { !$0.readOnly && !subject.isCache($0.source) }.map {
        (["volumes"], "\(service) may write to \($0.source)", help)
      }
      let volumes = json["volumes"].array.filter {
        $0["type"]?.string == "volume" && $0["source"] != nil && $0["read_only"]?.bool != true
      }.map { (["volumes"], "\(service) may write to the volume \($0["source"]?.string ?? "")", help) }
      return chosen + written + volumes
    },
    job(
      "job-sdk", "a job that mounts the host's Android SDK",
      "Tools belong in the job's image, where they have a version.",
      "Use an image that holds the SDK."
    ) { subject, service, json in
      subject.mounts(of: service, json).filter { mount in
        let words = (mount.source + mount.target).lowercased()
        return words.contains("android-sdk") || words.contains("android/sdk") || words.contains("android_sdk")
          || words.contains("androidsdk")
      }.map {
        (["volumes"], "\(service) mounts an Android SDK of the host: \($0.source)", "use an image that holds it")
      }
    },
    job(
      "job-build", "a job that builds its image", "Nobody has checked an image that is built when a job starts.",
      "Build and tag the image beforehand, and name it."
    ) { _, service, json in
      json["build"] == nil ? [] : [(["build"], "\(service) builds its image", "name an image that is built already")]
    },
    job(
      "job-image", "a job with an image that the host does not allow",
      "The list names the images that the program that starts jobs may use.",
      "Use an allowed image, or add it to `policy: {job_images: […]}` on the host."
    ) { subject, service, json in
      let image = json["image"]?.string ?? ""
      let allowed = subject.policy.jobImages
      if allowed.isEmpty || image.isEmpty || allowed.contains(where: { Glob($0).matches(image) }) { return [] }
      return [
        (
          ["image"], "\(service) uses \(image), which is not among \(allowed.joined(separator: ", "))",
          "use an allowed image"
        )
      ]
    },
    Rule(
      id: "job-params", summary: "a job file whose `x-clup` cannot be understood",
      why: "The program that starts jobs reads the time limit and the parameters there.",
      fix: "Write `x-clup: {timeout: 20m, params: [NAME, OTHER]}`.", bad: jobBad, good: jobGood
    ) { subject in
      guard subject.kind == .job else { return [] }
      let own = subject.model["x-clup"]
      func finding(_ message: String) -> Finding {
        Finding(
          place: subject.place(topLevel: ["x-clup"]), message: message,
          help: "write `x-clup: {timeout: 20m, params: [NAME]}` at the top level")
      }
      for key in own.object.keys.sorted() where key != "timeout" && key != "params" {
        return [finding("`x-clup` has an unknown key \(key)")]
      }
      if let params = own?["params"] {
        let names = params.strings
        if names.count != params.array.count
          || names.contains(where: { $0.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) == nil })
        {
          return [finding("`params` must be a list of names")]
        }
        guard case .array = params else { return [finding("`params` must be a list of names")] }
      }
      for name in own["params"].strings {
        if ["COMPOSE_", "DOCKER_", "LD_"].contains(where: name.hasPrefix) || ["PATH", "HOME", "PWD"].contains(name) {
          return [finding("the parameter \(name) would change how the job is started")]
        }
        let places = subject.sources.flatMap { source in JobParameter.places(of: name, in: source) }
        if let place = places.first {
          return [
            Finding(
              place: place, message: "the parameter \(name) is used outside of `environment` and `command`",
              help: "use parameters only there")
          ]
        }
      }
      return []
    },
  ]

  /// The most that a job may ask for: bytes, processors, processes.
  private static let most: [(name: String, key: String, bound: Double)] = [
    ("memory", "mem_limit", 256 * 1_073_741_824), ("cpus", "cpus", 256), ("pids", "pids_limit", 32_768),
  ]

  private static func jobLimits(
    _ service: String, _ json: JSON
  ) -> [(keys: [String], message: String, help: String)] {
    let limits = json["deploy"]?["resources"]?["limits"]
    var (missing, found): ([String], [(keys: [String], message: String, help: String)]) = ([], [])
    for (name, key, bound) in most {
      let values = [limits?[name], json[key]].compactMap { $0?.text }.compactMap(Double.init).filter { $0 > 0 }
      if values.isEmpty { missing.append(key) }
      if let value = values.first(where: { $0 > bound }) {
        found.append(([key], "\(service) has a \(key) that limits nothing (\(value))", "set it to what the job needs"))
      }
    }
    if !missing.isEmpty {
      found.insert(
        ([], "\(service) has no \(missing.joined(separator: ", no "))", "add \(missing.joined(separator: " and "))"),
        at: 0)
    }
    let memory = (limits?["memory"] ?? json["mem_limit"])?.text.flatMap(Double.init) ?? 0
    if let swap = json["memswap_limit"]?.text.flatMap(Double.init), swap != 0, swap < 0 || swap > 2 * memory {
      found.append((["memswap_limit"], "\(service) may swap without limit", "leave `memswap_limit` out"))
    }
    if json["oom_kill_disable"]?.bool == true {
      found.append(
        (["oom_kill_disable"], "\(service) is not ended when it has used its memory up", "leave it out"))
    }
    if let score = json["oom_score_adj"]?.text.flatMap(Double.init), score < 0 {
      found.append((["oom_score_adj"], "\(service) has other programs ended before it", "leave it out"))
    }
    return found
  }

  private static let jobBad = """
    services:
      build: {image: "gradle:latest", restart: always, volumes: ["/srv/data:/data"]}
    """

  private static let jobGood = """
    x-clup: {timeout: 20m, params: [BRANCH]}
    services:
      build:
        image: "job-gradle:8.10"
        network_mode: none
        mem_limit: 2g
        cpus: 2
        pids_limit: 512
    """

  private static func job(
    _ id: String, _ summary: String, _ why: String, _ fix: String,
    check: @escaping @Sendable (Subject, String, JSON) -> [(keys: [String], message: String, help: String)]
  ) -> Rule {
    Rule(id: id, summary: summary, why: why, fix: fix, bad: jobBad, good: jobGood) { subject in
      guard subject.kind == .job else { return [] }
      return subject.services.flatMap { service, json in
        check(subject, service, json).map {
          Finding(service: service, place: subject.place(service, $0.keys), message: $0.message, help: $0.help)
        }
      }
    }
  }
}

extension Subject {
  /// Whether a path is the shared Gradle cache: `runner/gradle` of the live root, or of a bind root next to it.
  fileprivate func isCache(_ path: String) -> Bool {
    if let relative = Path.relative(path, to: paths.liveRoot) { return isJobCache(relative) }
    return path.hasSuffix("/runner/gradle")
  }
}

/// Where a job file uses a parameter.
private enum JobParameter {
  private static let told: Set<String> = ["environment", "command", "labels", "working_dir"]

  /// Returns the places at which a parameter decides more than what the job is told.
  static func places(of name: String, in source: ComposeSource) -> [Place] {
    let fields = (source.document?["services"]?.merged ?? []).flatMap(\.value.merged)
      .filter { !told.contains($0.key.string ?? "") }
    let others = (source.document?.mapping ?? []).filter {
      $0.key.string != "services" && $0.key.string?.hasPrefix("x-") != true
    }
    return (fields + others).flatMap(\.value.scalars).filter { Variables.uses(name, $0.text) }
      .map { (source.path, $0.mark) }
  }
}
