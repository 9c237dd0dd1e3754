import Core
import Git

extension Resolve {
  /// Finds the mounts that keep the services of a model from their stack's directory. Where the host lets one of them write
  /// to it, all keep what they have.
  func covers(_ source: StackSource, _ model: JSON) -> [String: [CoverMount]] {
    let covers = model.covers(of: settings.liveForms(of: source.place.directory))
    let isLifted = covers.keys.contains { service in
      settings.policy.lifts("writable-live-path", of: service, in: source.name, today: today)
    }
    return isLifted ? [:] : covers
  }
}

extension Settings {
  /// The absolute paths of a live directory: as the configuration names it, and where that leads.
  func liveForms(of directory: String) -> Set<String> {
    Set([liveRoot, Files.resolved(liveRoot)].compactMap { $0 }.map { Path.join($0, directory) })
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
