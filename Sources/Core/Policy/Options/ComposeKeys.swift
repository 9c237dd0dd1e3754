/// What validation makes of each key that the Compose specification has.
///
/// A key that is not in this table is refused until somebody has looked at what it can do. Paths leave out the index of
/// lists; `*` stands for a name that the file chooses. Below a key without listed members everything is taken as it is.
enum ComposeKeys {
  enum Judgement: Equatable, Sendable {
    /// It gives a container nothing of the host.
    case allowed
    /// A rule looks at its value.
    case judged(by: String)
    /// It can give something of the host, and no rule tells when.
    case refused
  }

  static let table: [String: Judgement] = {
    var table: [String: Judgement] = [:]
    for (prefix, judgement, names) in rows {
      for name in names.split(whereSeparator: \.isWhitespace) {
        let parts = (prefix.isEmpty ? "\(name)" : "\(prefix).\(name)").split(separator: ".")
        for length in parts.indices.dropFirst() {
          let above = parts.prefix(length).joined(separator: ".")
          if table[above] == nil { table[above] = .allowed }
        }
        table[parts.joined(separator: ".")] = judgement
      }
    }
    return table
  }()

  /// The keys that have listed members.
  static let parents: Set<String> = Set(
    table.keys.compactMap { key in key.lastIndex(of: ".").map { String(key[..<$0]) } })

  private static let service = "services.*"

  private static let rows: [(prefix: String, judgement: Judgement, names: String)] = [
    ("", .allowed, "name version services networks volumes configs secrets"),
    ("", .judged(by: "host-path"), "include"),
    ("", .refused, "models jobs"),
    (
      service, .allowed,
      """
      attach blkio_config cap_drop command container_name cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period
      cpu_rt_runtime cpu_shares cpus cpuset depends_on develop dns dns_opt dns_search domainname entrypoint expose
      extra_hosts group_add healthcheck hostname image init isolation links mac_address mem_limit
      mem_reservation mem_swappiness memswap_limit pids_limit platform profiles
      pull_policy pull_refresh_after read_only restart shm_size stdin_open stop_grace_period stop_signal
      storage_opt tmpfs tty ulimits user working_dir
      """
    ),
    (
      service, .judged(by: "privileged"),
      """
      cap_add cgroup cgroup_parent credential_spec device_cgroup_rules devices gpus ipc network_mode oom_kill_disable
      oom_score_adj pid privileged
      provider runtime security_opt sysctls userns_mode uts
      """
    ),
    (service, .judged(by: "docker-socket"), "use_api_socket environment"),
    (service, .judged(by: "host-path"), "configs env_file extends label_file secrets volumes volumes_from"),
    (service, .judged(by: "published-port"), "ports"),
    (service, .judged(by: "unknown-option"), "deploy.replicas labels scale"),
    (service, .refused, "annotations external_links models pre_start"),
    (
      service, .allowed,
      """
      post_start.command post_start.environment post_start.user post_start.working_dir
      pre_stop.command pre_stop.environment pre_stop.user pre_stop.working_dir
      """
    ),
    (service, .judged(by: "privileged"), "post_start.privileged pre_stop.privileged"),
    (
      service + ".deploy", .allowed,
      """
      endpoint_mode labels mode placement restart_policy rollback_config update_config
      resources.limits.cpus resources.limits.memory resources.limits.pids
      resources.reservations.cpus resources.reservations.memory
      """
    ),
    (service + ".deploy", .judged(by: "privileged"), "resources.reservations.devices"),
    (service + ".deploy", .refused, "resources.reservations.generic_resources"),
    (service + ".logging", .judged(by: "unknown-option"), "driver options"),
    (
      service + ".build", .allowed,
      """
      args dockerfile_inline extra_hosts isolation labels no_cache no_cache_filter platforms provenance pull shm_size
      target ulimits
      """
    ),
    (
      service + ".build", .judged(by: "host-path"), "context dockerfile additional_contexts cache_from cache_to secrets"
    ),
    (service + ".build", .judged(by: "privileged"), "entitlements network privileged ssh"),
    (service + ".build", .judged(by: "unknown-option"), "sbom"),
    (service + ".build", .judged(by: "foreign-path"), "tags"),
    (
      service + ".volumes", .allowed,
      """
      consistency read_only target tmpfs.mode tmpfs.size image.subpath volume.labels volume.nocopy volume.subpath
      bind.create_host_path bind.recursive bind.selinux
      """
    ),
    (service + ".volumes", .judged(by: "host-path"), "source"),
    (service + ".volumes", .judged(by: "privileged"), "bind.propagation"),
    (service + ".volumes", .judged(by: "unknown-option"), "type"),
    (
      service + ".networks.*", .allowed,
      "aliases gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority"
    ),
    (service + ".networks.*", .judged(by: "unknown-option"), "driver_opts"),
    ("networks.*", .allowed, "attachable enable_ipv4 enable_ipv6 external internal"),
    ("networks.*", .judged(by: "privileged"), "name"),
    (
      "networks.*", .judged(by: "unknown-option"),
      "labels driver driver_opts ipam.driver ipam.options ipam.config.subnet ipam.config.gateway ipam.config.ip_range ipam.config.aux_addresses"
    ),
    ("volumes.*", .allowed, "external"),
    ("volumes.*", .judged(by: "unknown-option"), "labels"),
    ("volumes.*", .judged(by: "host-path"), "driver driver_opts"),
    ("volumes.*", .judged(by: "project-collision"), "name"),
    ("configs.*", .allowed, "content environment external labels name"),
    ("configs.*", .judged(by: "host-path"), "file"),
    ("configs.*", .refused, "template_driver"),
    ("secrets.*", .allowed, "environment external labels name"),
    ("secrets.*", .judged(by: "host-path"), "file"),
    ("secrets.*", .refused, "driver driver_opts template_driver"),
  ]

  /// One key that a model has and validation does not know.
  struct Unknown: Equatable, Sendable {
    /// The path in the table's words, such as `services.*.annotations`.
    let key: String
    /// The path as it stands there, such as `services`, `web`, `annotations`.
    let keys: [String]
  }

  /// Finds every key of a resolved model that is not in the table, or refused there, and has a value.
  static func unknown(in model: JSON) -> [Unknown] {
    var found: [Unknown] = []
    look(at: model, key: "", keys: [], &found)
    return found
  }

  private static func look(at value: JSON, key: String, keys: [String], _ found: inout [Unknown]) {
    if case .array(let items) = value {
      for item in items { look(at: item, key: key, keys: keys, &found) }
      return
    }
    guard case .object(let members) = value, key.isEmpty || parents.contains(key) else { return }
    let prefix = key.isEmpty ? "" : key + "."
    let isNamed = table[prefix + "*"] != nil
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      if !isNamed, name.hasPrefix("x-") { continue }
      let next = prefix + (isNamed ? "*" : name)
      if isNamed {
        look(at: member, key: next, keys: keys + [name], &found)
      } else if let judgement = table[next], judgement != .refused {
        look(at: member, key: next, keys: keys + [name], &found)
      } else if !member.isEmpty {
        found.append(Unknown(key: next, keys: keys + [name]))
      }
    }
  }
}

extension JSON {
  /// Whether it says nothing: `null`, `false`, or a list or a mapping without members.
  fileprivate var isEmpty: Bool {
    switch self {
    case .null, .bool(false): true
    case .array(let items): items.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }
}
