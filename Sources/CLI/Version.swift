import CVersion

extension CLI {
  /// The version of the program, as the build was told.
  static let version = String(cString: clup_version())
}
