import Core
import Engine

/// The images that the engine has.
struct Images: Sendable {
  let programs: Programs

  /// Returns the id behind each reference, `Fingerprint.absent` for what the engine does not have.
  func ids(of references: some Sequence<String>) async throws(Failure) -> [String: String] {
    let names = Set(references).subtracting([""]).sorted()
    let ids = try await each(names, atOnce: 8) { name throws(Failure) in
      try await programs.ask { engine throws(EngineError) in try await engine.imageID(of: name) } ?? Fingerprint.absent
    }
    return Dictionary(zip(names, ids)) { first, _ in first }
  }
}

extension DesiredStack {
  /// The references of its images, as the engine knows them; Compose names what is only built by project and service.
  var references: [String: String] {
    Dictionary(services.map { ($0.name, $0.image.isEmpty ? "\(project)-\($0.name)" : $0.image) }) { first, _ in first }
  }
}
