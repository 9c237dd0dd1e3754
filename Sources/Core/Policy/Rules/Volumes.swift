extension Subject {
  /// Finds volumes that another stack, or another project on this host, has made for itself.
  var foreignVolumes: [Finding] {
    let own = model["name"]?.string ?? ""
    return (model["volumes"]?.object ?? [:]).sorted { $0.key < $1.key }.compactMap { key, volume in
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
      guard let maker = present?.volumeProjects[name], maker != own, !kept.contains(name) else { return nil }
      return finding("the project \(maker), which made it", [stack])
    }
  }

  /// Whoever removes a job's container by its name must not remove a stack's.
  var takenNames: [Finding] {
    guard kind == .job else { return [] }
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
          let other = others.sorted(by: { $0.key < $1.key }).first(where: { $0.value.containers.contains(name) })
        else { return nil }
        return Finding(
          service: service, place: place(service, ["container_name"]),
          message: "\(service) takes the container name \(name), which is \(other.key)'s",
          help: "leave `container_name` out of job files")
      }
  }
}
