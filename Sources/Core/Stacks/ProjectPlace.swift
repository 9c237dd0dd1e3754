/// Where a stack's Compose project lies, and the Compose files that are named to Compose there.
public struct ProjectPlace: Codable, Sendable, Hashable {
  /// The project directory, relative to the live root; `.` for the root itself.
  public let directory: String
  /// The Compose files, relative to the directory, each laid over those before it; none where Compose looks for the names
  /// that it knows.
  public let files: [String]

  /// Names files in a directory.
  public init(directory: String, files: [String] = []) {
    (self.directory, self.files) = (directory, files)
  }

  /// The options that bring Compose to the files when it runs in the directory.
  public var options: [String] { files.flatMap { ["-f", $0] } }
}

extension Deployment {
  /// Where the project lies of a stack with this name.
  public func place(of name: String) -> ProjectPlace { layout ?? ProjectPlace(directory: name) }

  /// The first Compose file of a stack with this name, relative to the live root.
  public func composeFile(of name: String) -> String {
    let place = place(of: name)
    let names = place.files.isEmpty ? ComposeFileName.main : place.files
    let paths = names.map { Path.join(place.directory, $0) }
    return paths.first { tracked[$0].map { $0 != Fingerprint.absent } ?? false } ?? paths[0]
  }
}

extension DesiredStack {
  /// Where the project lies.
  public var place: ProjectPlace { layout ?? ProjectPlace(directory: name) }
}

extension String {
  /// The project name that Compose makes of the name of a directory or a file: small letters, digits, `-` and `_`.
  var asProjectName: String {
    let kept = lowercased().filter { "abcdefghijklmnopqrstuvwxyz0123456789-_".contains($0) }
    return String(kept.drop { $0 == "-" || $0 == "_" })
  }
}
