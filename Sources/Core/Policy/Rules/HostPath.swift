extension Rule {
  static let hostPath = Rule(
    "host-path", summary: "a path of the host that is not the stack's to have",
    why: """
      A bind mount gives a container a part of the host. Outside of the roots that the host names for this, in system
      directories, in clup's own checkout or, writable, in another stack's state, it can change what others run from. A
      volume with driver options, a config, a secret or a build context from such a path comes to the same.
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
    let mounts = subject.services.flatMap { service, json in
      subject.mounts(of: service, json).compactMap { mount -> Finding? in
        // The socket has its own rule.
        if DockerSocket.way(subject.paths.forms(mount.source)) != nil, mount.source != "/" { return nil }
        guard let what = subject.objection(to: mount.source, readOnly: mount.readOnly) else { return nil }
        return Finding(
          service: service, place: subject.place(of: mount),
          message: "\(service) mounts \(subject.words(mount)), \(what)", help: help)
      }
    }
    let others = subject.services.flatMap { service, json -> [Finding] in
      var found: [Finding] = []
      let build = json["build"]
      let caches = ((build?["cache_from"]?.array ?? []) + (build?["cache_to"]?.array ?? [])).compactMap(\.string)
        .flatMap { $0.split(separator: ",") }.filter { $0.hasPrefix("src=") || $0.hasPrefix("dest=") }
        .map { String($0[$0.index(after: $0.firstIndex(of: "=") ?? $0.startIndex)...]) }
      let contexts =
        [build?["context"]?.string, build?["dockerfile"]?.string].compactMap { $0 } + caches
        + (build?["additional_contexts"]?.object ?? [:]).values.compactMap(\.string)
      for text in contexts {
        let context = ["file://", "oci-layout://"].reduce(text) {
          $0.hasPrefix($1) ? String($0.dropFirst($1.count)) : $0
        }
        guard context.hasPrefix("/") else { continue }
        guard let what = subject.objection(to: context, readOnly: true) else { continue }
        found.append(
          Finding(
            service: service, place: subject.place(service, ["build"]),
            message: "\(service) is built from \(context), \(what)", help: help))
      }
      for other in (json["volumes_from"]?.array ?? []).compactMap(\.string) where other.hasPrefix("container:") {
        found.append(
          Finding(
            service: service, place: subject.place(service, ["volumes_from"]),
            message: "\(service) takes the volumes of \(other.dropFirst(10)), which is not of this stack", help: help))
      }
      return found
    }
    let read = subject.sources.flatMap { source in
      References.paths(in: source.document).compactMap { path, mark -> Finding? in
        let file = Path.join(Path.join(subject.paths.liveRoot, Path.parent(source.path)), path)
        guard Path.relative(file, to: subject.paths.liveRoot) == nil,
          let what = subject.objection(to: file, readOnly: true)
        else { return nil }
        return Finding(
          service: nil, place: (source.path, mark), message: "Compose would read \(file), \(what)", help: help)
      }
    }
    let directories = subject.sources.flatMap { source in
      (source.document?["include"]?.sequence ?? []).compactMap { item -> Finding? in
        guard let node = item["project_directory"], let text = node.string?.withDefaults else { return nil }
        let directory = Path.join(Path.join(subject.paths.liveRoot, Path.parent(source.path)), text)
        guard Path.relative(directory, to: subject.paths.liveRoot) == nil,
          let what = subject.objection(to: directory, readOnly: true)
        else { return nil }
        return Finding(
          place: (source.path, node.start), message: "Compose would read files in \(directory), \(what)", help: help)
      }
    }
    // A secret may be for a build alone.
    let files = ["configs", "secrets"].flatMap { section in
      (subject.model[section]?.object ?? [:]).sorted { $0.key < $1.key }.compactMap { name, value -> Finding? in
        guard let file = value["file"]?.string, DockerSocket.way(subject.paths.forms(file)) == nil,
          let what = subject.objection(to: file, readOnly: true),
          !mounts.contains(where: { $0.message.contains(file) })
        else { return nil }
        return Finding(
          place: subject.place(topLevel: [section, name, "file"]), message: "\(name) is read from \(file), \(what)",
          help: help)
      }
    }
    return mounts + others + read + directories + files
  }

  private static let help =
    "keep it beside the Compose file, or add its directory to `policy: {bind_roots: […]}` on the host"
}

extension Subject {
  private static let system = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin", "/sys",
    "/usr",
    "/var/lib/containerd", "/var/lib/docker", "/var/run", "/var/spool/cron", "/var/log", "/var/lib/systemd",
  ]
  /// Read by nearly every image, and telling nothing.
  private static let harmless = ["/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"]

  /// Says why a stack may not have a path, if it may not.
  func objection(to path: String, readOnly: Bool) -> String? {
    for form in paths.forms(path) {
      if form.hasPrefix(Placeholder.path) { continue }
      if readOnly, Self.harmless.contains(where: { Path.relative(form, to: $0) != nil }) { continue }
      if form == "/" { return "the whole host" }
      let roots = (policy.bindRoots + [paths.liveRoot]).flatMap(paths.forms)
      let inside = roots.contains { Path.relative(form, to: $0) != nil }
      if let root = Self.system.first(where: { Path.relative(form, to: $0) != nil }), !inside {
        return "which belongs to the system (\(root))"
      }
      if let root = Self.system.first(where: { Path.relative($0, to: form) != nil }) {
        return "which holds what belongs to the system (\(root))"
      }
      if let checkout = paths.checkout {
        if Path.relative(form, to: checkout) != nil { return "which is in clup's own directory" }
        if !readOnly, Path.relative(checkout, to: form) != nil { return "which holds clup's own directory" }
      }
      if !inside, paths.isHost || !policy.bindRoots.isEmpty {
        return "which is outside of \(roots.joined(separator: ", "))"
      }
      if !readOnly, let other = owner(of: form) { return "which is the state of \(other)" }
    }
    return nil
  }

  /// Names the other stack whose directory a path stands in, or holds.
  private func owner(of path: String) -> String? {
    let own = Path.join(paths.liveRoot, stack)
    if kind == .stack, stack != ".", Path.relative(path, to: own) != nil { return nil }
    return paths.stacks.first { other in
      guard other != stack, other != "." else { return false }
      let directory = Path.join(paths.liveRoot, other)
      // A stack may stand within another one's directory.
      if stack != ".", Path.relative(directory, to: own) != nil, Path.relative(path, to: directory) == nil {
        return false
      }
      return Path.relative(path, to: directory) != nil || Path.relative(directory, to: path) != nil
    }
  }
}
