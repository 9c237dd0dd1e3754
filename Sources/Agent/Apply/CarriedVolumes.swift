import Core
import Engine

extension Up {
  /// Has Compose hand volumes without a name on to the next containers of services: it takes them from the container that it
  /// replaces, so one that is never started stands there with them. Volumes that are gone are not missed.
  func carry(
    _ carried: [CarriedVolumes], but kept: Set<String>, of stack: DesiredStack
  ) async throws(Failure) {
    if carried.isEmpty { return }
    let (listed, present) = try await programs.ask { engine throws(EngineError) in
      (
        try await engine.containers(labels: [ComposeLabel.of(stack.project)]),
        Set(try await engine.volumes().map(\.name))
      )
    }
    for one in carried {
      let volumes = one.volumes.volumes.filter { present.contains($0.value) }
      if volumes.isEmpty { continue }
      let standing = listed.first { container in
        Container(container).map { $0.service == one.service && $0.number == one.volumes.number } ?? false
      }
      if let standing {
        if kept.contains(standing.id) || volumes.allSatisfy({ standing.volumes[$0.key] == $0.value }) { continue }
        try await remove([standing.id])
      }
      try await hold(volumes, one, of: stack)
    }
  }

  private func hold(
    _ volumes: [String: String], _ one: CarriedVolumes, of stack: DesiredStack
  ) async throws(Failure) {
    guard let image = stack.images[one.service] ?? stack.references[one.service] else { return }
    let labels = [
      ComposeLabel.project: stack.project, ComposeLabel.service: one.service,
      ComposeLabel.number: String(one.volumes.number), ComposeLabel.oneOff: "False",
      ComposeLabel.directory: live(stack),
      // Without it Compose takes the container for none of its own; no configuration has this hash.
      ComposeLabel.hash: "",
    ]
    let name = "\(stack.project)-\(one.service)-\(one.volumes.number)-volumes"
    try await programs.ask { engine throws(EngineError) in
      try await engine.create(name, image: image, labels: labels, volumes: volumes)
    }
  }
}
