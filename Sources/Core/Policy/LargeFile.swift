/// Files that git cannot hand to a host as they are meant: those that Git LFS keeps elsewhere, and those of huge size.
public enum LargeFile {
  /// The most that a tracked file may hold that a stack uses, in bytes: libgit2 holds all of a file in memory.
  public static let mostBytes = 100 << 20
  /// The most that a pointer holds, in bytes; see docs/spec.md of Git LFS.
  public static let mostPointerBytes = 1024

  /// Says whether these are the bytes of a pointer, which git keeps in the place of a file that Git LFS stores.
  public static func isPointer(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= mostPointerBytes else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    return ["https://git-lfs.github.com/spec/", "https://hawser.github.com/spec/"]
      .contains { text.hasPrefix("version \($0)") } && text.contains("\noid sha256:")
  }

  /// Says that git holds only a pointer of a file.
  public static func pointer(_ path: String, stack: String?) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message: "\(path) is kept by Git LFS: git holds only a pointer, and a container would get that text",
      help:
        "put the file itself into git (`git lfs migrate export --include=\(path)`), or keep it on the host outside of "
        + "the repository and mount it from there")
  }

  /// Says that a file is too large to be brought to a host.
  public static func tooLarge(_ path: String, _ size: Int, stack: String?) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message: "\(path) has \(size) bytes; a file of the repository that a stack uses has at most \(mostBytes)",
      help: "keep it on the host outside of the repository and mount it from there, or put it into an image",
      isFinal: true)
  }
}

extension TrackedPath {
  /// Stands for the id of a file in a work tree of which a commit would hold a pointer of Git LFS.
  public static let keptByLFS = "work tree, kept by Git LFS"
}

extension Diagnostic {
  /// The same, which leaves nothing to deploy, whatever the host says of its rule.
  public var asFinal: Diagnostic {
    var finding = self
    finding.isFinal = true
    return finding
  }
}
