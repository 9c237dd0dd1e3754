import YAML

/// What stands for a variable that nobody gave a value, when a plain work tree is checked.
public enum Placeholder {
  /// Begins every placeholder of a path.
  public static let path = "/clup-placeholder"

  /// Chooses a value that is valid where the variable is first used.
  public static func value(of name: String, in sources: [ComposeSource]) -> String {
    for source in sources {
      if let document = source.document, let (text, keys) = use(of: name, in: document, []) {
        return value(text: text, keys: keys)
      }
    }
    return "1"
  }

  private static func value(text: String, keys: [String]) -> String {
    let key = keys.last ?? ""
    func under(_ names: String...) -> Bool { names.contains { keys.contains($0) } }
    if under("ports") {
      let first = text.hasPrefix("$") && text.filter { $0 == ":" }.count > 1 && !text.contains(":-")
      return key == "host_ip" || first ? "127.0.0.1" : "1024"
    }
    if under("volumes", "devices", "tmpfs", "configs", "secrets", "driver_opts", "env_file", "context", "working_dir") {
      return path
    }
    if ["image", "container_name", "hostname", "network_mode", "name", "networks", "dockerfile", "target", "file"]
      .contains(key) || under("networks", "depends_on", "extends", "include")
    {
      return "placeholder"
    }
    if ["restart"].contains(key) { return "unless-stopped" }
    if ["interval", "timeout", "start_period", "stop_grace_period", "start_interval"].contains(key) { return "1s" }
    if ["mem_limit", "memory", "shm_size", "mem_reservation", "memswap_limit", "size"].contains(key) { return "64m" }
    return "1"
  }

  private static func use(of name: String, in node: Node, _ keys: [String]) -> (String, [String])? {
    if let text = node.string { return Variables.uses(name, text) ? (text, keys) : nil }
    for item in node.sequence ?? [] {
      if let found = use(of: name, in: item, keys) { return found }
    }
    for entry in node.mapping ?? [] {
      if let found = use(of: name, in: entry.value, keys + [entry.key.string ?? ""]) { return found }
    }
    return nil
  }
}
