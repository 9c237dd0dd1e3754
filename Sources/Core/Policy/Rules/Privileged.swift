extension Rule {
  static let privileged = Rule(
    id: "privileged", summary: "anything that weakens the isolation between a container and the host",
    why: """
      `privileged`, added capabilities, devices, other profiles and runtimes than the engine's own and the host's own
      namespaces each remove a part of the isolation. With most of them a process inside is root outside, in
      one step. A waiver names one image of one service and exactly what it allows, in the words of the finding:
      `{rule: privileged, stack: vpn, service: wg, image: "wireguard:1", options: ["cap_add NET_ADMIN"], …}`.
      """,
    fix: "Leave it out. If a program really needs one capability, waive this service and say why.",
    bad: """
      services:
        vpn: {image: "wireguard:1", cap_add: [NET_ADMIN], network_mode: host}
      """,
    good: """
      services:
        vpn: {image: "wireguard-userspace:1"}
      """
  ) { subject in
    subject.services.flatMap { service, json in
      subject.brokenIsolation(service, json) + subject.sharedNamespaces(service, json)
        + subject.strangePrograms(service, json)
        + subject.strangeBuilds(service, json)
    }
  }
}

/// Collects what breaks the isolation of one service.
private struct IsolationFindings {
  let subject: Subject
  let service: String
  var found: [Finding] = []

  /// Adds a finding at a key, or at the item of it that is about `value`; `option` is what a waiver names.
  mutating func add(_ keys: [String], _ what: String, value: String? = nil, option: String? = nil) {
    let place = subject.place(service, keys) { node in
      value.map { wanted in
        node.string.map { $0 == wanted || $0.hasPrefix(wanted + ":") || $0.contains("$") } ?? (node.mapping != nil)
      } ?? true
    }
    let option = option ?? (keys + (value.map { [$0] } ?? [])).joined(separator: " ")
    found.append(
      Finding(
        service: service, place: place, message: "\(service) \(what)",
        help: "leave it out", option: option))
  }
}

extension IsolationFindings {
  /// Judges how mounts spread: what a container mounts below a shared one comes to be on the host. By a slave it gets what the
  /// host mounts there, which may be written to although the mount itself is read-only.
  fileprivate mutating func add(propagation way: String, of target: String) {
    let isSlave = way == "slave" || way == "rslave"
    let words =
      isSlave
      ? "gets the mounts that the host makes below \(target) later, writable also where it is read-only"
      : "shares mounts with the host at \(target)"
    add(["volumes"], "\(words) (`\(way)`)", option: "propagation \(way)")
    let index = found.count - 1
    if let place = subject.place(service, ofTarget: target) { found[index].place = place }
    if isSlave { found[index].severity = .warning }
  }

  /// Judges a namespace that is shared with a container by its name.
  fileprivate mutating func add(_ key: String, _ name: String, of container: String, _ json: JSON) {
    let option = "\(key) container:\(container)"
    let owner = subject.others.sorted { $0.key < $1.key }.first { $0.value.containers.contains(container) }?.key
    if let owner {
      add([key], "shares the \(name) of \(container), a container of the stack \(owner)", option: option)
      found[found.count - 1].help =
        "put both into one stack and write `\(key): service:…`; without that, have it wait with "
        + "`stacks: {\(subject.stack): {after: [\(owner)]}}`"
      return
    }
    // A service that has no container leaves its name to others.
    let project = subject.model["name"]?.string ?? ""
    let own = subject.services.first { service, json in
      (json["container_name"]?.string ?? "\(project)-\(service)-1") == container
        && json["profiles"].array.isEmpty && json["provider"] == nil
        && ComposeService(name: service, json, files: [:]).replicas > 0
    }
    guard let own, own.name != service else {
      return add(
        [key], "shares the \(name) of a container that is not of this stack (`container:\(container)`)", option: option)
    }
    if own.json[key]?.string == "host" {
      return add([key], "shares the host's \(name) through \(own.name)", option: option)
    }
    add(
      [key], "shares the \(name) of \(own.name) by its container's name, so that Compose keeps no order between them",
      option: option)
    found[found.count - 1].severity = .warning
    found[found.count - 1].help =
      "write `\(key): service:\(own.name)`, which Compose starts first and recreates together with it"
  }
}

