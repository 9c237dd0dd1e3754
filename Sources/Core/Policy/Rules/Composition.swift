import YAML

extension Rule {
  static let compose = Rule(
    id: "compose", summary: "a stack that `docker compose config` refuses",
    why:
      "A stack that Compose cannot read cannot be deployed. One broken stack refuses the whole commit, so that nothing is left between two states. No severity and no waiver lifts that: there is nothing to deploy. A template that nobody has filled in is refused as well.",
    fix: "Run `docker compose config` in the stack's directory and correct what it says.",
    bad: "services: {web: {imagee: nginx}}", good: #"services: {web: {image: "nginx:1.27"}}"#
  ) { subject in
    let own = Extension(subject.model["x-clup"]?.unescaped)
    let services = subject.model["services"].object.keys.sorted()
    let lost = own.probes.compactMap(\.service).filter { !services.contains($0) }
    return own.problems.map { problem in
      Finding(
        place: subject.place(topLevel: problem.keys), message: problem.message,
        help: "see `x-clup` in clup's README, or take it out")
    }
      + lost.map { name in
        return Finding(
          place: subject.place(topLevel: ["x-clup", "probes", "service"]),
          message:
            "a probe asks in \(name), which is not a service of the stack\(suggestion(for: name, among: services))",
          help: "name one of \(services.joined(separator: ", "))")
      } + subject.secondDocuments + subject.interpolatedProbes + subject.foreignProbes(own.probes)
      + subject.unfilledTemplates
  }

  static let unsetVariable = Rule(
    id: "unset-variable",
    summary: "a variable that neither the live `.env` nor a default gives, or a missing `env_file`",
    why:
      "Compose would put an empty text there and only warn: a password becomes empty, a path becomes `/`. In a plain work tree, without the host's values, files that only a host has are reported as warnings.",
    fix:
      "Set it in the `.env` beside the live Compose file, or give a default: `${NAME:-value}`. A variable of the container's own shell is written `$$NAME`.",
    bad: #"services: {web: {image: "nginx:${TAG}"}}   # no TAG in .env"#,
    good: #"services: {web: {image: "nginx:${TAG:-1.27}"}}"#)

  static let projectCollision = Rule(
    id: "project-collision", summary: "two stacks with one project name, container name, volume or host port",
    why:
      "Compose tells stacks apart by the project's name, by default the name of the directory: `a/compose` and `b/compose` would be one project, and each would take down the other's containers.",
    fix:
      "Give one of them its own top-level `name:`, another `container_name`, or another port. Under another project name a stack gets new, empty volumes; the data stays in the old ones.",
    bad: "a/compose/docker-compose.yml\nb/compose/docker-compose.yml",
    good: "name: b\nservices: {}"
  ) { subject in
    subject.foreignVolumes + subject.foreignNetworks + subject.takenHosts + subject.takenNames + subject.hostNetworks
  }
}

extension Subject {
  /// Compose lays the documents of a file over one another, which nobody who reads the first of them sees.
  fileprivate var secondDocuments: [Finding] {
    var seen: Set<String> = []
    return sources.compactMap { source in
      guard let document = source.document, !document.isNull, !seen.insert(source.path).inserted else { return nil }
      return Finding(
        place: (source.path, document.start),
        message: "\(source.path) has a second document, which Compose lays over the first",
        help: "take out the line `---` above it, and put both together")
    }
  }

  /// What Compose puts in the place of a variable would stand in the arguments of `docker exec`, for every user of the host
  /// to read.
  fileprivate var interpolatedProbes: [Finding] {
    sources.flatMap { source in
      (source.document?["x-clup"]?["probes"]?.sequence ?? []).compactMap { probe -> Finding? in
        guard let words = probe["exec"] else { return nil }
        let node = (words.sequence ?? [words]).first { Self.isInterpolated($0.string ?? "") }
        return node.map {
          Finding(
            place: (source.path, $0.start),
            message: "an exec probe names a variable of the host, whose value every user of the host could read",
            help: "write `$$NAME`, and give the container the variable under `environment:`")
        }
      }
    }
  }

  /// A probe's answer is told when it is not the wanted one, and another stack's may tell more than it should.
  fileprivate func foreignProbes(_ probes: [Probe]) -> [Finding] {
    let own = belongings.ports
    return probes.compactMap { probe in
      guard case .http(let url, _, _) = probe.question, let port = Probe.port(of: url) else { return nil }
      let name = "\(port)/tcp"
      guard !own.contains(name),
        let other = others.sorted(by: { $0.key < $1.key }).first(where: { $0.value.ports.contains(name) })
      else { return nil }
      return Finding(
        place: place(topLevel: ["x-clup", "probes", "http"]),
        message: "a probe asks at the port \(port), which \(other.key) publishes",
        help: "ask the stack itself; a probe of another one belongs in the host's configuration")
    }
  }

  /// Returns whether a text has a `$NAME` or `${NAME}`; `$$` is a plain dollar sign.
  private static func isInterpolated(_ text: String) -> Bool {
    text.replacing("$$", with: " ").firstMatch(of: /\$[{A-Za-z_]/) != nil
  }
}
