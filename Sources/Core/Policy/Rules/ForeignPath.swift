extension Rule {
  static let foreignPath = Rule(
    "foreign-path", summary: "a tracked file or an image that another stack has for itself",
    why: """
      Each stack sees its own. What stands in another stack's directory of the repository changes with that stack, and an
      image that one stack builds is what another one starts next time. State, files of values and volumes of another
      stack have rules that weigh more: `host-path` and `project-collision`.
      """,
    fix: "Keep what two stacks need beside both, or allow it: `policy: {shared: [{path: infra/certs, stacks: [gw]}]}`.",
    bad: """
      services:
        web: {image: "nginx:1.27", volumes: ["../other/conf:/etc/nginx/conf.d:ro"]}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", volumes: ["../common/conf:/etc/nginx/conf.d:ro"]}
      """
  ) { subject in
    subject.foreignMounts(tracked: true) + subject.foreignBuilds(tracked: true) + subject.foreignFiles(tracked: true)
      + subject.foreignReads(tracked: true) + subject.foreignImages
  }
}

extension Subject {
  /// What a container or a build sees of an image that another stack builds.
  private func borrowed(by service: String, _ json: JSON) -> [Finding] {
    let mounted = (json["volumes"]?.array ?? []).filter { $0["type"]?.string == "image" }.compactMap {
      $0["source"]?.string
    }
    let contexts = (json["build"]?["additional_contexts"]?.object ?? [:]).values.compactMap(\.string)
      .filter { $0.hasPrefix("docker-image://") }.map { String($0.dropFirst(15)) }
    return [("volumes", mounted), ("build", contexts)].flatMap { key, names in
      names.compactMap { name in
        let owner = others.sorted { $0.key < $1.key }.first { $0.value.builds.contains(Image(name).reference) }
        guard let owner, !policy.shares(.image(name), among: [stack, owner.key]) else { return nil }
        return Finding(
          service: service, place: place(service, [key]),
          message: "\(service) reads the image \(name), which \(owner.key) builds",
          help: sharing(name, with: owner.key))
      }
    }
  }

  /// Whoever builds an image under a name that another stack runs or builds decides what that one starts next.
  fileprivate var foreignImages: [Finding] {
    services.flatMap { service, json -> [Finding] in
      let build = json["build"]
      let own = json["image"]?.string ?? build.map { _ in "\(model["name"]?.string ?? stack)-\(service)" }
      let names = [own].compactMap { $0 } + (build?["tags"]?.array ?? []).compactMap(\.string)
      return names.compactMap { taken($0, by: service, builds: build != nil) } + borrowed(by: service, json)
    }
  }

  private func taken(_ name: String, by service: String, builds: Bool) -> Finding? {
    let reference = Image(name).reference
    let rival = others.sorted { $0.key < $1.key }.first { _, other in
      other.builds.contains(reference) || builds && other.runs.contains(reference)
    }
    guard let rival, !policy.shares(.image(name), among: [stack, rival.key]) else { return nil }
    let theirs = rival.value.builds.contains(reference) ? "builds" : "runs"
    return Finding(
      service: service, place: place(service, "image", item: [name]),
      message: "\(service) \(builds ? "builds" : "runs") the image \(name), which \(rival.key) \(theirs)",
      help: "give it another name, or \(sharing(name, with: rival.key))")
  }

  private func sharing(_ image: String, with other: String) -> String {
    "share it on the host: `policy: {shared: [{image: \"\(image)\", stacks: [\(stack), \(other)]}]}`"
  }
}
