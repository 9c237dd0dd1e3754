extension Rule {
  static let foreignPath = Rule(
    id: "foreign-path", summary: "a tracked file or an image that belongs to another stack",
    why: """
      A stack may use its own files. Files in another stack's directory of the repository change with that stack, and an
      image that one stack builds is the one that another starts next time. For state, files of values and volumes of another
      stack there are stricter rules: `host-path` and `project-collision`.
      """,
    fix:
      "Keep files that two stacks need beside both, or allow it: `policy: {shared: [{path: infra/certs, stacks: [gw]}]}`.",
    bad: """
      services:
        web: {image: "nginx:1.27", volumes: ["../other/conf:/etc/nginx/conf.d:ro"]}
      """,
    good: """
      services:
        web: {image: "nginx:1.27", volumes: ["../common/conf:/etc/nginx/conf.d:ro"]}
      """
  ) { subject in
    if let other = subject.mountedBy, !subject.policy.shares(path: subject.directory, with: subject.stack) {
      return [
        Finding(
          place: subject.place(topLevel: ["services"]),
          message:
            "\(subject.stack) would have a directory of \(other) for its own, which that stack's containers mount",
          help: "put it in another directory, or allow it: `policy: {shared: [{path: \(subject.directory), stacks: "
            + "[\(subject.stack), \(other)]}]}`")
      ]
    }
    return subject.foreignMounts(tracked: true) + subject.foreignBuilds(tracked: true)
      + subject.foreignFiles(tracked: true)
      + subject.foreignReads(tracked: true) + subject.foreignImages
  }
}
