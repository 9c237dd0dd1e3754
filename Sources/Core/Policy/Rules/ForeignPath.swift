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
  /// Whoever builds an image under a name that another stack runs or builds decides what that one starts next.
  fileprivate var foreignImages: [Finding] {
    services.flatMap { service, json -> [Finding] in
      let image = json["image"]?.string
      let builds = json["build"] != nil
      let names =
        [image ?? (builds ? "\(model["name"]?.string ?? stack)-\(service)" : nil)].compactMap { $0 }
        + (json["build"]?["tags"]?.array ?? []).compactMap(\.string)
      return names.compactMap { name in
        let reference = Image(name).reference
        let rival = others.sorted { $0.key < $1.key }.first { _, other in
          other.builds.contains(reference) || builds && other.runs.contains(reference)
        }
        guard let rival, !policy.shares(.image(name), among: [stack, rival.key]) else { return nil }
        let theirs = rival.value.builds.contains(reference) ? "builds" : "runs"
        return Finding(
          service: service, place: place(service, image == nil ? ["build"] : ["image"]),
          message: "\(service) \(builds ? "builds" : "runs") the image \(name), which \(rival.key) \(theirs)",
          help:
            "give it another name, or share it on the host: `policy: {shared: [{image: \"\(name)\", stacks: [\(stack), \(rival.key)]}]}`"
        )
      }
    }
  }
}
