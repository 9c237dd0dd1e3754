import YAML

/// What stands for a variable that nobody gave a value, when a plain work tree is checked.
public enum Placeholder {
  /// Begins every placeholder of a path.
  public static let path = "/clup-placeholder"

  /// Chooses a value that is valid where the variable is used; no two variables of a stack get the same port, path or name,
  /// and no two stacks the same name: nobody knows whether they mean the same.
  public static func value(
    of name: String, in sources: [ComposeSource], taken: Set<String> = [], for stack: String = ""
  ) -> String {
    let values = sources.flatMap(\.scalars).filter { Variables.uses(name, $0.text) }.map {
      kind(text: marked($0.text, name), keys: $0.keys)
    }
    // Where it is used in several ways, a path is what other places can take best.
    switch values.first(where: { $0 == .path }) ?? values.first(where: { $0 != .text }) ?? values.first ?? .text {
    case .path: return "\(path)-\(name)"
    case .name: return word(name, stack)
    case .image: return word(name, stack) + ":1"
    case .port: return port(in: sources, taken)
    case .word(let word): return word
    case .text: return "1"
    }
  }

  private static func word(_ name: String, _ stack: String) -> String {
    let own = stack.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    return (["placeholder"] + (own.isEmpty ? [] : [String(own)]) + [name.lowercased()]).joined(separator: "-")
  }

  /// Returns whether a text of Compose's holds a value that stands for one that nobody gave.
  public static func isIn(_ text: String, of values: [String: String]) -> Bool {
    telling(values).contains { text.contains($0.value) }
  }

  /// Returns what names the variables again in a text that holds their placeholders.
  public static func mask(_ values: [String: String]) -> Mask {
    Mask(assignments: telling(values).map { "\($0.key)=\($0.value)"[...] }, all: true)
  }

  /// Values that cannot be mistaken for what somebody wrote.
  private static func telling(_ values: [String: String]) -> [String: String] {
    values.filter { $0.value.contains("placeholder-") || $0.value.utf8.count == 5 && Int($0.value) ?? 0 >= firstPort }
  }

  /// Gives further values to try where one is not valid for Compose.
  public static let alternatives = ["1", "false", "1s", "64m", "10.254.0.2", "placeholder-value", "10.254.0.0/24", "0"]

  private static let firstPort = 61001

  private static func port(in sources: [ComposeSource], _ taken: Set<String>) -> String {
    let free = (firstPort...65535).lazy.map { "\($0)" }.first { port in
      !taken.contains(port) && !sources.contains { $0.bytes.holds(Array(port.utf8)) }
    }
    return free ?? "1024"
  }

  private enum Kind: Equatable {
    case path, name, image, port, text
    case word(String)
  }