extension Subject {
  fileprivate func brokenIsolation(_ service: String, _ json: JSON) -> [Finding] {
    var isolation = IsolationFindings(subject: self, service: service)
    if json["privileged"]?.bool == true {
      isolation.add(["privileged"], "is privileged", value: "true", option: "privileged")
    }
    for name in json["cap_add"].strings where !Capability.isDefault(name) {
      isolation.add(["cap_add"], "adds the capability \(name)", value: name)
    }
    for device in json["devices"].array {
      let source = device["source"]?.string ?? device.string ?? "a device"
      if Self.commonDevices.contains(source) { continue }
      isolation.add(["devices"], "gets the device \(source)", value: source)
    }
    for rule in json["device_cgroup_rules"].strings {
      isolation.add(["device_cgroup_rules"], "may use devices by `\(rule)`", value: rule)
    }
    for option in json["security_opt"].strings where !isKnown(securityOption: option) {
      isolation.add(["security_opt"], "changes its confinement by `\(option)`", value: option)
    }
    for (name, _) in json["sysctls"].members where !isKnown(sysctl: name) {
      isolation.add(["sysctls", name], "sets the kernel's \(name)", option: "sysctls \(name)")
    }
    if json["gpus"] != nil { isolation.add(["gpus"], "gets the host's GPUs") }
    if !json["deploy"]["resources"]["reservations"]["devices"].array.isEmpty {
      isolation.add(
        ["deploy", "resources", "reservations", "devices"], "gets devices of the host", option: "deploy devices")
    }
    if let parent = json["cgroup_parent"]?.string {
      isolation.add(["cgroup_parent"], "runs under the cgroup \(parent)")
    }
    if let score = json["oom_score_adj"]?.text.flatMap(Double.init), score < 0 {
      isolation.add(["oom_score_adj"], "lets the kernel kill other programs of the host first when memory runs out")
    }
    if json["oom_kill_disable"]?.bool == true {
      isolation.add(["oom_kill_disable"], "is not killed when it has used up its memory")
    }
    if json["credential_spec"] != nil { isolation.add(["credential_spec"], "takes a credential_spec from the host") }
    for volume in json["volumes"].array {
      guard let way = volume["bind"]?["propagation"]?.string, !["", "private", "rprivate"].contains(way) else {
        continue
      }
      isolation.add(propagation: way, of: volume["target"]?.string ?? "")
    }
    return isolation.found
  }

  fileprivate func sharedNamespaces(_ service: String, _ json: JSON) -> [Finding] {
    var isolation = IsolationFindings(subject: self, service: service)
    for (key, name) in Self.namespaces {
      guard let value = json[key]?.string else { continue }
      if value == "host" { isolation.add([key], "shares the host's \(name)", value: "host") }
      if value.hasPrefix("service:"), model["services"]?[String(value.dropFirst(8))]?[key]?.string == "host" {
        isolation.add([key], "shares the host's \(name) through \(value.dropFirst(8))", value: value)
      }
      if value.hasPrefix("container:") { isolation.add(key, name, of: String(value.dropFirst(10)), json) }
    }
    for key in json["networks"].object.keys.sorted() where model["networks"]?[key]?["name"]?.string == "host" {
      isolation.add(["networks"], "shares the host's network through \(key)", option: "network_mode host")
    }
    return isolation.found
  }

  /// What makes the engine or Compose run another program than the usual one, or run it with more rights.
  fileprivate func strangePrograms(_ service: String, _ json: JSON) -> [Finding] {
    var isolation = IsolationFindings(subject: self, service: service)
    if let runtime = json["runtime"]?.string, !Self.runtimes.contains(runtime),
      !policy.options.runtimes.contains(runtime)
    {
      isolation.add(
        ["runtime"], "runs by the runtime \(runtime), which decides what of the host it gets", value: runtime)
    }
    if let type = json["provider"]?["type"]?.string {
      isolation.add(["provider"], "makes Compose run the program \(type) on the host")
    }
    for key in ["pre_start", "post_start", "pre_stop"] {
      for hook in json[key].array where hook["privileged"]?.bool == true {
        isolation.add([key], "runs a privileged \(key) command")
      }
    }
    return isolation.found
  }

  fileprivate func strangeBuilds(_ service: String, _ json: JSON) -> [Finding] {
    guard let build = json["build"] else { return [] }
    var isolation = IsolationFindings(subject: self, service: service)
    if build["privileged"]?.bool == true { isolation.add(["build", "privileged"], "is built privileged") }
    if let network = build["network"]?.string, !["", "default", "none", "bridge"].contains(network) {
      isolation.add(
        ["build", "network"], "is built on the network `\(network)`, where other containers or the host listen")
    }
    for entitlement in build["entitlements"].strings {
      isolation.add(["build", "entitlements"], "is built with the entitlement \(entitlement)", value: entitlement)
    }
    if let ssh = build["ssh"], !ssh.array.isEmpty || !ssh.object.isEmpty {
      isolation.add(["build", "ssh"], "is built with the host's SSH keys")
    }
    return isolation.found
  }

  private static let runtimes: Set<String> = ["runc", "io.containerd.runc.v2"]

  private static let namespaces = [
    ("pid", "process list"), ("ipc", "memory segments"), ("network_mode", "network"), ("uts", "host name"),
    ("userns_mode", "users"), ("cgroup", "cgroups"),
  ]

  private func isKnown(securityOption option: String) -> Bool {
    let text = option.lowercased().replacing("=", with: ":")
    let known: Set<String> = [
      "no-new-privileges", "no-new-privileges:true", "apparmor:docker-default", "seccomp:builtin",
      "label:type:container_t",
    ]
    return known.contains(text) || policy.options.securityOptions.contains(option)
  }

  /// The kernel keeps these for each container apart.
  private func isKnown(sysctl name: String) -> Bool {
    ["net.ipv4.", "net.ipv6.", "net.core.", "net.netfilter.", "fs.mqueue.", "kernel.msg", "kernel.shm"]
      .contains(where: name.hasPrefix) || name == "kernel.sem" || policy.options.sysctls.contains(name)
  }
}
