import Core

/// The images that the engine has.
struct Images: Sendable {
  let programs: Programs

  /// Gives the id behind each reference, `Fingerprint.absent` for what the engine does not have.
  func ids(of references: some Sequence<String>) async throws(Failure) -> [String: String] {
    let names = Set(references).subtracting([""]).sorted()
    if names.isEmpty { return [:] }
    // One call does for what is all there; what is missing would leave gaps in the answer.
    if let ids = try await inspect(names) { return Dictionary(zip(names, ids)) { first, _ in first } }
    var found: [String: String] = [:]
    for name in names { found[name] = try await inspect([name], mayFail: false)?.first ?? Fingerprint.absent }
    return found
  }

  /// Gives the id of the image of each container.
  func ids(ofContainers ids: [String]) async throws(Failure) -> [String: String] {
    if ids.isEmpty { return [:] }
    let outcome = try await programs.docker(
      ["inspect", "--type", "container", "--format", "{{.Id}} {{.Image}}"] + ids)
    let pairs = outcome.outputText.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return Dictionary(pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { first, _ in first }
  }

  private func inspect(_ names: [String], mayFail: Bool = true) async throws(Failure) -> [String]? {
    let outcome = try await programs.docker(["image", "inspect", "--format", "{{.Id}}"] + names)
    let ids = outcome.outputText.split(separator: "\n").map(String.init)
    if outcome.succeeded, ids.count == names.count { return ids }
    // An engine that does not answer is no engine without the image.
    let said = outcome.errorText.lowercased()
    if !mayFail, !["no such image", "no such object", "invalid reference"].contains(where: said.contains) {
      throw Failure(
        .host, "Docker Engine does not tell its images: \(outcome.errorText.firstLine)",
        help: "see whether it answers: `docker images`")
    }
    return nil
  }
}

extension DesiredStack {
  /// The references of its images, as the engine knows them; Compose names what is only built by project and service.
  var references: [String: String] {
    Dictionary(services.map { ($0.name, $0.image.isEmpty ? "\(project)-\($0.name)" : $0.image) }) { first, _ in first }
  }
}
