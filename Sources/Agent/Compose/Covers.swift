import Core
import Git

extension Resolve {
  /// Finds the mounts that keep the services of a model from their stack's directory. A service that the host lets write to
  /// it keeps what it has.
  func covers(_ source: StackSource, _ model: JSON) -> [String: [CoverMount]] {
    let roots = [settings.liveRoot, Files.resolved(settings.liveRoot)].compactMap { $0 }
    return model.covers(of: Set(roots.map { Path.join($0, source.place.directory) })).filter { service, _ in
      !settings.policy.lifts("writable-live-path", of: service, in: source.name, today: today)
    }
  }
}

extension DesiredService {
  /// The same service with its covers; `resolved` is the service as Compose will run it.
  func covered(by covers: [CoverMount]?, _ resolved: JSON?) -> DesiredService {
    guard let covers, let volumes = resolved?["volumes"] else { return self }
    var service = self
    service.covers = covers
    service.fields["volumes"] = blobID(of: volumes.canonical)
    return service
  }
}
