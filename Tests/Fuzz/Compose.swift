import YAML

@testable import Core

extension Target {
  /// A Compose file, taken also for what Compose would have resolved it to, so that rules meet every shape.
  static let compose = Target("compose") { bytes in
    let source = ComposeSource(path: "s/compose.yaml", bytes: bytes)
    for document in (try? parse(bytes)) ?? [] { look(at: document, most: bytes.count + 2) }
    let words = text(bytes)
    _ = Blame.place(words, in: [source])
    _ = Blame.place("services.web.ports.0 must be a string", in: [source])
    _ = Placeholder.value(of: "TOKEN", in: [source])
    _ = PartialModel.model(of: [source])
    guard let document = source.document else { return }
    _ = References.all(in: document, file: "f")
    _ = References.includes(in: document)
    _ = References.valueFiles(in: document)
    _ = References.included(in: document)
    let model = JSON(document)
    for kind in [Subject.Kind.stack, .job] { judge(kind, model, source, words) }
    _ = ComposeModel(model).hostPaths
  }

  private static func look(at node: Node, most lines: Int) {
    let mark = node.start
    hold(mark.line >= 1 && mark.column >= 1 && mark.line <= lines, "a place lies in the text: \(mark) of \(lines)")
    let once = JSON(node).canonical
    hold(!once.isEmpty, "a value can be written: \(JSON(node))")
    guard let read = try? JSON(parsing: once) else {
      // Foundation reads no more than 512 levels, and YAML is taken up to 64.
      return hold(false, "what was written can be read: \(text(once))")
    }
    hold((try? JSON(parsing: read.canonical)) == read, "what was read stays the same: \(read)")
  }

  private static func judge(_ kind: Subject.Kind, _ model: JSON, _ source: ComposeSource, _ words: String) {
    let subject = Subject(
      stack: "s", kind: kind, model: model, sources: [source],
      paths: HostPaths(liveRoot: "/live", checkout: "/live/clup", stacks: ["s": "s", "t": "t"]), policy: Policy(),
      today: "2026-01-01",
      present: Present(networks: [], volumes: [], images: []), environmentFiles: ["s/x.env": words])
    let excerpts = Excerpts(sources: [source])
    for finding in Rule.findings(in: subject) + Rule.findings(ofReadsIn: subject) {
      hold((finding.line ?? 1) > 0 && (finding.column ?? 1) > 0, "a finding has a place: \(finding)")
      hold(!finding.message.isEmpty && !finding.help.isEmpty, "a finding has words: \(finding)")
      _ = excerpts.lines(of: finding)
    }
    for (name, service) in subject.services {
      for mount in subject.mounts(of: name, service) where Path.isAbsolute(mount.source) {
        Place.hold(mount.source, subject, readOnly: mount.readOnly)
      }
    }
  }

  /// clup's own configuration, and the credentials in it.
  static let settings = Target("settings") { bytes in
    switch Settings.parse(bytes) {
    case .success(let settings):
      for path in [settings.liveRoot, settings.checkout] {
        hold(Path.isAbsolute(path) && Path.normalized(path) == path, "a place is absolute and normal: \(path)")
      }
      for source in settings.sources { _ = RepositoryURL(source.url)?.knownHostName }
      _ = settings.follow.concerns("refs/heads/main")
      _ = settings.follow.concerns("refs/tags/v1")
    case .failure(let problems):
      hold(!problems.all.isEmpty, "a refusal says why")
      for problem in problems.all { hold(problem.line >= 0 && !problem.message.isEmpty, "a problem has words") }
    }
  }

  /// Texts that are committed next to Compose files: Dockerfiles, files of values, keys, ciphertexts.
  static let files = Target("files") { bytes in
    let words = text(bytes)
    _ = Dockerfile(words, arguments: ["BASE": "debian", "UNKNOWN": nil])
    for image in Dockerfile(words, arguments: [:]).images {
      _ = image.mayBe(Image("registry.example.org/a/b:1"))
    }
    for name in ["f", "s/.env", "s/.env.example", "a.yaml", "README.md", "id_rsa"] {
      for finding in Rule.forbiddenContent(of: name, bytes) {
        hold((finding.line ?? 0) > 0 && !finding.message.isEmpty, "a finding has a place: \(finding)")
      }
    }
    _ = Ciphertext.kind(of: bytes)
    _ = References.values(in: words)
    _ = LargeFile.isPointer(bytes)
  }
}
