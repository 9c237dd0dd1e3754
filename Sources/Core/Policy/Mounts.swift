/// One way by which a path of the host comes into a container.
struct Mount: Sendable {
  enum Way: Sendable { case bind, volume(String), config(String), secret(String), taken(String) }
  let service: String
  let way: Way
  /// The path on the host, absolute.
  let source: String
  /// The path in the container.
  let target: String
  let readOnly: Bool

  /// Whether the engine makes an empty directory where its source is missing; elsewhere the container cannot start.
  var isMadeByEngine: Bool {
    switch way {
    case .bind, .taken: true
    case .volume, .config, .secret: false
    }
  }
}

extension Subject {
  /// Every host path that a service's container sees.
  ///
  /// What it takes from other services by `volumes_from` counts as its own.
  func mounts(of service: String, _ json: JSON) -> [Mount] { mounts(of: service, json, seen: [service]) }

  private func mounts(of service: String, _ json: JSON, seen: Set<String>) -> [Mount] {
    var found: [Mount] = []
    for from in json["volumes_from"].strings where !from.hasPrefix("container:") {
      let parts = from.split(separator: ":").map(String.init)
      guard let other = parts.first, !seen.contains(other), let giver = model["services"]?[other] else { continue }
      found += mounts(of: other, giver, seen: seen.union([other])).map {
        Mount(
          service: service, way: .taken(other), source: $0.source, target: $0.target,
          readOnly: $0.readOnly || parts.last == "ro")
      }
    }
    for volume in json["volumes"].array {
      let target = volume["target"]?.string ?? ""
      let readOnly = volume["read_only"]?.bool ?? false
      guard let source = volume["source"]?.string else { continue }
      if volume["type"]?.string == "volume" {
        for path in paths(ofVolume: source) {
          found.append(Mount(service: service, way: .volume(source), source: path, target: target, readOnly: readOnly))
        }
      } else if Path.isAbsolute(source) {
        found.append(Mount(service: service, way: .bind, source: source, target: target, readOnly: readOnly))
      }
    }
    for (section, isSecret) in [("configs", false), ("secrets", true)] {
      for use in json[section].array {
        guard let name = use["source"]?.string ?? use.string, let file = model[section]?[name]?["file"]?.string else {
          continue
        }
        found.append(
          Mount(
            service: service, way: isSecret ? .secret(name) : .config(name), source: file,
            target: use["target"]?.string ?? name, readOnly: true))
      }
    }
    return found
  }

  /// Whether a path below what a service may write to is kept from it by a read-only mount of its own: `..:/data` with
  /// `.:/data/compose:ro`.
  func isKept(_ path: String, from mount: Mount, by mounts: [Mount]) -> Bool {
    mounts.contains { cover in
      guard case .bind = cover.way, case .bind = mount.way, cover.readOnly,
        CoverMount(source: Path.normalized(cover.source), target: Path.normalized(cover.target))
          .isRightBelow(mount.source, Path.normalized(mount.target))
      else { return false }
      // A link there could be exchanged, since what it leads to is mounted elsewhere.
      let places = paths.forms(mount.source).map { Path.join($0, Path.name(cover.source)) }
      guard paths.forms(cover.source).allSatisfy(places.contains) else { return false }
      return places.contains { Path.relative(path, to: $0) != nil }
    }
  }

  /// Whether a path is kept so from each of the stack's services that may write to `place`.
  func isKept(_ path: String, below place: String) -> Bool {
    let writers = services.flatMap { service, json in
      let mounts = mounts(of: service, json)
      return mounts.filter { !$0.readOnly && paths.forms($0.source).contains(place) }.map { ($0, mounts) }
    }
    if writers.isEmpty, formerWrites.contains(place) { return wasKept(path) }
    return !writers.isEmpty && writers.allSatisfy { isKept(path, from: $0, by: $1) }
      && !others.values.contains { $0.writes.contains(place) }
  }

  /// Whether a path was kept from all that the stack's containers could write to before.
  func wasKept(_ path: String) -> Bool { formerlyKept.contains { Path.relative(path, to: $0) != nil } }

  /// Every host path that its containers would see, or be built from.
  public var hostPaths: [String] {
    let builds = services.flatMap { _, json in json["build"].map(buildPaths) ?? [] }
    let files = ["configs", "secrets"].flatMap { section in
      model[section].object.values.compactMap { $0["file"]?.string }
    }
    return Set(services.flatMap { mounts(of: $0.name, $0.json).map(\.source) } + builds + files).sorted()
  }

