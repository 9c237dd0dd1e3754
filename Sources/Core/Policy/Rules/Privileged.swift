extension Rule {
  static let privileged = Rule(
    "privileged", summary: "what takes the walls between a container and the host down",
    why: """
      `privileged`, added capabilities, devices, unconfined profiles and the host's own namespaces each undo a part of what
      keeps a container apart. With most of them a process inside is root outside, in one step.
      """,
    fix: "Leave it out. Where a program truly needs one capability, waive this service and say why.",
    bad: """
      services:
        vpn: {image: "wireguard:1", cap_add: [NET_ADMIN], network_mode: host}
      """,
    good: """
      services:
        vpn: {image: "wireguard-userspace:1"}
      """
  ) { subject in
    subject.services.flatMap { service, json -> [Finding] in
      var found: [Finding] = []
      func add(_ keys: [String], _ what: String, value: String? = nil) {
        let place = subject.place(service, keys) { node in
          value.map { wanted in
            node.string.map { $0 == wanted || $0.hasPrefix(wanted + ":") || $0.contains("$") } ?? (node.mapping != nil)
          } ?? true
        }
        found.append(
          Finding(
            service: service, place: place, message: "\(service) \(what)",
            help: "leave it out, or waive it on the host with a reason"))
      }
      if json["privileged"]?.bool == true { add(["privileged"], "is privileged", value: "true") }
      for name in (json["cap_add"]?.array ?? []).compactMap(\.string) where !Capability.isDefault(name) {
        add(["cap_add"], "adds the capability \(name)", value: name)
      }
      for device in json["devices"]?.array ?? [] {
        let source = device["source"]?.string ?? device.string ?? "a device"
        add(["devices"], "gets the device \(source)", value: source)
      }
      for rule in (json["device_cgroup_rules"]?.array ?? []).compactMap(\.string) {
        add(["device_cgroup_rules"], "may use devices by `\(rule)`", value: rule)
      }
      for option in (json["security_opt"]?.array ?? []).compactMap(\.string) where weakens(option) {
        add(["security_opt"], "loosens its confinement by `\(option)`", value: option)
      }
      for (key, name) in namespaces {
        guard let value = json[key]?.string else { continue }
        if value == "host" { add([key], "shares the host's \(name)", value: "host") }
        if value.hasPrefix("container:") {
          add([key], "shares the \(name) of a container that is not of this stack (`\(value)`)")
        }
      }
      for key in (json["networks"]?.object ?? [:]).keys.sorted()
      where subject.model["networks"]?[key]?["name"]?.string == "host" {
        add(["networks"], "shares the host's network through \(key)")
      }
      if json["gpus"] != nil { add(["gpus"], "gets the host's GPUs") }
      if !(json["deploy"]?["resources"]?["reservations"]?["devices"]?.array ?? []).isEmpty {
        add(["deploy", "resources", "reservations", "devices"], "gets devices of the host")
      }
      if let parent = json["cgroup_parent"]?.string { add(["cgroup_parent"], "runs under the cgroup \(parent)") }
      if json["credential_spec"] != nil { add(["credential_spec"], "takes a credential_spec from the host") }
      if let type = json["provider"]?["type"]?.string {
        add(["provider"], "makes Compose run the program \(type) on the host")
      }
      for key in ["pre_start", "post_start", "pre_stop"] {
        for hook in json[key]?.array ?? [] where hook["privileged"]?.bool == true {
          add([key], "runs a privileged \(key) command")
        }
      }
      if let build = json["build"] {
        if build["privileged"]?.bool == true { add(["build", "privileged"], "is built privileged") }
        if build["network"]?.string == "host" { add(["build", "network"], "is built on the host's network") }
        for entitlement in (build["entitlements"]?.array ?? []).compactMap(\.string) {
          add(["build", "entitlements"], "is built with the entitlement \(entitlement)", value: entitlement)
        }
      }
      return found
    }
  }

  private static let namespaces = [
    ("pid", "process list"), ("ipc", "memory segments"), ("network_mode", "network"), ("uts", "host name"),
    ("userns_mode", "users"), ("cgroup", "cgroups"),
  ]

  private static func weakens(_ option: String) -> Bool {
    let text = option.lowercased().replacing("=", with: ":")
    return text.hasSuffix(":unconfined") || text == "label:disable" || text == "label:type:spc_t"
      || text == "writable-cgroups:true" || text.hasPrefix("seccomp:") && text != "seccomp:builtin"
      || text == "no-new-privileges:false"
  }
}
