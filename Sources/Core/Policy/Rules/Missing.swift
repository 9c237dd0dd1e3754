extension Rule {
  static let missingNetwork = Rule(
    id: "missing-network", summary: "an external network or volume that the host does not have",
    why: "Compose would fail in the middle of the deploy, with part of the stack replaced already.",
    fix: "Make it on the host, `docker network create NAME`, or let the stack own it: leave `external` out.",
    bad: """
      services:
        web: {image: "nginx:1.27", networks: [shared]}
      networks:
        shared: {external: true}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", networks: [shared]}
      networks:
        shared: {}
      """
  ) { subject in
    guard subject.kind == .stack, let present = subject.present else { return [] }
    // The engine takes the beginning of an id for a name, too: that may be anybody's network.
    var found = subject.namedNetworkModes.filter { !present.networks.contains($0.name) }.map { service, name in
      Finding(
        service: service, place: subject.place(service, ["network_mode"]), message: "the host has no network \(name)",
        help: "make it with `docker network create \(name)`, or join a network with `networks:`")
    }
    for (section, word, names) in [
      ("networks", "network", present.networks), ("volumes", "volume", present.volumes),
    ] {
      for (key, value) in subject.model[section].members where value["external"]?.bool == true {
        let name = value["name"]?.string ?? key
        if names.contains(name) { continue }
        var help = "make it with `docker \(word) create \(name)`, or leave `external` out"
        if let maker = present.coming[name] {
          if subject.after.contains(maker) { continue }
          help = "\(maker) makes it: write `x-clup: {after: [\(maker)]}`, so that it exists in time"
        }
        found.append(
          Finding(
            place: subject.place(topLevel: [section, key]), message: "the host has no \(word) \(name)", help: help))
      }
    }
    return found
  }

  static let missingImage = Rule(
    id: "missing-image", summary: "an image that is built on the host and is not there",
    why: """
      An image that no registry has (`pull_policy: never`, a tag `local`) cannot be pulled when it is missing: the deploy
      would fail halfway.
      """,
    fix: "Build it on the host first, or give the service a `build:`.",
    bad: """
      services:
        gateway: {image: "openclaw:local"}
      """,
    good: """
      services:
        gateway: {image: "openclaw:local", build: "./src"}
      """
  ) { subject in
    guard subject.kind == .stack, let present = subject.present else { return [] }
    return subject.services.compactMap { service, json in
      guard Image.isLocal(json), let image = json["image"]?.string, json["profiles"] == nil,
        !subject.hasImage.contains(service)
      else { return nil }
      let name = Image(image)
      if present.images.contains(name.full) || present.images.contains(image) { return nil }
      return Finding(
        service: service, place: subject.place(service, ["image"]),
        message: "the host has no image \(image), and no registry is asked for it",
        help: "build or load it on the host first")
    }
  }

  static let missingBind = Rule(
    id: "missing-bind", severity: .warning, summary: "a bind source that the host does not have",
    why: """
      The engine makes a missing bind source as an empty directory that belongs to root. A container that expects a file
      there fails, and a gateway that expects its state starts without it. It does not make the file of a config or secret, or
      the directory of a volume: the container cannot start, and that is an error. If a stack was moved to another directory
      without its state, or goes back to a commit whose state is gone, it would start with nothing: that is an error, too.
      """,
    fix: "Make it on the host with the right owner first, or commit the file. Move a stack's state together with it.",
    bad: """
      services:
        db: {image: "postgres:16", volumes: ["/srv/data/pg:/var/lib/postgresql/data"]}
      """,
    good: """
      services:
        db: {image: "postgres:16", volumes: ["pg:/var/lib/postgresql/data"]}
      volumes: {pg: {}}
      """
  ) { subject in
    guard subject.kind == .stack, subject.paths.isHost else { return [] }
    return subject.services.flatMap { service, json in
      subject.mounts(of: service, json).filter { subject.paths.missing.contains($0.source) }.map { mount in
        if let left = subject.left[mount.source] {
          let isAlone = subject.moved.contains { $0.service == service }
          let whatMoved = isAlone ? service : "the stack"
          return Finding(
            service: service, place: subject.place(of: mount),
            message: "\(service) mounts \(subject.words(mount)), which stayed at \(left) when \(whatMoved) was moved",
            help:
              "stop it, move the data (`mv OLD NEW`), leave a link in the old place (`ln -s NEW OLD`), and sync again",
            severity: .error)
        }
        let message = "\(service) mounts \(subject.words(mount)), which the host does not have"
        if subject.isReturning, HostPaths.isShared(mount.source) {
          return Finding(
            service: service, place: subject.place(of: mount), message: message + " any more",
            help:
              "restore it first, from a backup or empty with its owner: the older commit expects its state there",
            severity: .error)
        }
        return Finding(
          service: service, place: subject.place(of: mount), message: message,
          help: "create it before the sync, with the owner that the container expects"
            + (Path.relative(mount.source, to: subject.paths.liveRoot) == nil ? "" : ", or commit it"),
          severity: mount.isMadeByEngine ? nil : .error)
      }
    }
  }
}
