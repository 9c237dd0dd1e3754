import Core
import Git
import YAML

/// Collects what a stack stands on before Compose is asked: its Compose files, what they name, and the host's own files.
struct Gather: Sendable {
  let view: View
  let observe: Observe

  /// Each tracked path with its id.
  private(set) var tracked: [String: String] = [:]
  /// Each of the host's own paths with the id of what stands there.
  private(set) var untracked: [String: String] = [:]
  /// The Compose files that were read.
  private(set) var sources: [ComposeSource] = []
  /// The tracked files of values and labels, by path.
  private(set) var environmentFiles: [String: String] = [:]
  private var read: Set<String> = []

  init(view: View, observe: Observe) {
    self.view = view
    self.observe = observe
  }

  /// A file that cannot be taken, with the place and the way out.
  struct Refusal: Sendable {
    let path: String
    let mark: Mark?
    let message: String
    let help: String
  }

  /// Shows a path to Compose and remembers that the stack stands on it.
  mutating func note(_ path: String) async throws(Failure) {
    if tracked[path] != nil { return }
    tracked[path] = view.tree.fingerprint(path)
    if try await view.show(path) == .tracked { return }
    untracked[path] = observe.untracked(path)
  }

  /// Takes a path that only the resolved model names.
  mutating func depend(on path: String) async throws(Failure) {
    try await view.export(path)
    tracked[path] = view.tree.fingerprint(path)
  }

  /// Reads Compose files and, through `include` and `extends`, those that they name.
  mutating func read(_ paths: [String]) async throws(Failure) -> Refusal? {
    var queue = paths
    while !queue.isEmpty {
      let path = queue.removeFirst()
      guard let entry = view.tree[path], entry.kind == .file || entry.kind == .executable, read.insert(path).inserted
      else { continue }
      let bytes: [UInt8]
      do throws(Failure) { bytes = try await view.tracked.contents(of: entry, limit: 1 << 20) } catch {
        guard error.kind == .refused else { throw error }
        return Refusal(
          path: path, mark: nil, message: "\(path) cannot be read as a Compose file: \(error.message)",
          help: "split it with `include`")
      }
      let texts = ComposeSource.documents(path: path, bytes: bytes)
      sources += texts
      if let error = texts.first?.error, error.kind == .encoding || error.kind == .tooLarge {
        return Refusal(
          path: path, mark: error.mark, message: "\(path) cannot be read as a Compose file: \(error.message)",
          help: error.kind == .encoding
            ? "commit it as UTF-8 text" : "make it smaller and flatter; `include` may split it")
      }
      for document in texts.compactMap(\.document) {
        for (reference, _) in References.paths(in: document) {
          if let target = inside(Path.join(Path.parent(path), reference)) { try await note(target) }
        }
        for reference in References.composeFiles(in: document) {
          if let target = inside(Path.join(Path.parent(path), reference)) { queue.append(target) }
        }
        try await readEnvironmentFiles(of: document, beside: path)
      }
    }
    return nil
  }

  private mutating func readEnvironmentFiles(of document: Node, beside path: String) async throws(Failure) {
    let compose = Set(References.composeFiles(in: document))
    for (name, _) in References.paths(in: document) where !compose.contains(name) {
      guard let target = inside(Path.join(Path.parent(path), name)), let entry = view.tree[target],
        entry.kind == .file || entry.kind == .executable
      else { continue }
      let bytes = try await view.tracked.contents(of: entry, limit: 1 << 20)
      environmentFiles[target] = String(decoding: bytes, as: UTF8.self)
    }
  }

  private func inside(_ path: String) -> String? {
    path.hasPrefix("/") ? view.relative(path) : (path.hasPrefix("..") ? nil : path)
  }
}
