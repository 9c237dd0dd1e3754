import FoundationEssentials

/// What all ways to look at a container closely take from the engine's answer.
struct Inspection {
  let json: JSON

  var id: String { json["Id"]?.string ?? "" }
  var name: String { String((json["Name"]?.string ?? "").drop { $0 == "/" }) }
  var state: String { json["State"]["Status"]?.string ?? "" }
  var health: String { json["State"]["Health"]["Status"]?.string ?? "none" }
  /// The id of its image.
  var image: String { json["Image"]?.string ?? "" }

  /// The number that Compose gave it.
  var number: Int { Int(label("container-number")) ?? 1 }
  /// The volumes that the engine made for it alone.
  var volumes: AnonymousVolumes? {
    let mounted = json["Mounts"].array.filter { $0["Type"]?.string == "volume" }.compactMap { mount in
      mount["Destination"]?.string.flatMap { path in mount["Name"]?.string.map { (path, $0) } }
    }
    return AnonymousVolumes(number: number, mounted: Dictionary(mounted) { first, _ in first })
  }

  func label(_ name: String) -> String { json["Config"]["Labels"]["com.docker.compose.\(name)"]?.string ?? "" }
}

extension WatchedContainer {
  /// Takes what `docker inspect` shows of a container at a moment.
  public init(inspected json: JSON, at now: Date) {
    let seen = Inspection(json: json)
    let started = json["State"]["StartedAt"]?.string.flatMap(Self.instant) ?? now
    self.init(
      id: seen.id, name: seen.name, service: seen.label("service"), state: seen.state, health: seen.health,
      exitCode: json["State"]["ExitCode"]?.integer ?? 0, restarts: json["RestartCount"]?.integer ?? 0,
      age: .seconds(now.timeIntervalSince(started)), hash: seen.label("config-hash"), image: seen.image,
      directory: seen.label("project.working_dir"),
      networks: json["NetworkSettings"]["Networks"].map { Set($0.object.keys) },
      checked: json["State"]["Health"]["Log"].array.last?["Start"]?.string.flatMap(Self.instant).map {
        .seconds(now.timeIntervalSince($0))
      }, number: seen.number,
      volumes: seen.volumes)
  }

  /// Reads a moment as the engine writes it, `2026-11-22T10:15:00.123456789+01:00`.
  static func instant(_ text: String) -> Date? {
    guard let clock = text.firstIndex(of: "T"),
      let zone = text[clock...].firstIndex(where: { $0 == "Z" || $0 == "+" || $0 == "-" })
    else { return nil }
    let parts = text[..<zone].split(separator: ".", maxSplits: 1)
    guard let second = parts.first, let whole = try? Date("\(second)\(text[zone...])", strategy: .iso8601) else {
      return nil
    }
    return whole.addingTimeInterval(parts.count > 1 ? Double("0.\(parts[1])") ?? 0 : 0)
  }
}

extension FoundContainer {
  /// Takes what `docker inspect` shows of a container.
  public init(inspected json: JSON) {
    let seen = Inspection(json: json)
    func list(_ name: String) -> [String] { seen.label(name).split(separator: ",").map(String.init) }
    let directory = seen.label("project.working_dir")
    // What came by standard input only chose an image; Compose 1 named its files by their place in the directory.
    let files = list("project.config_files").filter { $0 != "-" }.map { Path.join(directory, $0) }
    let isCallable = !files.isEmpty && Path.isAbsolute(directory)
    self.init(
      id: seen.id, name: seen.name, service: seen.label("service"), state: seen.state, health: seen.health,
      hash: seen.label("config-hash"), reference: json["Config"]["Image"]?.string ?? "", image: seen.image,
      restarts: ["always", "unless-stopped"].contains(json["HostConfig"]["RestartPolicy"]["Name"]?.string ?? ""),
      call: isCallable
        ? Call(directory: directory, files: files, environmentFiles: list("project.environment_file")) : nil,
      volumes: seen.volumes)
  }
}
