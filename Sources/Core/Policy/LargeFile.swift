/// Files that git cannot hand to a host as they are meant: those that Git LFS keeps elsewhere, and those of huge size.
public enum LargeFile {
  /// The most that a tracked file may hold that a stack uses, in bytes: libgit2 holds all of a file in memory.
  public static let mostBytes = 100 << 20
  /// The most that a pointer holds, in bytes; see docs/spec.md of Git LFS.
  public static let mostPointerBytes = 1024

  /// Returns whether these are the bytes of a pointer, which git keeps in the place of a file that Git LFS stores.
  public static func isPointer(_ bytes: [UInt8]) -> Bool {
    guard bytes.count <= mostPointerBytes else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    return ["https://git-lfs.github.com/spec/", "https://hawser.github.com/spec/"]
      .contains { text.hasPrefix("version \($0)") } && text.contains("\noid sha256:")
  }

  /// What a pointer says of the content that it stands for.
  public struct Pointer: Sendable, Hashable {
    /// The SHA-256 of the content, 64 hexadecimal digits.
    public let oid: String
    /// The number of bytes.
    public let size: Int

    /// Reads a pointer; nothing for one with more in it than version, id and size.
    public init?(_ bytes: [UInt8]) {
      guard bytes.count <= mostPointerBytes,
        let match = String(decoding: bytes, as: UTF8.self).wholeMatch(
          of:
            /version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/v1\noid sha256:([0-9a-f]{64})\nsize ([0-9]{1,15})\n?/
        ), let size = Int(match.2)
      else { return nil }
      (oid, self.size) = (String(match.1), size)
    }

    /// The pointer as Git LFS writes it.
    public var text: String { "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize \(size)\n" }
  }

  /// Returns why the content behind these bytes of a pointer is not fetched; nothing where it is.
  public static func refusal(of bytes: [UInt8], _ path: String, isInSubmodule: Bool) -> CommitTree.Refusal? {
    func refusal(_ why: String, help: String) -> CommitTree.Refusal {
      CommitTree.Refusal("\(path) is kept by Git LFS and cannot be fetched: \(why)", help: help)
    }
    guard let pointer = Pointer(bytes) else {
      return refusal(
        "its pointer is not just an id and a size",
        help: "write the pointer again: `git add --renormalize \(path)`")
    }
    if isInSubmodule { return refusal("it lies in a submodule", help: "put the file itself into git there") }
    if pointer.size <= mostBytes { return nil }
    return refusal(
      "it has \(pointer.size.byteSize), and a file that a stack uses has at most \(mostBytes.byteSize)",
      help: "keep it on the host outside of the repository and mount it from there, or put it into an image")
  }

  /// Reports that git holds only a pointer of a file, and why its content is not fetched where the host wants it to be.
  public static func pointer(_ path: String, stack: String?, _ refusal: CommitTree.Refusal? = nil) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message: refusal?.message
        ?? "\(path) is kept by Git LFS: git holds only a pointer, and a container would get that text",
      help: refusal?.help
        ?? "have clup fetch it with `git: {lfs: true}` in clup.yaml, put the file itself into git "
        + "(`git lfs migrate export --include=\(path)`), or keep it on the host outside of the repository and mount it "
        + "from there")
  }

  /// Reports that a file is too large to be brought to a host.
  public static func tooLarge(_ path: String, _ size: Int, stack: String?) -> Diagnostic {
    Diagnostic(
      rule: "forbidden-file", file: path, stack: stack,
      message:
        "\(path) has \(size.byteSize); a file of the repository that a stack uses has at most \(mostBytes.byteSize)",
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
