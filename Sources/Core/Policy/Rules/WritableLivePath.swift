extension Rule {
  static let writableLivePath = Rule(
    "writable-live-path", .warning, summary: "a writable bind that covers a live path",
    why: """
      clup, as root, hands the files at live paths to Compose. A container that may write to the directory that they stand
      in can put others in their place. clup compares them before each deploy and refuses what was not validated, but
      until then the stack is not what the repository says.
      """,
    fix: "Mount the one directory that the container writes to, not the one with the Compose file; or mount it `:ro`.",
    bad: """
      services:
        web: {image: "node:22", volumes: [".:/app"]}
      """,
    good: """
      services:
        web: {image: "node:22", volumes: ["./app:/app:ro", "./uploads:/app/uploads"]}
      """
  ) { subject in
    subject.services.flatMap { service, json in
      subject.mounts(of: service, json).compactMap { mount -> Finding? in
        guard !mount.readOnly, let inside = Path.relative(mount.source, to: subject.paths.liveRoot) else { return nil }
        guard
          let covered = subject.paths.live.sorted().first(where: {
            Path.relative($0, to: inside) != nil && $0 != inside
          })
        else { return nil }
        return Finding(
          service: service, place: subject.place(of: mount),
          message: "\(service) may write to \(mount.source), where \(covered) stands",
          help: "mount a directory without tracked files, or add `:ro`")
      }
    }
  }
}
