/// Who may write to a directory, and so put another thing in the place of what lies in it.
private enum Writer {
  case service(String, target: String)
  case stack(String)
  /// The stack's own containers as they have run until now.
  case former

  /// Says what it may do to what lies in a directory.
  func words(_ above: String) -> String {
    let end = "which holds it, and could put a symbolic link to any path of the host in its place"
    switch self {
    case .service(let name, let target): return "\(name) may write to \(above) (its \(target)), \(end)"
    case .stack(let name): return "A container of \(name) may write to \(above), \(end)"
    case .former:
      return "A container of this stack could write to \(above) until now, "
        + end.replacing("could put", with: "may have put")
    }
  }

  /// Says what can be done about it for a path; nothing that would cover what Compose reads, or a file by its directory.
  func help(_ above: String, _ path: String) -> String {
    switch self {
    case .service(let name, _):
      return "mount \(above) `:ro` in \(name), or keep \(Path.name(path)) beside it, not in it"
    case .stack(let name): return "mount \(above) `:ro` in \(name), or keep \(Path.name(path)) elsewhere"
    case .former:
      return
        "see that \(path) is what you put there, and let one deploy pass by a waiver of host-path; or keep it elsewhere"
    }
  }
}

extension Subject {
  /// What lies below a directory that a container may write to can be another thing at the next start.
  var swappable: [Finding] {
    let writes = others.values.reduce(into: belongings.writes.union(formerWrites)) { $0.formUnion($1.writes) }.sorted()
    func above(_ path: String) -> (path: String, writer: Writer)? {
      let forms = paths.forms(path)
      return writes.first { write in
        !write.hasPrefix(Placeholder.path)
          && forms.contains { $0 != write && paths.holds(write, $0) && !isKept($0, below: write) }
      }.map { ($0, writer(to: $0)) }
    }
    let files = filesOfBuilds.compactMap { name, file, place -> Finding? in
      guard let (above, writer) = above(file) else { return nil }
      return Finding(
        place: place, message: "\(name) is read from \(file). \(writer.words(above))", help: writer.help(above, file))
    }
    return files
      + services.flatMap { service, json in
        mounts(of: service, json).compactMap { mount -> Finding? in
          guard let (above, writer) = above(mount.source) else { return nil }
          return Finding(
            service: service, place: place(of: mount),
            message: "\(service) mounts \(words(mount)). \(writer.words(above))",
            help: writer.help(above, mount.source))
        } + swappableBuild(service, json, above)
      }
  }

  /// What lies in a context that a container writes to is that container's, the Dockerfile as well.
  private func swappableBuild(
    _ service: String, _ json: JSON, _ above: (String) -> (path: String, writer: Writer)?
  ) -> [Finding] {
    guard let build = json["build"] else { return [] }
    let context = build["context"]?.string ?? ""
    let outside = buildPaths(build).filter { $0 == context || Path.relative($0, to: context) == nil }
    let found = outside.compactMap { path in above(path).map { (path, $0.path, $0.writer) } }
    return found.prefix(1).map { path, above, writer in
      Finding(
        service: service, place: place(of: path, of: build, service),
        message: "\(service) is built from \(path). \(writer.words(above))", help: writer.help(above, path))
    }
  }

  /// Names who may write to a path; the stack's own services first, since their files are at hand.
  private func writer(to path: String) -> Writer {
    for (service, json) in services {
      for mount in mounts(of: service, json) where !mount.readOnly && paths.forms(mount.source).contains(path) {
        return .service(service, target: mount.target)
      }
    }
    let other = others.sorted { $0.key < $1.key }.first { $0.value.writes.contains(path) }
    return other.map { .stack($0.key) } ?? .former
  }
}
