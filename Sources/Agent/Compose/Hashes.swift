import Core

extension Programs {
  /// Returns the hash that Compose will write on the containers of each service of a resolved model; what it says where it
  /// refuses the model. A hash only tells whose a container is: what changed is decided by the model itself.
  ///
  /// Of a stack's own files, versions of Compose before 5.5 give the hash without what stands in an `env_file`; containers
  /// carry that of the model. `isThere` says of a label file whether it stands at its place as it will: Compose reads it
  /// again, although the model has its labels already. Without it the hash is another than the containers will carry.
  func hashes(
    of model: JSON, project: String, directory: String, in workingDirectory: String,
    isThere: (String) -> Bool = { _ in true }
  ) async throws(Failure) -> (found: [String: String], refusal: String?) {
    let outcome = try await compose(
      [
        "-p", project, "--project-directory", directory, "-f", "-", "--profile", "*", "config", "--hash", "*",
      ],
      in: workingDirectory, input: model.withoutLabelFiles(unless: isThere).canonical)
    guard outcome.succeeded else { return ([:], outcome.errorText) }
    let lines = outcome.outputText.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    return (Dictionary(lines.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { first, _ in first }, nil)
  }
}

extension JSON {
  /// Returns a resolved model without the label files of services that have one which is not there.
  fileprivate func withoutLabelFiles(unless isThere: (String) -> Bool) -> JSON {
    changing("services") { services in
      services = services.mapValues { service in
        let files = service["label_file"]?.unescaped
        let paths = files?.string.map { [$0] } ?? files.strings
        return paths.allSatisfy(isThere) ? service : .object(service.object.filter { $0.key != "label_file" })
      }
    }
  }
}
