extension Rule {
  static let hostPath = Rule(
    id: "host-path", summary: "a host path that the stack may not use",
    why: """
      A bind mount gives a container a part of the host. Outside of the roots that the host names for this, in system
      directories, in clup's own checkout, in the engine's directories or in another stack's, a container could read or
      change files that others run from. The same is true for a volume with driver options, a config, a secret, a file of
      values, an included file and a build context from such a path. A path below a directory that a container may write to
      is refused, too: that container can put a link in its place. If state in the live root belongs to no stack yet, the
      host gives it to one: `policy: {shared: [{path: postgres, stacks: [infra]}]}`.
      """,
    fix:
      "Keep the stack's files beside its Compose file, or add the directory to `policy: {bind_roots: […]}` on the host.",
    bad: """
      services:
        web: {image: "nginx:1.27", volumes: ["/etc:/host-etc"]}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", volumes: ["./conf:/etc/nginx/conf.d:ro"]}
      """
  ) { subject in
    subject.foreignMounts(tracked: false) + subject.foreignBuilds(tracked: false)
      + subject.foreignReads(tracked: false) + subject.foreignFiles(tracked: false) + subject.unknownVolumes
      + subject.foreignLogs + subject.swappable + subject.contested + subject.unclearContexts
      + subject.claimed
  }
}

extension Subject {
  /// Finds the paths that the stack may not have; of another stack's tracked files where `tracked` says so.
  private func object(to path: String, readOnly: Bool, tracked: Bool) -> String? {
    guard let objection = objection(to: path, readOnly: readOnly), objection.isTracked == tracked else { return nil }
    return objection.words
  }

  func foreignMounts(tracked: Bool) -> [Finding] {
    services.flatMap { service, json -> [Finding] in
      let refused = mounts(of: service, json).compactMap { mount -> (mount: Mount, words: String)? in
        // The socket has its own rule.
        if DockerSocket.way(mount, paths) != nil, mount.source != "/" || refusesSocket { return nil }
        return object(to: mount.source, readOnly: mount.readOnly, tracked: tracked).map { (mount, $0) }
      }
      let all = refused.map(\.mount)
      var found = refused.filter { one in !all.contains { gives($0, all: one.mount) } }.map { mount, words in
        Finding(
          service: service, place: place(of: mount), message: "\(service) mounts \(self.words(mount)), \(words)",
          help: help(for: mount.source, readOnly: mount.readOnly, of: service))
      }
      guard !tracked else { return found }
      for other in json["volumes_from"].strings where other.hasPrefix("container:") {
        found.append(
          Finding(
            service: service, place: place(service, ["volumes_from"]),
            message: "\(service) takes the volumes of \(other.dropFirst(10)), which is not of this stack",
            help: "take them from a service of the stack"))
      }
      return found
    }
  }

  /// Whether one mount lets a container do all that another one does, and more.
  private func gives(_ mount: Mount, all other: Mount) -> Bool {
    guard mount.source != other.source, other.readOnly || !mount.readOnly else { return false }
    let above = paths.forms(mount.source)
    return paths.forms(other.source).allSatisfy { form in above.contains { Path.relative(form, to: $0) != nil } }
  }

  private var refusesSocket: Bool { (policy.severity[Rule.dockerSocket.id] ?? .error) == .error }

  func foreignBuilds(tracked: Bool) -> [Finding] {
    services.flatMap { service, json -> [Finding] in
      guard let build = json["build"] else { return [] }
      return buildPaths(build).compactMap { path in
        guard let words = object(to: path, readOnly: true, tracked: tracked) else { return nil }
        let context = build["context"]?.string ?? ""
        // What is said of a context is said of its Dockerfile.
        if path != context, Path.relative(path, to: context) != nil,
          object(to: context, readOnly: true, tracked: tracked) == words
        {
          return nil
        }
        let isFile = build["dockerfile"]?.string.map { Path.join(context, $0) == path } ?? false
        return Finding(
          service: service,
          place: isFile ? place(service, ["build", "dockerfile"]) : place(of: path, of: build, service),
          message: "\(service) is built from \(path), \(words)",
          help: help(for: path, of: service))
      }
    }
  }

  func place(of path: String, of build: JSON, _ service: String) -> Place {
    let isContext = build["context"]?.string.map(Path.normalized) == path
    return isContext ? place(ofContext: service) : place(service, ["build"])
  }

  /// The files of configs and secrets that no container gets: they may be for a build alone.
  var filesOfBuilds: [(name: String, path: String, place: Place)] {
    let mounted = Set(services.flatMap { mounts(of: $0.name, $0.json).map(\.source) })
    return ["configs", "secrets"].flatMap { section in
      model[section].members.compactMap { name, value in
        guard let file = value["file"]?.string, !mounted.contains(file) else { return nil }
        return (name, file, place(topLevel: [section, name, "file"]))
      }
    }
  }

  func foreignFiles(tracked: Bool) -> [Finding] {
    filesOfBuilds.compactMap { name, file, place in
      guard DockerSocket.way(file, paths) == nil, let words = object(to: file, readOnly: true, tracked: tracked) else {
        return nil
      }
      return Finding(place: place, message: "\(name) is read from \(file), \(words)", help: help(forCopied: file))
    }
  }

