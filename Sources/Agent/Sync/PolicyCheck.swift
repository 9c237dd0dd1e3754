import Core
import Engine

/// Runs the rules over everything that was looked at.
struct PolicyCheck: Sendable {
  let settings: Settings
  let programs: Programs

  /// Returns the findings of the rules about stacks and job files; without `containers` the engine is not asked what it has.
  ///
  /// `records` are what clup remembers of stacks, `origins` the stacks that others were moved from, `images` the services of
  /// each stack that run an image by its id, `returning` the stacks that go back to an older commit. `mask` hides the values of a stack's `.env`: a rule names what
  /// it found, and that may be one of them. `removed` are the stacks that the repository no longer has.
  func findings(
    of subjects: [Subject], containers: [Container]?, records: [String: Deployment], after: [String: [String]],
    origins: [String: String], images: [String: Set<String>] = [:], returning: Set<String> = [],
    removed: RemovedStacks = RemovedStacks(),
    mask: (String) async -> Mask
  ) async throws(Failure) -> [Diagnostic] {
    var subjects = subjects
    var volumes: [ListedResource]?
    if containers != nil, subjects.contains(where: { !$0.externalVolumes.isEmpty }) {
      let listed = try await programs.ask { engine throws(EngineError) in try await engine.volumes() }
      for index in subjects.indices { subjects[index].resolve(volumes: Self.directories(of: listed)) }
      volumes = listed
    }
    let neighbourhood = try await HostOwnership(
      of: subjects, records: records, removed: removed, settings: settings,
      programs: containers == nil ? nil : programs)
    for index in subjects.indices {
      let origin = origins[subjects[index].stack]
      neighbourhood.place(&subjects[index], origin: origin)
      subjects[index].isReturning = returning.contains(subjects[index].stack)
      subjects[index].formerVolumes = removed.formerVolumes[subjects[index].stack] ?? []
      let known = records[subjects[index].stack] ?? origin.flatMap { records[$0] }
      subjects[index].compareVolumes(containers ?? [], formerly: known?.project)
    }
    var present: Present?
    if containers != nil, subjects.contains(where: \.needsEngine) { present = try await inventory(volumes) }
    for subject in subjects {
      for name in subject.makes { present?.coming[name] = subject.stack }
    }
    var all: [Diagnostic] = []
    var seen: Set<Diagnostic> = []
    for var subject in subjects {
      subject.present = present
      subject.hasImage = images[subject.stack] ?? []
      var queue = after[subject.stack] ?? []
      while let name = queue.popLast() {
        if subject.after.insert(name).inserted { queue += after[name] ?? [] }
      }
      if let origin = origins[subject.stack] {
        subject.left = left(at: records[origin]?.place(of: origin).directory ?? origin, subject)
      }
      subject.left.merge(movedBinds(of: subject)) { known, _ in known }
      var found = Rule.findings(in: subject)
      if found.contains(where: { !Rule.hygiene.contains($0.rule) }) {
        let mask = await mask(subject.stack)
          .adding(valuesIn: subject.references.hostValues(subject.paths.liveRoot, subject.paths.tree))
          .sparing(subject.sources)
        for index in found.indices { found[index].hide(by: mask) }
      }
      all += found.filter { seen.insert($0).inserted }
    }
    return all
  }

  /// Returns what the rules find in the text alone of stacks that Compose cannot resolve; what such a text leaves out is no
  /// finding.
  func textFindings(of subjects: [Subject], mask: (String) async -> Mask) async throws(Failure) -> [Diagnostic] {
    let found = try await findings(
      of: subjects, containers: nil, records: [:], after: [:], origins: [:], mask: mask)
    return found.filter {
      !Rule.hygiene.contains($0.rule) && !$0.rule.hasPrefix("missing-") && !$0.rule.hasPrefix("job-")
    }
  }