  /// Writes a sign in the place of a variable, and a dollar sign alone in that of each other one: a default or a message may
  /// have colons and slashes of its own.
  private static func marked(_ text: String, _ name: String) -> String {
    text.replacing(/\$(?:\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}|([A-Za-z_][A-Za-z0-9_]*))/) { use in
      (use.1 ?? use.2).map { $0 == name } == true ? sign : "$"
    }
  }

  private static let sign = "\u{1}"

  private static func kind(text: String, keys: [String]) -> Kind {
    let key = keys.last ?? ""
    func under(_ names: String...) -> Bool { names.contains { keys.contains($0) } }
    if under("ports") { return portKind(text, key) }
    if under("group_add") { return .port }
    if key == "condition" { return .word(under("depends_on") ? "service_started" : "any") }
    if let word = words[key] { return .word(word) }
    if booleans.contains(key) { return .word("false") }
    if key == "network_mode" || key == "dockerfile" || key == "container_name" { return .name }
    if under("cap_add") { return .word("CHOWN") }
    if under("cap_drop") { return .word("ALL") }
    if under("security_opt", "device_cgroup_rules") { return .name }
    if under("configs", "secrets"), key == "source" || keys.first == "services" { return .name }
    if under("volumes"), key == "type" { return .word("volume") }
    if keys.first == "volumes", key == "name" { return .name }
    if under("volumes"), text.contains(/:\/[^:]*:\u{1}/) { return .word("ro") }
    if under("volumes", "devices", "tmpfs", "configs", "secrets", "driver_opts", "env_file", "label_file", "context")
      || under("working_dir", "include") || under("extends") && key == "file"
    {
      return .path
    }
    if key == "image" { return text == sign ? .image : .name }
    if ["hostname", "name", "networks", "target", "file"].contains(key) || under("networks", "depends_on", "extends") {
      return .name
    }
    return .text
  }

  /// The variable that a text is and nothing beside it.
  static func variable(_ text: String) -> String? {
    text.wholeMatch(of: /\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)/).flatMap { $0.1 ?? $0.2 }
      .map(String.init)
  }

  private static func portKind(_ text: String, _ key: String) -> Kind {
    if key == "protocol" || text.contains("/" + sign) { return .word("tcp") }
    if key == "mode" { return .word("ingress") }
    if key == "name" || key == "app_protocol" { return .name }
    let first = text.prefix { $0 != ":" }.contains(sign) && text.filter { $0 == ":" }.count > 1
    return key == "host_ip" || first ? .word("127.0.0.1") : .port
  }

  private static let booleans: Set<String> = [
    "privileged", "read_only", "init", "tty", "stdin_open", "external", "internal", "attachable", "enable_ipv4",
    "enable_ipv6", "oom_kill_disable", "no_cache", "pull", "disable", "required", "create_host_path", "nocopy",
    "use_api_socket", "attach",
  ]

  /// What is valid for a key that takes few values.
  private static let words: [String: String] = {
    var words = [
      "restart": "unless-stopped", "pull_policy": "missing", "platform": "linux/amd64", "platforms": "linux/amd64",
      "isolation": "default", "order": "stop-first", "failure_action": "pause", "endpoint_mode": "vip",
      "propagation": "rprivate", "selinux": "z", "gpus": "all", "cgroup": "private", "ipc": "private",
      "userns_mode": "private",
      "mac_address": "02:42:0a:fe:00:02", "subnet": "10.254.0.0/24", "ip_range": "10.254.0.0/24",
    ]
    for key in [
      "interval", "timeout", "start_period", "stop_grace_period", "start_interval", "delay", "monitor", "window",
    ] {
      words[key] = "1s"
    }
    for key in ["mem_limit", "memory", "shm_size", "mem_reservation", "memswap_limit", "size"] { words[key] = "64m" }
    for key in ["ipv4_address", "gateway", "dns"] { words[key] = "10.254.0.2" }
    words["ipv6_address"] = "fd00::2"
    return words
  }()

  /// Returns the defaults that uses of a variable have.
  public static func defaults(of name: String, in sources: [ComposeSource]) -> [String] {
    allDefaults(in: sources).filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
  }

  /// Returns `NAME=default` for every variable whose name promises a secret.
  public static func secretDefaults(in sources: [ComposeSource]) -> [Substring] {
    allDefaults(in: sources).filter { Secrets.isSecretName($0.name) }.map { "\($0.name)=\($0.value)"[...] }
  }

  private static func allDefaults(in sources: [ComposeSource]) -> [(name: String, value: String)] {
    sources.flatMap(\.scalars).flatMap(\.text.defaults)
  }
}

extension Subject {
  /// Names the variables again in whose place a rule saw placeholders. Gives nothing where there is no more to a finding than
  /// a placeholder: where it is about one and the variable is refused anyway, or where a variable is all that is written there.
  func withoutPlaceholders(_ found: Diagnostic) -> Diagnostic? {
    if invented.isEmpty { return found }
    // Whoever starts a job gives its parameters any value.
    if kind == .stack, let text = found.sourceValue?.value, let name = Placeholder.variable(text), invented[name] != nil
    {
      return nil
    }
    if refusesUnset, Placeholder.isIn(found.message + found.help, of: invented) { return nil }
    let mask = Placeholder.mask(invented)
    var found = found
    (found.message, found.help) = (mask.hide(found.message), mask.hide(found.help))
    found.terms?.hide(by: mask)
    return found
  }
}

extension Node {
  /// Where the first value stands that is written in base64, as a key or as a value.
  public var firstBinary: Mark? {
    if let tag, tag.hasSuffix("binary") { return start }
    for item in sequence ?? [] {
      if let mark = item.firstBinary { return mark }
    }
    for entry in mapping ?? [] {
      if let mark = entry.key.firstBinary ?? entry.value.firstBinary { return mark }
    }
    return nil
  }
}