  /// Every absolute path of the host that a build reads or writes: contexts, the Dockerfile, caches.
  func buildPaths(_ build: JSON) -> [String] {
    var found: [String] = []
    let context = build["context"]?.string ?? ""
    if Path.isAbsolute(context) {
      found.append(context)
      if let file = build["dockerfile"]?.string { found.append(Path.join(context, file)) }
    }
    // A relative path of these starts from where Compose runs.
    let directory = Path.join(paths.liveRoot, self.directory)
    for text in build["additional_contexts"].object.values.compactMap(\.string) {
      let local = ["file://", "oci-layout://"].first(where: text.hasPrefix)
      if let local {
        let path = String(text.dropFirst(local.count))
        found.append(Path.join(directory, path))
        // What follows is the tag or the digest within a directory of images.
        for sign in ["@", ":"] where local == "oci-layout://" {
          if let end = path.firstRange(of: sign) { found.append(Path.join(directory, String(path[..<end.lowerBound]))) }
        }
      } else if Path.isAbsolute(text) {
        found.append(text)
      }
    }
    for text in (build["cache_from"].array + build["cache_to"].array).compactMap(\.string) {
      found += BuildCache.paths(text).map { Path.join(directory, $0) }
    }
    return found.map(Path.normalized)
  }

  /// The host paths that a named volume's driver options lead to.
  func paths(ofVolume name: String) -> [String] {
    guard let volume = model["volumes"]?[name] else { return [] }
    var found: [String] = []
    if case .bind(let path) = VolumeOptions(volume, allowed: policy.options.volumeDrivers) {
      found.append(path)
    } else if let device = volume["driver_opts"]?["device"]?.string, Path.isAbsolute(device) {
      found.append(Path.normalized(device))
    }
    if let own = volume["name"]?.string, Path.isAbsolute(own) { found.append(Path.normalized(own)) }
    return found
  }

  /// Where a mount stands in the source.
  func place(of mount: Mount) -> Place {
    switch mount.way {
    case .bind: place(mount.service, ofTarget: mount.target) ?? place(mount.service, "volumes", item: [mount.source])
    case .taken(let name): place(mount.service, "volumes_from", item: [name])
    case .volume(let name): place(topLevel: ["volumes", name, "driver_opts", "device"])
    case .config(let name): place(topLevel: ["configs", name, "file"])
    case .secret(let name): place(topLevel: ["secrets", name, "file"])
    }
  }

  /// A mount for people.
  func words(_ mount: Mount) -> String {
    switch mount.way {
    case .bind: mount.source
    case .taken(let name): "\(mount.source) (through the volumes of \(name))"
    case .volume(let name): "\(mount.source) (through the volume \(name))"
    case .config(let name): "\(mount.source) (through the config \(name))"
    case .secret(let name): "\(mount.source) (through the secret \(name))"
    }
  }
}

/// How a build's cache is named: `type=local,src=…`.
enum BuildCache {
  /// Reads the options; their names are the same in any case, and a line of CSV may quote them.
  static func options(_ text: String) -> [(key: String, value: String)] {
    text.filter { $0 != "\"" }.split(separator: ",").compactMap { part in
      let sides = part.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
      return sides.count == 2 ? (sides[0].lowercased(), sides[1]) : nil
    }
  }

  /// The paths that it is read from or written to.
  static func paths(_ text: String) -> [String] {
    options(text).filter { $0.key == "src" || $0.key == "dest" }.map(\.value)
  }

  /// The images that it is kept with: `NAME`, or `type=registry,ref=NAME`.
  static func images(_ text: String) -> [String] {
    let options = options(text)
    return options.isEmpty ? [text] : options.filter { $0.key == "ref" }.map(\.value)
  }

  /// What validation does not know of it.
  static func unknown(_ text: String) -> String? {
    options(text).first { key, value in
      key == "type" ? !["local", "registry", "inline"].contains(value.lowercased()) : !known.contains(key)
    }.map { "\($0.key)=\($0.value)" }
  }

  private static let known: Set<String> = [
    "ref", "src", "dest", "mode", "tag", "digest", "compression", "compression-level", "force-compression",
    "oci-mediatypes", "image-manifest", "ignore-error",
  ]
}