  /// Finds files that must not be in git, by name in the whole commit, by content in what `known` does not hold already.
  func forbidden(in tree: CommitTree, discovery: Discovery, tracked: Tracked, known: CommitTree?) async throws(Failure)
    -> [Diagnostic]
  {
    let selection = settings.selection
    var found = Rule.forbiddenNames(in: tree, policy: settings.policy, selection: selection)
    found += discovery.forbidden(added: tree, settings: settings)
    let compose = discovery.used.union(discovery.jobs)
    for file in tree.files where file.isRegular {
      if compose.contains(file.path) || known?[file.path]?.id == file.id { continue }
      if !selection.contains(file.path) { continue }
      guard let bytes = try await tracked.smallContents(of: file) else { continue }
      found += Rule.forbiddenContent(of: file.path, bytes) + Rule.unjudgedJobs(in: file.path, bytes)
    }
    return found
  }

  /// Finds what the configuration links, and cannot be handed to the host as it is meant.
  func large(_ links: [String: DesiredLink], in tree: CommitTree, tracked: Tracked) async throws(Failure)
    -> [Diagnostic]
  {
    try await LargeFiles(tree: tree, tracked: tracked, settings: settings).findings(
      in: Set(links.values.map(\.from)), stack: nil)
  }

  /// Leaves out the findings about files of values that are encrypted: they are made to be in git, and are no state.
  func withoutCiphertext(_ found: [Diagnostic], in tree: CommitTree, tracked: Tracked) async throws(Failure)
    -> [Diagnostic]
  {
    var kept: [Diagnostic] = []
    for finding in found {
      let name = Path.name(finding.file)
      if finding.rule == "forbidden-file", !finding.isFinal, name.hasPrefix(".env."), let entry = tree[finding.file],
        entry.isRegular, let bytes = try await tracked.smallContents(of: entry), Ciphertext.kind(of: bytes) != nil
      {
        continue
      }
      kept.append(finding)
    }
    return kept
  }

  /// Finds what a stack that was moved lacks where it is now, and has where it was.
  private func left(at origin: String, _ subject: Subject) -> [String: String] {
    subject.paths.missing.reduce(into: [:]) { left, path in
      let directory = Path.join(settings.liveRoot, subject.directory)
      guard let rest = Path.relative(path, to: directory) else { return }
      let former = Path.join(Path.join(settings.liveRoot, origin), rest)
      if Files.status(former) != nil { left[path] = former }
    }
  }

  /// The same of services that come from another stack.
  private func movedBinds(of subject: Subject) -> [String: String] {
    subject.moved.reduce(into: [:]) { left, moved in
      for mount in subject.model["services"]?[moved.service]?["volumes"].array ?? []
      where mount["type"]?.string == "bind" {
        guard let source = mount["source"]?.string, subject.paths.missing.contains(source),
          let former = moved.binds[Path.normalized(mount["target"]?.string ?? "")], former != source,
          let found = Files.status(former), !Files.isDirectory(found) || !Files.names(in: former).isEmpty
        else { continue }
        left[source] = former
      }
    }
  }

  /// Returns the directory of the host that each volume is, for those that are one by their driver's options.
  private static func directories(of volumes: [ListedResource]) -> [String: String] {
    volumes.reduce(into: [:]) { found, volume in
      let flags = (volume.options?["o"] ?? "").split(separator: ",")
      guard let device = volume.options?["device"], Path.isAbsolute(device),
        flags.contains(where: { $0.hasSuffix("bind") })
      else { return }
      found[volume.name] = device
    }
  }

  /// Asks what the engine has; `known` are the volumes, where they were listed already.
  private func inventory(_ known: [ListedResource]?) async throws(Failure) -> Present {
    try await programs.ask { engine throws(EngineError) in
      let volumes = if let known { known } else { try await engine.volumes() }
      var present = Present(
        networks: Set(try await engine.networks().map(\.name)), volumes: Set(volumes.map(\.name)),
        images: try await engine.imageReferences())
      present.interfaces = HostInterfaces.all()
      present.volumeProjects = volumes.reduce(into: [:]) { $0[$1.name] = $1.labels?[ComposeLabel.project] }
      for container in try await engine.containers() {
        present.add(user: container.labels[ComposeLabel.project] ?? "", of: container.image)
        for mount in container.mounts {
          guard let name = mount.name else { continue }
          present.volumeUsers[name, default: []].insert(container.labels[ComposeLabel.project] ?? "")
        }
      }
      return present
    }
  }
}
