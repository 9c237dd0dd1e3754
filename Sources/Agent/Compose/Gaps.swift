import Core
import YAML

/// What Compose reads and a plain work tree does not have, or does not say which of its files it is.
extension Resolve {
  /// Tells the files that only a host has or can name: what is in them was not checked. `unknown` are the variables without a
  /// value.
  func gaps(_ name: String, _ gather: ComposeSources, unknown: Set<String>) -> [Diagnostic] {
    let open = openPaths(gather, unknown: unknown)
    let lacking = gather.sources.flatMap { source -> [Diagnostic] in
      guard let document = source.document else { return [] }
      let texts = Set(open.filter { $0.place.path == source.path }.map(\.text))
      let (values, included) = (References.valueFiles(in: document), References.included(in: document))
      return gaps(values.filter { !texts.contains($0.text) }, in: source.path, of: name, gather) {
        "\($0) from `\($1)`, which \(isOfHost($1) ? "only a host has" : "git does not have"): they were not checked"
      }
        + gaps(included.filter { !texts.contains($0.text) }, in: source.path, of: name, gather) {
          "\(name) includes `\($1)`, which git does not have: what it adds was not checked"
        }
    }
    return lacking + Self.choices(open, name)
  }

  /// A path that leads to one tracked file on one host and to another one elsewhere.
  struct OpenPath: Sendable {
    let variable: String
    let text: String
    let place: Place

    /// How to have it checked.
    var way: String { "give \(variable) with `--env-file FILE` or `--live-root DIR`" }
  }

  /// Finds the paths that a variable without a value leads to several files of the repository, or to one.
  func openPaths(_ gather: ComposeSources, unknown: Set<String>) -> [OpenPath] {
    if knowsHost { return [] }
    let usedFiles = UsedFiles(view.tree, liveRoot: settings.liveRoot)
    var seen: Set<String> = []
    return gather.sources.flatMap { source in
      References.all(in: source.document, file: source.path).compactMap { reference -> OpenPath? in
        let (text, variables) = (reference.text, Variables.withoutDefault(in: reference.text))
        guard let variable = variables.first(where: unknown.contains), gather.path(of: text, in: source.path) == nil,
          !usedFiles.candidates(for: text, base: Path.parent(source.path)).isEmpty,
          seen.insert("\(source.path)\n\(text)").inserted
        else { return nil }
        return OpenPath(variable: variable, text: text, place: (source.path, reference.mark))
      }
    }
  }

  /// Tells once for each variable which files it chooses among.
  private static func choices(_ open: [OpenPath], _ name: String) -> [Diagnostic] {
    Dictionary(grouping: open, by: \.variable).sorted { $0.key < $1.key }.map { variable, paths in
      let (first, more) = (paths[0], paths.count - 1)
      let what = more == 0 ? "" : " and \(more) more \(more == 1 ? "path" : "paths")"
      return Diagnostic(
        rule: "unset-variable", severity: .warning, at: first.place, stack: name,
        message:
          "only a host knows \(variable), and with it which tracked \(more == 0 ? "file" : "files") `\(first.text)`"
          + "\(what) \(more == 0 ? "leads" : "lead") to: what is in \(more == 0 ? "it" : "them") was not checked",
        help: first.way)
    }
  }

  /// Tells each file once, whoever takes values from it.
  private func gaps(
    _ files: [References.ValueFile], in path: String, of name: String, _ gather: ComposeSources,
    _ message: (_ takers: String, String) -> String
  ) -> [Diagnostic] {
    let lacking = files.filter { isGap($0.text, beside: path, gather) }
    var told: Set<String> = []
    return lacking.filter { told.insert($0.text).inserted }.map { file in
      let services = lacking.filter { $0.text == file.text }.compactMap(\.service)
      let takers = services.isEmpty ? name : services.listed(2)
      return Diagnostic(
        rule: "unset-variable", severity: knowsHost ? .error : .warning, at: (path, file.mark), stack: name,
        service: services.count == 1 ? services.first : nil,
        message: knowsHost
          ? "`\(file.text)` is not there, and Compose cannot resolve \(name) without it"
          : message("\(takers) \(services.count > 1 ? "take" : "takes") values", file.text),
        help: help(forLacking: file.text, beside: path, gather), isFinal: knowsHost)
    }
  }

  /// Returns where the host has to have a file.
  private func help(forLacking text: String, beside file: String, _ gather: ComposeSources) -> String {
    if isOfHost(text) {
      return "have it on the host before the sync, below the live root or a directory of `policy: {bind_roots: […]}`"
    }
    let path = place(of: text, beside: file, gather)
    guard let path, let relative = view.relative(path) else {
      return "have it on the host before the sync, or commit it"
    }
    let place = knowsHost || knowsSettings ? "at \(path)" : "as \(relative) below the live root"
    return "have it on the host before the sync, \(place)" + (view.isProtected(relative) ? "" : "; or commit it")
  }

  /// Whether a path can be no file of the repository.
  private func isOfHost(_ text: String) -> Bool {
    let path = text.withDefaults
    return Path.isAbsolute(path) && view.relative(path) == nil
  }

  /// Returns the absolute path that a text of a Compose file comes to; nothing where nobody knows its variables.
  private func place(of text: String, beside file: String, _ gather: ComposeSources) -> String? {
    if let known = gather.path(of: text, in: file) { return known }
    let references = text.split(separator: "$", omittingEmptySubsequences: false).count - 1
    if references > text.defaults.count { return nil }
    return Path.join(Path.join(settings.liveRoot, Path.parent(file)), text.withDefaults)
  }

  /// Whether a file that a text of a Compose file names is neither tracked nor on the host.
  func isGap(_ text: String, beside file: String, _ gather: ComposeSources) -> Bool {
    // What the host's own values make of it, Compose knows.
    guard let path = place(of: text, beside: file, gather) else { return !knowsHost }
    if Reference.isRemote(path) { return false }
    if let relative = view.relative(path), let entry = view.tree[relative] { return entry.kind == .directory }
    return Files.status(path) == nil
  }
}
