extension Rule {
  static let writableLivePath = Rule(
    id: "writable-live-path", summary: "a writable bind that covers what Compose reads",
    why: """
      clup, as root, hands the files at live paths to Compose: the Compose files, overrides, `.env`, files of values, what
      they include. A container that may write to the directory that one of them stands in can put another in its place,
      and with it get whatever of the host it likes.
      """,
    fix: """
      Mount the one directory that the container writes to, not the one with the Compose file; or mount it `:ro`. A \
      directory further up, in which the container reads job definitions or other files of the repository, is a warning \
      while Compose reads nothing there but the stack's own tracked Compose files and `.env`: clup then hands it the Compose \
      files from the release, and `.env` only as it was judged.
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
    let released = subject.releasedReads
    let mine = subject.services.flatMap { service, json in
      subject.mounts(of: service, json).compactMap { mount -> Finding? in
        guard !mount.readOnly, !mount.source.hasPrefix(Placeholder.path),
          case let covered = subject.paths.forms(mount.source).flatMap({ form in
            reads.filter { Path.relative($0, to: form) != nil }
          }), let first = covered.first(where: { !released.contains($0) }) ?? covered.first
        else { return nil }
        let isReleased = released.contains(first) && subject.looksOut(mount.source)
        return Finding(
          service: service, place: subject.place(of: mount),
          message: "\(service) may write to \(mount.source), where Compose reads \(Path.name(first))",
          help: "mount a directory without files that Compose reads, or add `:ro`",
          severity: isReleased ? .warning : nil)
      }
    }
    let theirs = subject.others.sorted { $0.key < $1.key }.flatMap { name, other in
      other.writes.sorted().compactMap { write -> Finding? in
        guard let covered = reads.first(where: { Path.relative($0, to: write) != nil }) else { return nil }
        return Finding(
          place: subject.place(topLevel: ["services"]),
          message: "\(name) may write to \(write), where Compose reads \(Path.name(covered)) for \(subject.stack)",
          help: "mount it `:ro` in \(name), or keep the file elsewhere")
      }
    }
    // What a container could change until now may be another thing than it looks.
    let former = subject.formerWrites.subtracting(subject.belongings.writes).sorted().compactMap { write -> Finding? in
      guard let covered = reads.first(where: { Path.relative($0, to: write) != nil }) else { return nil }
      return Finding(
        place: subject.place(topLevel: ["services"]),
        message:
          "a container of \(subject.stack) may have written to \(write) until now, where Compose reads \(Path.name(covered))",
        help: "keep the file elsewhere")
    }
    return mine + theirs + former
  }
}

extension Subject {
  /// What Compose reads for the stack that clup can give it from the release, or as it was judged.
  fileprivate var releasedReads: Set<String> {
    let own = Path.join(paths.liveRoot, directory)
    // A Compose file of the host's own beside those of the commit is read where it stands.
    guard sources.allSatisfy({ paths.tree?[$0.path] != nil }) else { return [] }
    return Set((ComposeFileName.all + [".env"]).map { Path.join(own, $0) }).intersection(paths.reads)
  }

  /// Whether a directory is above the stack's own, and holds what the commit has for others than this stack.
  fileprivate func looksOut(_ source: String) -> Bool {
    guard let place = Path.relative(source, to: paths.liveRoot), place != ".", place != directory,
      Path.relative(directory, to: place) != nil
    else { return false }
    return paths.tree?.files(under: place).contains { Path.relative($0.path, to: directory) == nil } ?? false
  }
}
