import Core
import Git
import YAML

/// Collects what a stack stands on before Compose is asked: its Compose files, what they name, and the host's own files.
struct ComposeSources: Sendable {
  let view: ProjectOverlay
  let observe: Observe

  /// Each tracked path with its id.
  private(set) var tracked: [String: String] = [:]
  /// Each of the host's own paths with the id of what stands there.
  private(set) var untracked: [String: String] = [:]
  /// The Compose files that were read.
  private(set) var sources: [ComposeSource] = []
  /// The tracked files of values and labels, by path.
  private(set) var environmentFiles: [String: String] = [:]
  /// What the Compose files name.
  private(set) var references: [Reference] = []
  private(set) var read: Set<String> = []
  private static let mostFiles = 200
  /// The home directory of whoever runs Compose.
  let home: String
  /// The stack that it is about; nothing for a job file.
  var stack: StackSource?

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

  /// Takes a file of the host's own that only the resolved model names.
  mutating func depend(onHostFile path: String) { untracked[path] = observe.untracked(path) }

  /// Puts values in the place of variables as Compose would, in a directory and with further files of values; nothing for
  /// a text whose variables nobody knows.
  typealias Interpolate =
    @Sendable (
      _ texts: [String], _ directory: String, _ values: [String], _ project: String?
    ) async throws(Failure) -> [String?]

  /// Returns the absolute path that a text of a Compose file comes to; nothing where nobody knows the values of its variables.
  func path(of text: String, in file: String) -> String? {
    references.first { $0.file == file && $0.text == text && !$0.isImplied }?.path
  }

  /// A Compose file that is still to be read.
  private struct Waiting {
    let path: String
    /// The directory that its relative paths start from.
    let base: String
    /// The files of values that count for it beside the stack's own, the strongest last.
    var values: [String] = []
  }

  /// Reads Compose files and, through `include` and `extends`, those that they name; gives what is wrong with one that
  /// cannot be taken.
  mutating func read(_ paths: [String], in directory: String, _ interpolate: Interpolate) async throws(Failure)
    -> Diagnostic?
  {
    var queue = paths.map { Waiting(path: $0, base: directory) }
    while !queue.isEmpty {
      let file = queue.removeFirst()
      try await view.bring([file.path])
      guard let entry = view.tree[file.path], entry.isRegular,
        read.insert("\(file.path)\n\(file.base)\n\(file.values)").inserted
      else { continue }
      if read.count > Self.mostFiles {
        return Self.refusal(
          paths.first ?? directory, nil, "its Compose files include one another more than \(Self.mostFiles) times",
          "include each file once")
      }
      let bytes: [UInt8]
      do throws(Failure) { bytes = try await view.tracked.contents(of: entry, limit: 1 << 20) } catch {
        guard error.kind == .refused else { throw error }
        return Self.refusal(
          file.path, nil, error.message, error.tooLarge == nil ? error.help : "split it with `include`")
      }
      let texts = ComposeSource.documents(path: file.path, bytes: bytes)
      sources += texts
      if let error = texts.first?.error, error.kind == .encoding || error.kind == .tooLarge {
        return Self.refusal(
          file.path, error.mark, "\(file.path) cannot be read as a Compose file: \(error.message)",
          error.kind == .encoding
            ? "commit it as UTF-8 text" : "make it smaller and flatter; `include` may split it")
      }
      for document in texts.compactMap(\.document) {
        if let refusal = try await obscured(document, of: file) { return refusal }
        queue += try await follow(document, of: file, directory, interpolate)
      }
    }
    return nil
  }

  /// Refuses a path that is made of values which are made of others: Compose knows those of the project by then, and nobody else
  /// can say what comes of it.
  private mutating func obscured(_ document: Node, of file: Waiting) async throws(Failure) -> Diagnostic? {
    let references = References.all(in: document, file: file.path)
    let includes = References.includes(in: document)
    let mark =
      references.first { $0.text.contains("$") }?.mark
      ?? includes.first { $0.texts.contains { $0.contains("$") } }?.mark
    guard let mark else { return nil }
    for path in file.values where try await view.show(path) != .absent {
      guard let text = Files.text(Path.join(view.root, path)), text.contains("$") else { continue }
      return Diagnostic(
        rule: "host-path", at: (file.path, mark), stack: nil,
        message:
          "a path here contains a variable, and \(path), which gives the values for this file, uses variables itself",
        help: "write the path without a variable, or the values in \(path) without `$`", isFinal: true)
    }
    return nil
  }