  /// Names the other stack whose main Compose file stands at a path.
  private func stackOf(composeFile path: String) -> String? {
    guard let relative = Path.relative(path, to: paths.liveRoot), ComposeFileName.main.contains(Path.name(relative))
    else {
      return nil
    }
    let directory = Path.parent(relative)
    // Who has said that it is one, knows that its services run twice.
    if paths.named.contains(directory) { return nil }
    return paths.stacks[directory] == directory && directory != home ? directory : nil
  }

  /// Finds what Compose would read and the stack may not have; asked before Compose reads anything, too.
  func foreignReads(tracked: Bool) -> [Finding] {
    references.compactMap { reference in
      func finding(_ words: String, _ help: String) -> Finding {
        Finding(
          place: (reference.file, reference.mark),
          message: "`\(reference.key)` makes Compose read \(reference.path), \(words)", help: help)
      }
      if reference.isRemote {
        return tracked
          ? nil
          : finding(
            "from a server, where its content can change",
            "commit the file, and name it by its path in the repository")
      }
      if reference.isImplied, paths.tree?[Path.relative(reference.path, to: paths.liveRoot) ?? ""] == nil,
        !paths.isHost || paths.missing.contains(reference.path)
      {
        return nil
      }
      if tracked, reference.key == "include", let other = stackOf(composeFile: reference.path) {
        return finding(
          "which is the stack \(other) by itself: clup would deploy its services twice",
          "leave that stack out, `stacks: {exclude: [\(other)]}`, or take the include away")
      }
      let entry = Path.relative(reference.path, to: paths.liveRoot).flatMap { paths.tree?[$0] }
      if !tracked, reference.key == "include.project_directory", entry?.kind != .directory {
        return finding("which is not a directory of the repository", "name a directory that the repository has")
      }
      if !tracked, reference.isComposeFile, !reference.isImplied, paths.isHost, entry == nil,
        !paths.missing.contains(reference.path)
      {
        return finding("a Compose file that the repository does not have, so that nobody judged it", "commit it")
      }
      // Compose files are text of the repository, whosever directory they stand in; what they read is looked at by itself.
      if tracked, reference.isComposeFile { return nil }
      // What a container may see of the system is nothing for Compose to read.
      let words =
        object(to: reference.path, readOnly: true, tracked: tracked)
        ?? (!tracked && paths.forms(reference.path).contains(where: Self.isHarmless)
          ? "which belongs to the system" : nil)
      return words.map { finding($0, help(forCopied: reference.path)) }
    }
  }

  fileprivate var unknownVolumes: [Finding] {
    model["volumes"].members.compactMap { name, volume in
      let allowed = policy.options.volumeDrivers
      guard volume["external"]?.bool != true, case .unknown(let words) = VolumeOptions(volume, allowed: allowed) else {
        return nil
      }
      return Finding(
        place: place(topLevel: ["volumes", name, volume["driver_opts"] == nil ? "driver" : "driver_opts"]),
        message: "the volume \(name) \(words), which may give it a part of the host",
        help:
          "use a plain volume, or allow the driver or the file system on the host: `policy: {options: {volume_drivers: […]}}`"
      )
    }
  }

  /// The engine opens whatever socket a log driver names, as root.
  fileprivate var foreignLogs: [Finding] {
    services.flatMap { service, json -> [Finding] in
      // What is said here names the driver and the socket, and the baseline knows it by that: it stands at neither of the two.
      logSockets(json).map { _, socket in
        Finding(
          service: service, place: place(service, ["logging"]),
          message: "\(service) makes the engine write its log to the socket \(socket) of the host, by the driver "
            + (json["logging"]["driver"]?.string ?? "json-file"),
          help: "use the driver json-file or local")
      }
    }
  }

  /// Finds what other stacks took in the stack's own directory before that was its own: they write there from now on.
  fileprivate var claimed: [Finding] {
    guard kind == .stack, home != "." else { return [] }
    return others.sorted { $0.key < $1.key }.compactMap { owner, other in
      let place = other.outside.sorted().first { place in
        Path.overlap(place, home) && !policy.shares(path: place, with: owner)
      }
      guard let place else { return nil }
      return Finding(
        place: self.place(topLevel: ["services"]),
        message:
          "\(owner) mounts \(Path.join(paths.liveRoot, place)), which is in the directory of \(stack) or holds it",
        help:
          "take that mount out of \(owner) first, or share it on the host: `policy: {shared: [{path: \(place), stacks: [\(owner)]}]}`"
      )
    }
  }

  /// What belongs to no stack can have one user only, unless the host shares it.
  fileprivate var contested: [Finding] {
    let taken = others.flatMap { name, other in other.places.map { (name, $0) } }
    guard !taken.isEmpty else { return [] }
    return services.flatMap { service, json in
      mounts(of: service, json).compactMap { mount -> Finding? in
        guard let place = Path.relative(mount.source, to: paths.liveRoot), ownership(of: place) == .nobody,
          !paths.used.contains(where: { Path.relative(place, to: $0) != nil })
        else { return nil }
        guard let other = taken.sorted(by: <).first(where: { Path.overlap(place, $0.1) }) else { return nil }
        return Finding(
          service: service, place: self.place(of: mount),
          message: "\(service) mounts \(words(mount)), which \(other.0) mounts, too, and which belongs to no stack",
          help: "share it on the host: `policy: {shared: [{path: \(place), stacks: [\(other.0), \(stack)]}]}`")
      }
    }
  }
}
