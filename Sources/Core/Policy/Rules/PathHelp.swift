extension Subject {
  /// What can be done about a path that a service mounts or is built from: what is of no use there is not offered.
  func help(for path: String, readOnly: Bool = true, of service: String?) -> String {
    let relative = Path.relative(path, to: paths.liveRoot)
    let isBeside = relative.map { Path.relative($0, to: directory) != nil } ?? false
    let first = isBeside ? "" : "keep it beside the Compose file, or "
    switch objection(to: path, readOnly: readOnly)?.remedy {
    case .waiver: return "only a waiver on the host lets it have that: \(waiver(of: Rule.hostPath.id, for: service))"
    case .root: return first + "add its directory to `policy: {bind_roots: […]}` on the host"
    case .share, nil:
      let canBeRead = !readOnly && objection(to: path, readOnly: true) == nil
      return (canBeRead ? "mount it `:ro`, or " : first) + "share it with this stack on the host: "
        + "`policy: {shared: [{path: \(relative ?? path), stacks: [\(stack)]}]}`"
    }
  }

  /// The same for what is read alone: a copy does as well.
  func help(forCopied path: String) -> String {
    objection(to: path, readOnly: true)?.remedy ?? .waiver == .waiver
      ? "keep a copy of it beside the Compose file" : help(for: path, of: nil)
  }

  /// Writes a waiver for people to complete.
  func waiver(of rule: String, for service: String?) -> String {
    "`policy: {waivers: [{rule: \(rule), stack: \(stack), \(service.map { "service: \($0), " } ?? "")"
      + "reason: …, expires: …}]}`"
  }
}

/// Logs that go to a socket of the host.
extension Subject {
  /// The options of a service's log driver that name a socket of the host, with the socket.
  func logSockets(_ json: JSON) -> [(key: String, socket: String)] {
    json["logging"]["options"].members.compactMap { key, value in
      guard let text = value.string, text.hasPrefix("unix"), let scheme = text.firstRange(of: "://") else { return nil }
      let socket = String(text[scheme.upperBound...])
      return Path.isAbsolute(socket) ? (key, socket) : nil
    }
  }

  /// Whether `host-path` refuses that, so that nothing more need be said of the driver: no waiver of that rule is for it as well.
  func refusesSockets(_ json: JSON, of service: String) -> Bool {
    !logSockets(json).isEmpty && !policy.lifts(Rule.hostPath.id, of: service, in: stack, today: today)
  }
}
