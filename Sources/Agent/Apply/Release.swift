import Core
import Glibc

/// Turns the staged files into the release of a commit, closed against writing: a container could reach it by a link.
struct Release: Sendable {
  let checkout: Checkout
  let snapshot: CommitSnapshot
  var contexts = Contexts()

  /// The directories that images are built from. A build takes their modes over, and what it builds may have to write
  /// there; what a container mounts of them is closed all the same.
  struct Contexts: Sendable {
    var built: Set<String> = []
    var mounted: Set<String> = []

    func mode(of path: String) -> mode_t {
      let isMounted = mounted.contains { Path.relative(path, to: $0) != nil }
      return !isMounted && built.contains { Path.relative(path, to: $0) != nil } ? 0o755 : 0o555
    }
  }

  /// Adds what every stack and link needs, then gives the release its name; adds to one that is there already.
  func complete(_ paths: Set<String>) async throws(Failure) {
    let (tree, stage) = (snapshot.tree, snapshot.stage)
    try await snapshot.view.bring(Array(paths))
    try await snapshot.tracked.export(Set(paths.flatMap { tree.files(under: $0) }))
    let release = "\(checkout.releases)/\(tree.commit)"
    if Files.status(release) == nil {
      for name in Files.names(in: stage) { close("\(stage)/\(name)", name) }
      Files.flush(stage)
      if rename(stage, release) == 0 {
        chmod(release, 0o555)
        Files.flush(release)
        Files.flush(checkout.releases)
      } else if Files.status(release) == nil {
        throw Files.failure("cannot name \(release)")
      } else {
        // Another sync was faster.
        try merge(stage, into: release, ".")
      }
    } else {
      try merge(stage, into: release, ".")
    }
    // The views lead through the stage, and Compose still pulls by one of them.
    Files.remove(stage)
    guard symlink(release, stage) == 0 else { throw Files.failure("cannot link \(stage)") }
  }

  /// A file that was damaged since is replaced by the one of the commit.
  private func same(_ one: String, _ other: String) -> Bool {
    guard let left = Files.read(one, limit: .max), let right = Files.read(other, limit: .max) else { return false }
    return left == right
  }

  private func close(_ directory: String, _ path: String) {
    guard let found = Files.status(directory), Files.isDirectory(found) else { return }
    for name in Files.names(in: directory) { close("\(directory)/\(name)", Path.join(path, name)) }
    chmod(directory, contexts.mode(of: path))
    Files.flush(directory)
  }

  private func merge(_ directory: String, into release: String, _ path: String) throws(Failure) {
    try Files.makeDirectories(release)
    // Root needs no right for it.
    if geteuid() != 0 { chmod(release, 0o755) }
    for name in Files.names(in: directory) {
      let (from, to) = ("\(directory)/\(name)", "\(release)/\(name)")
      if Files.status(from).map(Files.isDirectory) ?? false {
        try merge(from, into: to, Path.join(path, name))
      } else if !same(from, to), rename(from, to) != 0 {
        throw Files.failure("cannot write \(to)")
      }
    }
    chmod(release, contexts.mode(of: path))
    Files.flush(release)
  }
}
