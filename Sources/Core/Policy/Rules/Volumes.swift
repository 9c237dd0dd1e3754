extension Rule {
  static let volumeChanged = Rule(
    id: "volume-changed", summary: "a change that would give a service an empty volume",
    why: """
      A volume keeps its driver, its options and its labels for as long as it exists. To change them, Compose removes the
      volume with all its data. A service would also start with an empty volume if the project gets another name, if the
      service moves to another stack, if its volume gets another key in the Compose file, if a new mount covers a volume, or
      if a rollback leads to a commit whose volume was removed since. No commit costs data. If the Compose file gives the new
      volume a `name:` of its own, this is a warning.
      """,
    fix: """
      Leave the volume as it is; or give the new one another `name:` and copy the data; or, if the data may be lost, remove the
      volume on the host, `docker compose down` and `docker volume rm NAME`, and sync again.
      """,
    bad: """
      # Until now: volumes: {cache: {}}
      services:
        web: {image: "nginx:1.27", volumes: ["cache:/var/cache"]}
      volumes:
        cache: {driver_opts: {type: tmpfs, device: tmpfs, o: size=64m}}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", volumes: ["cache:/var/cache"]}
      volumes:
        cache: {name: web_cache_64m, driver_opts: {type: tmpfs, device: tmpfs, o: size=64m}}
      """
  ) { subject in
    subject.changedVolumes.sorted().compactMap { key in
      let name = subject.model["volumes"]?[key]?["name"]?.string ?? key
      if let present = subject.present, !present.volumes.contains(name) { return nil }
      return Finding(
        place: subject.place(topLevel: ["volumes", key]),
        message: "the volume \(name) would be recreated by this change, and its data would be lost",
        help: "give the new one another `name:` and copy the data, or remove \(name) on the host and sync again")
    }
      + subject.leftVolumes.sorted { $0.key < $1.key }.compactMap { key, former in
        let name = subject.model["volumes"]?[key]?["name"]?.string ?? key
        guard let present = subject.present, present.volumes.contains(former), !present.volumes.contains(name) else {
          return nil
        }
        return Finding(
          place: subject.place(topLevel: ["volumes", key]),
          message:
            "the project has another name, and would start with an empty volume \(name): its data is in \(former)",
          help: "keep the volume: `volumes: {\(key): {name: \(former)}}`; or make \(name) and copy the data into it")
      }
      + subject.dataLeftElsewhere + subject.replacedVolumes + subject.lostVolumes
  }
}

/// A volume, or a directory of the host, over which its service has another mount from now on.
public struct CoveredVolume: Sendable, Equatable {
  let service: String
  /// The path in the container.
  let target: String
  /// The engine's name of the volume, or the directory.
  let former: String
  /// What is mounted there instead: a path of the host, or what the model calls a volume.
  let source: String
  let isVolume: Bool

  var isAnonymous: Bool { AnonymousVolumes.isAnonymous(former) }
  var isDirectory: Bool { Path.isAbsolute(former) }
}

extension Subject {
  /// The names of the volumes that it takes as they are.
  public var externalVolumes: Set<String> {
    Set(
      model["volumes"].object.compactMap { key, volume in
        volume["external"]?.bool == true ? volume["name"]?.string ?? key : nil
      })
  }

  /// Compares what containers of the stack have in volumes with what their services mount from now on.
  public mutating func compareVolumes(_ containers: [Container], formerly project: String?) {
    let projects = [model["name"]?.string, project]
    for container in containers where projects.contains(container.project) {
      let mounts = model["services"]?[container.service]?["volumes"].array ?? []
      let kept = Set(mounts.compactMap { volumeName($0["source"]?.string ?? "") })
      for mount in mounts {
        guard let source = mount["source"]?.string, !source.isEmpty, let target = mount["target"]?.string else {
          continue
        }
        let isVolume = mount["type"]?.string == "volume"
        let path = Path.normalized(target)
        // Where a directory takes another one's place, its absence is told by itself.
        let directory = isVolume ? container.mounts?.first { $0.target == path && $0.isWritable }?.source : nil
        guard let former = container.volumesByPath[path] ?? directory, former != source, !kept.contains(former) else {
          continue
        }
        let covered = CoveredVolume(
          service: container.service, target: target, former: former, source: source, isVolume: isVolume)
        if !coveredVolumes.contains(covered) { coveredVolumes.append(covered) }
      }
    }
  }

  /// The engine's name of what the model calls a volume.
  private func volumeName(_ key: String) -> String { model["volumes"]?[key]?["name"]?.string ?? key }

  /// Finds volumes and directories that would be empty where the container has its data elsewhere.
  fileprivate var replacedVolumes: [Finding] {
    coveredVolumes.compactMap { covered in
      let source = covered.source
      let name = covered.isVolume ? volumeName(source) : source
      let isThere = covered.isVolume ? present?.volumes.contains(name) ?? true : !paths.missing.contains(source)
      // Without an engine's word that it is there, nothing is in it.
      let isLeft = covered.isAnonymous || covered.isDirectory || present?.volumes.contains(covered.former) ?? false
      // What the project's other name, or the rollback, leaves behind is told by itself.
      let isTold = leftVolumes[source] != nil || isReturning && covered.isVolume && !covered.isAnonymous
      if isThere || !isLeft || isTold || covered.isVolume && showsData(source) { return nil }
      let new = covered.isVolume ? "the volume \(name)" : name
      let old =
        covered.isDirectory
        ? covered.former
        : covered.isAnonymous ? "the anonymous volume \(covered.former.prefix(12))…" : "the volume \(covered.former)"
      var finding = Finding(
        service: covered.service, place: place(covered.service, ["volumes"]),
        message:
          "\(covered.service) would start with \(new), which is empty: its data at \(covered.target) is in \(old)",
        help: help(covered, name))
      // Who writes out a name means that volume, be it new.
      let isNamed = covered.isVolume && name != "\(model["name"]?.string ?? "")_\(source)"
      if isNamed, !covered.isAnonymous { finding.severity = .warning }
      return finding
    }
  }