  private static func refusal(_ path: String, _ mark: Mark?, _ message: String, _ help: String) -> Diagnostic {
    Diagnostic(rule: "compose", at: (path, mark), stack: nil, message: message, help: help, isFinal: true)
  }

  /// Notes what one document names, and gives the Compose files among it.
  private mutating func follow(
    _ document: Node, of file: Waiting, _ directory: String, _ interpolate: Interpolate
  ) async throws(Failure) -> [Waiting] {
    let found = References.all(in: document, file: file.path)
    let includes = References.includes(in: document)
    let variable = Set((found.map(\.text) + includes.flatMap(\.texts)).filter { $0.contains("$") }).sorted()
    let project = sources.lazy.compactMap { $0.document?["name"]?.string }.first ?? stack?.project
    var known: [String: String] = [:]
    if !variable.isEmpty {
      for (text, value) in zip(variable, try await interpolate(variable, directory, file.values, project)) {
        known[text] = value
      }
    }
    func place(_ text: String) -> String? {
      (text.contains("$") ? known[text] : text).map { absolute($0, file.base) }
    }
    var waiting: [Waiting] = []
    for var reference in found {
      guard let path = place(reference.text) else { continue }
      reference.path = path
      references.append(reference)
      guard !reference.isRemote, let target = view.relative(path) else { continue }
      if reference.key == "extends" {
        waiting.append(Waiting(path: target, base: Path.parent(target), values: file.values))
      } else if !reference.isComposeFile {
        try await readValues(target)
      }
    }
    for item in includes {
      let files = item.files.compactMap(place)
      guard let first = files.first, !Reference.isRemote(first) else { continue }
      let own = item.directory.flatMap(place) ?? Path.parent(first)
      if let text = item.directory {
        references.append(
          Reference(key: "include.project_directory", text: text, file: file.path, mark: item.mark, path: own))
      }
      let values = item.values?.compactMap(place) ?? [Path.join(own, ".env")]
      if item.values == nil {
        // Compose takes an included file's values from next to it.
        references.append(
          Reference(key: "include", text: ".env", file: file.path, mark: item.mark, path: Path.join(own, ".env")))
      }
      for target in files.compactMap(view.relative) {
        waiting.append(
          Waiting(
            path: target, base: view.relative(own) ?? own, values: values.compactMap(view.relative) + file.values))
      }
    }
    return waiting
  }

  /// Returns the absolute path on the host that a text comes to, seen from a directory of the live root; a text that names
  /// something else than a path of the host as it is.
  private func absolute(_ text: String, _ base: String) -> String {
    if Reference.isRemote(text) { return text }
    // Compose takes whatever follows the sign from the home directory on.
    if text.utf8.first == UInt8(ascii: "~") { return Path.join(home, "./" + String(Substring(text.utf8.dropFirst()))) }
    return Path.join(Path.join(view.liveRoot, base), text)
  }

  /// Keeps the text of a tracked file of values, in which somebody may have written a secret.
  private mutating func readValues(_ path: String) async throws(Failure) {
    try await view.bring([path])
    guard let entry = view.tree[path], entry.isRegular else { return }
    let bytes = try await view.tracked.contents(of: entry, limit: 1 << 20)
    environmentFiles[path] = String(decoding: bytes, as: UTF8.self)
  }

  /// Shows Compose what its files name, once that was allowed.
  mutating func noteReferences() async throws(Failure) {
    try await view.bring(references.filter { !$0.isRemote }.compactMap { view.relative($0.path) })
    for reference in references where !reference.isRemote && reference.key != "include.project_directory" {
      guard let target = view.relative(reference.path) else {
        untracked[reference.path] = observe.untracked(reference.path)
        continue
      }
      if reference.key == "include.env_file" { _ = try await view.show(target, isNeeded: true) }
      try await note(target)
    }
  }
}
