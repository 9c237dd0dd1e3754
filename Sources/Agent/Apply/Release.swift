import Core
import Glibc

/// Turns the staged files into the release of a commit.
struct Release: Sendable {
  let checkout: Checkout
  let look: Look

  /// Adds what every stack and link needs, then gives the release its name; adds to one that is there already.
  func complete(_ paths: Set<String>) async throws(Failure) {
    let (tree, stage) = (look.tree, look.stage)
    try await look.tracked.export(Set(paths.flatMap { tree.files(under: $0) }))
    let release = "\(checkout.releases)/\(tree.commit)"
    if Files.status(release) == nil {
      flush(stage)
      guard rename(stage, release) == 0 else { throw Files.failure("cannot name \(release)") }
      Files.flush(checkout.releases)
    } else {
      try merge(stage, into: release)
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

  private func flush(_ directory: String) {
    for name in Files.names(in: directory) {
      let path = "\(directory)/\(name)"
      if Files.status(path).map(Files.isDirectory) ?? false { flush(path) }
    }
    Files.flush(directory)
  }

  private func merge(_ directory: String, into release: String) throws(Failure) {
    try Files.makeDirectories(release)
    for name in Files.names(in: directory) {
      let (from, to) = ("\(directory)/\(name)", "\(release)/\(name)")
      if Files.status(from).map(Files.isDirectory) ?? false {
        try merge(from, into: to)
      } else if !same(from, to), rename(from, to) != 0 {
        throw Files.failure("cannot write \(to)")
      }
    }
    Files.flush(release)
  }
}