  /// Whether a volume that is made shows data that is there already: a share in the network, a directory of the host.
  private func showsData(_ key: String) -> Bool {
    let volume = model["volumes"]?[key]
    return volume?["driver_opts"].object.isEmpty == false || (volume?["driver"]?.string ?? "local") != "local"
  }

  private func help(_ covered: CoveredVolume, _ name: String) -> String {
    let copy = "`docker run --rm -v \(covered.former):/from -v \(name):/to busybox cp -a /from/. /to`"
    if !covered.isVolume {
      return "make the directory first, with the data (\(copy)) or empty, and with its owner"
    }
    let first = "copy the data first: `docker volume create \(name)` and \(copy); or create it empty"
    return covered.isAnonymous || covered.isDirectory
      ? first : "keep the volume: `volumes: {\(covered.source): {name: \(covered.former)}}`; or \(first)"
  }

  /// Finds volumes that an older commit had and that are gone: it would start with empty ones.
  fileprivate var lostVolumes: [Finding] {
    guard isReturning, let present else { return [] }
    return model["volumes"].members.compactMap { key, volume in
      let name = volume["name"]?.string ?? key
      if volume["external"]?.bool == true || present.volumes.contains(name) { return nil }
      return Finding(
        place: place(topLevel: ["volumes", key]),
        message: "the older commit uses the volume \(name), which this host no longer has: it would start empty",
        help: "restore it from a backup first, or create it empty with `docker volume create \(name)`")
    }
  }

  /// Finds volumes that another stack, or another project on this host, has made for itself.
  var foreignVolumes: [Finding] {
    let own = model["name"]?.string ?? ""
    return model["volumes"].members.compactMap { key, volume in
      let name = volume["name"]?.string ?? key
      func finding(_ owner: String, _ stacks: [String]) -> Finding? {
        if policy.shares(.volume(name), among: stacks) { return nil }
        return Finding(
          place: place(topLevel: ["volumes", key, "name"]),
          message: "the volume \(name) belongs to \(owner)",
          help:
            "use another volume, or share it on the host: `policy: {shared: [{volume: \(name), stacks: [\(stacks.joined(separator: ", "))]}]}`"
        )
      }
      if let other = others.sorted(by: { $0.key < $1.key }).first(where: { $0.value.volumes.contains(name) }) {
        return finding("the stack \(other.key)", [stack, other.key])
      }
      if kept.contains(name) { return nil }
      if let maker = present?.volumeProjects[name],
        maker != own || choosesItsName && !formerVolumes.contains(name)
      {
        return finding("the project \(maker), which made it", [stack])
      }
      guard let user = present?.volumeUsers[name]?.subtracting([own]).min() else { return nil }
      return finding(user.isEmpty ? "a container that no project made" : "the project \(user), which uses it", [stack])
    }
  }

  /// Whether the repository calls the project otherwise than its directory, by a name that some other project may have had.
  var choosesItsName: Bool {
    let named = sources.contains { $0.document?["name"]?.string != nil }
    return named && ![Path.name(stack), Path.name(directory)].contains(model["name"]?.string)
  }

  /// The engine has each container's name once: one that another stack takes is one that it cannot be started with again.
  var takenNames: [Finding] { kind == .job ? jobNames : generatedNames }

  /// Compose calls containers by project, service and number; written out, two names are compared elsewhere.
  private var generatedNames: [Finding] {
    let project = model["name"]?.string ?? stack
    return services.compactMap { service, json in
      let written = json["container_name"]?.string
      let first = written.map(Self.firstOfItsKind) ?? "\(project)-\(service)-1"
      let taken = others.sorted { $0.key < $1.key }.first { _, other in
        let isGenerated = other.projects.contains { first.hasPrefix($0 + "-") }
        return other.containers.contains(first) && (written == nil || isGenerated) && !other.projects.contains(project)
      }
      guard let taken else { return nil }
      return Finding(
        service: service, place: place(service, written == nil ? [] : ["container_name"]),
        message: "\(service) takes the container name \(written ?? first), which is \(taken.key)'s",
        help: written == nil ? "give the stack or the service another name" : "choose another `container_name`")
    }
  }

  /// Returns the name of a service's first container for that of any of them.
  private static func firstOfItsKind(_ name: String) -> String {
    let stem = name.reversed().drop { $0.isASCII && $0.isNumber }.reversed()
    return stem.last == "-" && stem.count < name.count ? String(stem) + "1" : name
  }

  /// Whoever removes a job's container by its name must not remove a stack's.
  private var jobNames: [Finding] {
    let own = model["name"]?.string ?? ""
    let namesake = others.sorted { $0.key < $1.key }.first { $0.value.projects.contains(own) }
    let taken = namesake.map { other in
      Finding(
        place: place(topLevel: ["name"]), message: "the project name \(own) is that of the stack \(other.key)",
        help: "leave `name:` out of job files, or choose another")
    }
    return [taken].compactMap { $0 }
      + services.compactMap { service, json in
        guard let name = json["container_name"]?.string,
          let other = others.sorted(by: { $0.key < $1.key }).first(where: {
            $0.value.containers.contains(name) || $0.value.containers.contains(Self.firstOfItsKind(name))
          })
        else { return nil }
        return Finding(
          service: service, place: place(service, ["container_name"]),
          message: "\(service) takes the container name \(name), which is \(other.key)'s",
          help: "leave `container_name` out of job files")
      }
  }
}
