import Core
import Digests
import Git
import Glibc

/// Fetches the content of files that Git LFS keeps, by the program git-lfs, and checks it.
///
/// A pointer is the content's identity: what has another size or another SHA-256 is not stored.
struct LargeFileFetch: Sendable {
  let stored: StoredContent
  let access: Access

  private var settings: Settings { stored.settings }
  /// The most that one commit may need anew, in bytes: what pointers say of sizes is the repository's word.
  private static let mostBytes = 4 << 30

  /// Fetches what these pointers stand for, from the first place that has it.
  func fetch(_ files: [LargeFile.Pointer: [TrackedPath]], in tree: CommitTree) async throws(Failure) {
    let total = files.keys.reduce(0) { $0 + $1.size }
    guard total <= Self.mostBytes else {
      throw Failure(
        .refused,
        "the Git LFS files of this commit have \(total.byteSize) together; at most \(Self.mostBytes.byteSize) are fetched",
        help: "keep some of them on the host, outside the repository")
    }
    let path = stored.checkout.largeFiles
    let store = try StoredContent.open(path)
    var (missing, words): ([LargeFile.Pointer: [TrackedPath]], [String]) = (files, [])
    for source in settings.sources where !missing.isEmpty {
      let scratch = stored.checkout.scratch()
      try Files.makeDirectories(scratch, mode: 0o700)
      defer { Files.remove(scratch) }
      let program = LFSProgram(access: access, scratch: scratch)
      let answer = try await program.fetch(Array(missing.keys), from: source)
      if let answer { words.append("\(redacted(source.url)): \(answer)") }
      for (pointer, files) in missing {
        guard let file = try Self.checked(pointer, in: program.objects) else { continue }
        do throws(GitError) {
          let id = try await store.store(file)
          try await store.keep(id, as: pointer.oid, for: tree.commit)
          try await stored.mirror.include(path)
          stored.put(id, files, in: tree)
        } catch { throw Failure(error, settings: settings) }
        missing[pointer] = nil
      }
    }
    if !missing.isEmpty { throw failure(missing, words) }
  }

  private func failure(_ missing: [LargeFile.Pointer: [TrackedPath]], _ words: [String]) -> Failure {
    let lost = missing.flatMap { pointer, files in files.map { "\($0.path) (\(pointer.oid), \(pointer.size.byteSize))" }
    }
    .sorted()
    let more = lost.count > 3 ? " and \(lost.count - 3) more" : ""
    return Failure(
      .unreachable,
      "Git LFS cannot fetch the content of \(lost.prefix(3).joined(separator: ", "))\(more): "
        + (words.isEmpty ? "the server sent content with a different size or SHA-256" : words.joined(separator: "; ")),
      help: "upload it from a clone that has it (`git lfs push --all`), and check that this host may read it. "
        + "Only the repository's own server is asked: `.lfsconfig` has no effect")
  }

  /// Returns the file that was fetched for a pointer, where it is what the pointer says.
  private static func checked(_ pointer: LargeFile.Pointer, in directory: String) throws(Failure) -> String? {
    let oid = pointer.oid
    let path = "\(directory)/\(oid.prefix(2))/\(oid.dropFirst(2).prefix(2))/\(oid)"
    guard let found = Files.status(path), Files.isRegular(found), Int(found.st_size) == pointer.size else { return nil }
    let digest = SHA256()
    let step = 1 << 20
    for start in stride(from: 0, to: pointer.size, by: step) {
      guard let bytes = Files.read(path, limit: pointer.size, from: start, to: start + step) else { return nil }
      digest.update(bytes)
    }
    return digest.finish() == oid ? path : nil
  }
}
