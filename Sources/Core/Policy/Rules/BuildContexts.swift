extension Subject {
  /// Finds contexts of builds of which it is not certain where they lead: Compose leaves as it is what looks like an address, and a
  /// builder that does not know the address takes it for a path of the host.
  var unclearContexts: [Finding] {
    services.flatMap { service, json -> [Finding] in
      guard let build = json["build"] else { return [] }
      let named = build["additional_contexts"].object.values.compactMap(\.string).filter { !Self.isClear(named: $0) }
      let context = [build["context"]?.string].compactMap { $0 }.filter { !Self.isClear($0) }
      return (context + named).sorted().map { text in
        Finding(
          service: service,
          place: context.contains(text) ? place(ofContext: service) : place(service, ["build", "additional_contexts"]),
          message: "\(service) is built from \(text), which may be an address as well as a path of this host",
          help: "write a path that begins with `./`, or a whole address such as `https://host/repository.git`")
      }
    }
  }

  private static let forms = ["service:", "target:", "docker-image://", "oci-layout://", "file://"]

  /// Whether a context that Compose has resolved is a path, or an address that every builder takes for one. Without a step
  /// upwards even a path of that name leads nowhere but below the project.
  private static func isClear(_ text: String) -> Bool {
    if text.isEmpty || Path.isAbsolute(text) || text.hasPrefix(Placeholder.path) { return true }
    let plain = text.prefix { $0 != "#" && $0 != "?" }
    if plain.split(separator: "/", omittingEmptySubsequences: false).contains("..") { return false }
    if let scheme = ["https://", "http://", "git://", "ssh://"].first(where: plain.hasPrefix) {
      return isHost(plain.dropFirst(scheme.count))
    }
    if plain.hasPrefix("git@") { return isHost(plain) && plain.contains(":") }
    return plain.hasPrefix("github.com/")
  }

  /// Whether an additional context is clear: it may also be a service, a stage, an image, or what is judged as a path.
  private static func isClear(named text: String) -> Bool {
    forms.contains(where: text.hasPrefix) || isClear(text)
  }

  /// Whether an address goes on with the name of a host.
  private static func isHost(_ rest: Substring) -> Bool {
    let authority = rest.prefix { $0 != "/" }
    let host = (authority.split(separator: "@").last ?? "").prefix { $0 != ":" }
    return host.first?.isLetter == true || host.first?.isNumber == true || authority.contains("[")
  }
}
