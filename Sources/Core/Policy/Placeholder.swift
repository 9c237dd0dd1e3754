import YAML

/// What stands for a variable that nobody gave a value, when a plain work tree is checked.
public enum Placeholder {
  /// Begins every placeholder of a path.
  public static let path = "/clup-placeholder"

  /// Chooses a value that is valid where the variable is used.
  public static func value(of name: String, in sources: [ComposeSource]) -> String {
    let values = sources.compactMap(\.document).flatMap { uses(of: name, in: $0, []) }.map {
      value(text: $0.0, keys: $0.1)
    }
    // Where it is used in several ways, a path is what other places can take best.
    return values.first { $0 == path } ?? values.first ?? "1"
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

  private static func uses(of name: String, in node: Node, _ keys: [String]) -> [(String, [String])] {
    if let text = node.string { return Variables.uses(name, text) ? [(text, keys)] : [] }
    return (node.sequence ?? []).flatMap { uses(of: name, in: $0, keys) }
      + (node.mapping ?? []).flatMap { uses(of: name, in: $0.value, keys + [$0.key.string ?? ""]) }
  }
}

extension Placeholder {
  /// Gives the defaults that uses of a variable have.
  public static func defaults(of name: String, in sources: [ComposeSource]) -> [String] {
    texts(of: sources).flatMap { $0.defaults }.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
  }

  /// Gives `NAME=default` for every variable whose name promises a secret.
  public static func secretDefaults(in sources: [ComposeSource]) -> [Substring] {
    texts(of: sources).flatMap { $0.defaults }.filter { Secrets.isSecretName($0.name) }.map {
      "\($0.name)=\($0.value)"[...]
    }
  }

  private static func texts(of sources: [ComposeSource]) -> [String] {
    func texts(_ node: Node) -> [String] {
      if let text = node.string { return text.contains("${") ? [text] : [] }
      return (node.sequence ?? []).flatMap(texts) + (node.mapping ?? []).flatMap { texts($0.value) }
    }
    return sources.compactMap(\.document).flatMap(texts)
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
