import Core
import Git

/// Where the content of tracked files comes from: a commit, or a work tree that somebody is editing.
enum Tracked: Sendable {
  /// A commit in the mirror, whose files are exported to an unfinished release as they are needed.
  case commit(Mirror, stage: String)
  /// A directory.
  case workTree(String)

  var root: String {
    switch self {
    case .commit(_, let stage): stage
    case .workTree(let directory): directory
    }
  }

  /// Reads a file, or the text of a symbolic link.
  func contents(of entry: TrackedPath, limit: Int) async throws(Failure) -> [UInt8] {
    switch self {
    case .commit(let mirror, _):
      do throws(GitError) { return try await mirror.contents(of: entry.id, limit: limit) } catch {
        if error.kind == .tooLarge { throw Failure.tooLarge(entry.path, try await size(of: entry), limit: limit) }
        throw Self.damaged(error)
      }
    case .workTree(let directory):
      let path = Path.join(directory, entry.path)
      if entry.kind == .symlink { return Array((Files.link(at: path) ?? "").utf8) }
      guard let bytes = Files.read(path, limit: limit) else {
        let size = try await size(of: entry)
        if size > limit { throw Failure.tooLarge(entry.path, size, limit: limit) }
        throw Failure(.refused, "\(path) cannot be read", help: "check that the user who runs clup may read it")
      }
      return bytes
    }
  }

  private static func damaged(_ error: GitError) -> Failure {
    Failure(.host, error.message, help: "remove the mirror (`repo.git` in the checkout), and sync again")
  }

  /// Reads a file of at most 1 MiB; nothing for a larger one, which is no text that a person wrote.
  func smallContents(of entry: TrackedPath) async throws(Failure) -> [UInt8]? {
    do throws(Failure) { return try await contents(of: entry, limit: 1 << 20) } catch {
      if error.kind == .refused { return nil }
      throw error
    }
  }

  /// Returns the size of a file without reading it.
  func size(of entry: TrackedPath) async throws(Failure) -> Int {
    switch self {
    case .commit(let mirror, _):
      do throws(GitError) { return try await mirror.size(of: entry.id) } catch { throw Self.damaged(error) }
    case .workTree(let directory): return Files.status(Path.join(directory, entry.path)).map { Int($0.st_size) } ?? 0
    }
  }

  /// Makes sure that the files stand below `root`; those that are too large are left out, which `LargeFiles` refuses.
  func export(_ files: some Sequence<TrackedPath>) async throws(Failure) {
    guard case .commit(let mirror, let stage) = self else { return }
    let entries = files.compactMap { file -> TreeEntry? in
      guard Files.status("\(stage)/\(file.path)") == nil else { return nil }
      switch file.kind {
      case .file: return TreeEntry(path: file.path, kind: .file, id: file.id)
      case .executable: return TreeEntry(path: file.path, kind: .executable, id: file.id)
      default: return nil
      }
    }
    guard !entries.isEmpty else { return }
    do throws(GitError) {
      try await mirror.export(entries, to: stage, limit: LargeFile.mostBytes)
    } catch {
      throw Failure(
        .host, error.message, help: "check that \(stage) can be written and has room, and sync again",
        outage: error.kind == .full || Files.isFull(stage) ? .disk : nil)
    }
  }
}
