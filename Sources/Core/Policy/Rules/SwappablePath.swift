/// Who may write to a directory, and so put another thing in the place of what lies in it; without anybody, the stack's own
/// containers as they have run until now.
private struct Writers {
  /// Services of the stack, each with where it mounts the directory.
  var services: [(name: String, target: String)] = []
  var stacks: [String] = []

  /// Returns what they may do to what lies in a directory.
  func words(_ above: String) -> String {
    let own = services.map { "\($0.name) (at \($0.target))" } + stacks.map { "a container of \($0)" }
    if own.isEmpty {
      return
        "A container of this stack could write to \(above) until now, which holds it, and may have put a symbolic link "
        + "to any path of the host in its place"
    }
    return
      "\(above), which holds it, may be written to by \(own.listed(3)), so that a symbolic link to any path of the host "
      + "could come to be in its place"
  }

  /// Returns what can be done about it for a path; nothing that would cover what Compose reads, or a file by its directory.
  func help(_ above: String, _ path: String) -> String {
    let own = services.map(\.name) + stacks.map { "the stack \($0)" }
    return own.isEmpty
      ? "check that \(path) is what you put there, and allow one deploy with a waiver of host-path; or keep it elsewhere"
      : "mount \(above) `:ro` in \(own.listed(3)), or keep \(Path.name(Path.normalized(path))) beside it, not in it"
  }
}

extension Subject {
  private static let ofKernel = ["/proc", "/sys"]

  /// What lies below a directory that a container may write to can be another thing at the next start.
  var swappable: [Finding] {
    let writes = others.values.reduce(into: belongings.writes.union(formerWrites)) { $0.formUnion($1.writes) }.sorted()
    func above(_ path: String) -> (path: String, writers: Writers)? {
      // The kernel's own file systems take no links.
      let forms = paths.forms(path).filter { form in !Self.ofKernel.contains { Path.relative(form, to: $0) != nil } }
      return writes.first { write in
        !write.hasPrefix(Placeholder.path)
          && forms.contains { $0 != write && paths.holds(write, $0) && !isKept($0, below: write) }
      }.map { ($0, writers(to: $0)) }
    }
    let files = filesOfBuilds.compactMap { name, file, place -> Finding? in
      guard let (above, writers) = above(file) else { return nil }
      return Finding(
        place: place, message: "\(name) is read from \(file). \(writers.words(above))", help: writers.help(above, file))
    }
    return files
      + services.flatMap { service, json in
        mounts(of: service, json).compactMap { mount -> Finding? in
          guard let (above, writers) = above(mount.source) else { return nil }
          return Finding(
            service: service, place: place(of: mount),
            message: "\(service) mounts \(words(mount)). \(writers.words(above))",
            help: writers.help(above, mount.source))
        } + swappableBuild(service, json, above)
      }
  }

  /// What lies in a context that a container writes to is that container's, the Dockerfile as well.
  private func swappableBuild(
    _ service: String, _ json: JSON, _ above: (String) -> (path: String, writers: Writers)?
  ) -> [Finding] {
    guard let build = json["build"] else { return [] }
    let context = build["context"]?.string ?? ""
    let outside = buildPaths(build).filter { $0 == context || Path.relative($0, to: context) == nil }
    let found = outside.compactMap { path in above(path).map { (path, $0.path, $0.writers) } }
    return found.prefix(1).map { path, above, writers in
      Finding(
        service: service, place: place(of: path, of: build, service),
        message: "\(service) is built from \(path). \(writers.words(above))", help: writers.help(above, path))
    }
  }

  /// Names who may write to a path.
  private func writers(to path: String) -> Writers {
    var found = Writers()
    for (service, json) in services {
      let mount = mounts(of: service, json).first { !$0.readOnly && paths.forms($0.source).contains(path) }
      if let mount { found.services.append((service, mount.target)) }
    }
    found.stacks = others.filter { $0.value.writes.contains(path) }.keys.sorted()
    return found
  }
}
