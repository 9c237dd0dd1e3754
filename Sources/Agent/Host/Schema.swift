import Core

/// Whether what lies in the checkout is of a kind that this version understands.
public enum Schema {
  /// Returns why a file cannot be read: whoever guessed at it would write over what it does not know.
  ///
  /// `known` is the schema of the document, or of each element where the document is a list; `lost` is what is forgotten without
  /// the file.
  public static func refusal(of file: String, _ bytes: [UInt8], knowing known: String, lost: String) -> Failure {
    if let json = try? JSON(parsing: bytes) {
      let schemas = ([json] + json.array).compactMap { $0["schema"]?.string }
      if let other = schemas.first(where: { $0 != known }) {
        return Failure(
          .configuration, "\(file) was written by another version of clup (\(other); this one knows \(known))",
          help: "install that version or a later one; the file was left as it is")
      }
    }
    return Failure(
      .configuration, "\(file) cannot be parsed; it was left as it is",
      help: "restore a copy of it; if there is none, move it aside: without it clup forgets \(lost)")
  }
}
