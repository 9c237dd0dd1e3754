import YAML

/// A file and the place in it.
public typealias Place = (path: String, mark: Mark?)

/// Leads from what Compose resolved back to the source that caused it, through merge keys, `extends` and `include`.
extension Subject {
  /// Finds where a service says something: the first value below `keys` that matches, or the nearest key above it.
  func place(_ service: String, _ keys: [String] = [], where matches: (Node) -> Bool = { _ in true }) -> Place {
    let nodes = definitions(of: service)
    if keys.isEmpty, let node = nodes.first { return (node.path, node.key) }
    for node in nodes {
      if let mark = find(keys[...], in: node.value, matches) { return (node.path, mark) }
    }
    for length in keys.indices.reversed() {
      for node in nodes {
        if let mark = keyMark(keys[...length], in: node.value) { return (node.path, mark) }
      }
    }
    return nodes.last.map { ($0.path, $0.key) } ?? (sources.first?.path ?? stack, nil)
  }

  /// Finds where a list of a service has the item for a target, a port or a variable; the list itself otherwise.
  func place(_ service: String, _ key: String, item texts: [String]) -> Place {
    for text in texts where !text.isEmpty {
      for node in definitions(of: service) {
        let list = node.value[key]
        for item in list?.sequence ?? [] where Self.mentions(text, item) { return (node.path, item.start) }
        for entry in list?.mapping ?? [] where entry.key.string == text { return (node.path, entry.key.start) }
      }
    }
    return place(service, [key])
  }

  /// Finds the item of `volumes` that is mounted at a path.
  func place(_ service: String, ofTarget target: String) -> Place? {
    place(service, "volumes") { item in
      if let own = item["target"]?.string { return own.withDefaults == target ? 1 : 0 }
      var parts = (item.string?.withDefaults ?? "").split(separator: ":").map(String.init)
      if parts.count > 1, let last = parts.last, !Path.isAbsolute(last) { parts.removeLast() }
      return parts.last.map { Path.normalized($0) == Path.normalized(target) } == true ? 1 : 0
    }
  }

  /// Finds the item of `ports` that a resolved port comes from.
  func place(_ service: String, of port: Port) -> Place {
    item(service, of: port).map { ($0.path, $0.node.start) } ?? place(service, "ports", item: port.clues)
  }

  /// What a resolved port is written as.
  func written(_ port: Port, of service: String) -> Node? {
    item(service, of: port)?.node
  }

  /// Finds the item of `ports` that a resolved port comes from: Compose keeps their order, and what variables stand for only
  /// the order tells.
  private func item(_ service: String, of port: Port) -> (path: String, node: Node)? {
    let lists = definitions(of: service).compactMap { node in node.value["ports"]?.sequence.map { (node.path, $0) } }
    let all = (model["services"]?[service]?["ports"]).array.map(Port.init)
    if lists.count == 1, let (path, items) = lists.first, items.count == all.count,
      let index = all.firstIndex(of: port),
      Port.likeness(of: items[index], to: port) > 0 || items[index].string?.contains("$") == true
    {
      return (path, items[index])
    }
    return item(service, "ports") { Port.likeness(of: $0, to: port) }
  }

  /// Finds the item of a list that is most alike; nothing when none is.
  private func place(_ service: String, _ key: String, likeness: (Node) -> Int) -> Place? {
    item(service, key, likeness: likeness).map { ($0.path, $0.node.start) }
  }

  private func item(_ service: String, _ key: String, likeness: (Node) -> Int) -> (path: String, node: Node)? {
    var best: (path: String, node: Node, score: Int)?
    for node in definitions(of: service) {
      for item in node.value[key]?.sequence ?? [] {
        let score = likeness(item)
        if score > best?.score ?? 0 { best = (node.path, item, score) }
      }
    }
    return best.map { ($0.path, $0.node) }
  }

  /// Finds where a service says what it is built from.
  func place(ofContext service: String) -> Place {
    let isLong = definitions(of: service).contains { $0.value["build"]?.mapping != nil }
    return place(service, isLong ? ["build", "context"] : ["build"])
  }

  /// Finds something outside of the services, such as `volumes.NAME.driver_opts`.
  func place(topLevel keys: [String]) -> Place {
    for length in keys.indices.reversed() {
      for source in sources {
        if let document = source.document, let mark = keyMark(keys[...length], in: document) {
          return (source.path, mark)
        }
      }
    }
    return (sources.first?.path ?? stack, nil)
  }

  /// Every place that defines a service: where it stands, then what it extends.
  private func definitions(of service: String) -> [(path: String, key: Mark, value: Node)] {
    var found: [(path: String, key: Mark, value: Node)] = []
    var queue = sources.map { ($0.path, service) }
    var seen: Set<String> = []
    while !queue.isEmpty {
      let (path, name) = queue.removeFirst()
      guard seen.insert("\(path)\n\(name)").inserted else { continue }
      for source in sources where source.path == path {
        guard let entry = source.document?["services"]?.entry(name) else { continue }
        found.append((path, entry.key.start, entry.value))
        guard let base = entry.value["extends"] else { continue }
        let file = base["file"]?.string.map { Path.join(Path.parent(path), $0) } ?? path
        if let name = base.string ?? base["service"]?.string { queue.append((file, name)) }
      }
    }
    return found
  }

  private func find(_ keys: ArraySlice<String>, in node: Node, _ matches: (Node) -> Bool) -> Mark? {
    guard let key = keys.first else {
      if let items = node.sequence { return items.first(where: matches)?.start }
      return matches(node) ? node.start : nil
    }
    if let items = node.sequence {
      for item in items {
        if let mark = find(keys, in: item, matches) { return mark }
      }
      return nil
    }
    return node[key].flatMap { find(keys.dropFirst(), in: $0, matches) }
  }

  private func keyMark(_ keys: ArraySlice<String>, in node: Node) -> Mark? {
    var (current, mark): (Node, Mark?) = (node, nil)
    for key in keys {
      guard let entry = current.entry(key) else { return nil }
      current = entry.value
      mark = entry.key.start
    }
    return mark
  }

  /// Returns whether a list's item is about a text: `text:…`, `…:text`, `…:text:…`, `text=…`, or a member with that value.
  private static func mentions(_ text: String, _ item: Node) -> Bool {
    if let entries = item.mapping { return entries.contains { $0.value.string == text } }
    guard let string = item.string else { return false }
    return string == text || string.hasPrefix(text + "=") || string.hasPrefix(text + ":")
      || string.hasSuffix(":" + text)
      || string.contains(":" + text + ":") || string.contains(":" + text + "/") || string.contains("-" + text + "}")
  }
}
