extension Rule {
  static let writableLivePath = Rule(
    id: "writable-live-path", summary: "a writable mount of a directory with files that Compose reads",
    why: """
      clup, as root, hands the files at live paths to Compose: the Compose files, overrides, `.env`, files of values, the
      files that they include. A container that may write to the directory of one of them can replace it, and get access to
      anything on the host that way.
      """,
    fix: """
      Mount the one directory that the container writes to, not the one with the Compose file; or mount it `:ro`. The \
      directory right above the project's own may be mounted at a target right below the container's root: clup mounts the \
      project's own read-only over it, as if `..:/data` stood beside `.:/data/compose:ro`, unless the service mounts \
      something else there.
      """,
    bad: """
      services:
        web: {image: "node:22", volumes: [".:/app"]}
      """,
    good: """
      services:
        web: {image: "node:22", volumes: ["./app:/app:ro", "./uploads:/app/uploads"]}
      """
  ) { subject in
    guard subject.kind == .stack else { return [] }
    let reads = subject.paths.reads.sorted().flatMap(subject.paths.forms)
    let mine = subject.services.flatMap { service, json in
      let mounts = subject.mounts(of: service, json)
      return mounts.compactMap { mount -> Finding? in
        guard !mount.readOnly, !mount.source.hasPrefix(Placeholder.path),
          let covered = subject.paths.forms(mount.source).lazy.compactMap({ form in
            reads.first { subject.paths.holds(form, $0) && !subject.isKept($0, from: mount, by: mounts) }
          }).first
        else { return nil }
        return Finding(
          service: service, place: subject.place(of: mount),
          message: "\(service) may write to \(mount.source), where Compose reads \(Path.name(covered))",
          help: "mount a directory without files that Compose reads, or add `:ro`")
      }
    }
    let theirs = subject.others.sorted { $0.key < $1.key }.flatMap { name, other in
      other.writes.sorted().compactMap { write -> Finding? in
        guard let covered = reads.first(where: { subject.paths.holds(write, $0) }) else { return nil }
        return Finding(
          place: subject.place(topLevel: ["services"]),
          message: "\(name) may write to \(write), where Compose reads \(Path.name(covered)) for \(subject.stack)",
          help: "mount it `:ro` in \(name), or keep the file elsewhere")
      }
    }
    // What a container could change until now may be another thing than it looks.
    let left = subject.isMoved ? subject.formerWrites : subject.formerWrites.subtracting(subject.belongings.writes)
    let former = left.sorted().compactMap { write -> Finding? in
      let covered = reads.first { Path.relative($0, to: write) != nil && !subject.wasKept($0) }
      guard let covered else { return nil }
      return Finding(
        place: subject.place(topLevel: ["services"]),
        message:
          "a container of \(subject.stack) may have written to \(write) until now, where Compose reads \(Path.name(covered))",
        help:
          "check that \(covered) is what you put there, then allow one deploy with a waiver of writable-live-path for "
          + "\(subject.stack), without `service:`")
    }
    return mine + theirs + former
  }
}
