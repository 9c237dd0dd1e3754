import YAML

extension SettingsReader {
  mutating func policy(_ node: Node) -> Policy {
    let keys = section(
      node, "policy",
      keys: [
        "bind_roots", "severity", "waivers", "allowed_files", "job_images", "job_networks", "shared", "tracked",
        "options",
      ])
    var policy = Policy()
    policy.bindRoots = strings(keys, "bind_roots").map(Path.normalized)
    for (index, root) in policy.bindRoots.enumerated() where !Path.isAbsolute(root) {
      if let place = keys["bind_roots"]?.sequence?[index] { problem(place, "\(root) must be an absolute path") }
    }
    policy.tracked = keys["tracked"].map { list($0, "tracked") }?.compactMap { tracked($0) } ?? []
    policy.allowedFiles = strings(keys, "allowed_files")
    policy.jobImages = strings(keys, "job_images")
    policy.jobNetworks = strings(keys, "job_networks")
    if let severity = keys["severity"] {
      for (rule, value) in section(severity, "severity", keys: Rule.all.map(\.id)) {
        policy.severity[rule] = choice([rule: value], rule, Policy.Weight.error)
      }
    }
    if let waivers = keys["waivers"] { policy.waivers = list(waivers, "waivers").map { waiver($0) } }
    if let shared = keys["shared"] { policy.shared = list(shared, "shared").compactMap { sharedPlace($0) } }
    if let options = keys["options"] { policy.options = allowedOptions(options) }
    return policy
  }

  private mutating func allowedOptions(_ node: Node) -> AllowedOptions {
    let keys = section(node, "options", keys: AllowedOptions.lists.map(\.key))
    var options = AllowedOptions()
    for (key, path) in AllowedOptions.lists { options[keyPath: path] = strings(keys, key) }
    return options
  }

  private mutating func tracked(_ node: Node) -> TrackedFile? {
    let members = section(node, "tracked", keys: ["path", "reason"])
    let path = relativePath(members, "path", in: node)
    let reason = required(members, "reason", in: node)
    return path.isEmpty || reason.isEmpty ? nil : TrackedFile(path: path, reason: reason)
  }

  private mutating func sharedPlace(_ node: Node) -> SharedPlace? {
    let keys = section(node, "shared", keys: ["path", "volume", "image", "network", "stacks"])
    let stacks = strings(keys, "stacks").map(Path.normalized)
    if stacks.isEmpty { problem(node, "shared must name the stacks that may use it: `stacks: [one, other]`") }
    let kinds: [SharedPlace.Kind] =
      (keys["path"] == nil ? [] : [.path(relativePath(keys, "path", in: node))])
      + (keys["volume"]?.string.map { [.volume($0)] } ?? []) + (keys["image"]?.string.map { [.image($0)] } ?? [])
      + (keys["network"]?.string.map { [.network($0)] } ?? [])
    guard let kind = kinds.first, kinds.count == 1 else {
      problem(node, "shared must name one path, volume, image or network")
      return nil
    }
    return SharedPlace(kind: kind, stacks: stacks)
  }

  private mutating func waiver(_ item: Node) -> Waiver {
    let keys = section(
      item, "waivers",
      keys: ["rule", "stack", "service", "file", "image", "options", "commands", "reason", "expires"])
    let expires = day(keys, "expires", in: item)
    return Waiver(
      rules: rules(keys, in: item), stacks: texts(keys, "stack").map(Path.normalized),
      services: texts(keys, "service"), file: keys["file"]?.string, image: keys["image"]?.string,
      options: strings(keys, "options"), commands: strings(keys, "commands"),
      reason: required(keys, "reason", in: item), expires: expires, line: item.start.line, column: item.start.column)
  }

  /// Reads the key `rule`: one rule, or a list of them.
  mutating func rules(_ keys: [String: Node], in item: Node) -> [String] {
    guard let node = keys["rule"] else { return [required(keys, "rule", in: item)] }
    let known = Rule.all.map(\.id)
    let rules = texts(keys, "rule")
    for (rule, place) in zip(rules, node.sequence ?? [node]) where !known.contains(rule) {
      problem(place, "there is no rule \(rule)\(suggestion(for: rule, among: known))")
    }
    return rules
  }

  /// Reads a day, `YYYY-MM-DD`.
  mutating func day(_ keys: [String: Node], _ key: String, in item: Node) -> String {
    let day = required(keys, key, in: item)
    if let place = keys[key], !day.isEmpty, !Self.isDay(day) {
      problem(place, "\(key) must be a day such as 2027-06-30, not \(day)")
    }
    return day
  }

  private static func isDay(_ text: String) -> Bool {
    guard let match = text.wholeMatch(of: /(\d{4})-(\d{2})-(\d{2})/), let month = Int(match.2), let day = Int(match.3)
    else { return false }
    return (1...12).contains(month) && (1...31).contains(day)
  }
}
