import Core
import Engine
import Glibc

/// What the host shows beside its containers.
extension Init {
  /// Adds what stands around the stacks: links, values, mounts, the engine's directory, who holds its socket.
  func look(
    around proposal: inout Proposal, _ discovery: Discovery, _ own: [RunningService], _ listed: [ListedContainer],
    _ programs: Programs
  ) async {
    let root = proposal.liveRoot
    let links = discovery.stacks.flatMap(\.composeFiles).filter { file in
      Files.link(at: Path.join(root, file)).map { Path.relative($0, to: proposal.checkout) == nil } ?? false
    }
    if !links.isEmpty {
      proposal.found.append(
        "\(links.listed(4)) \(links.count == 1 ? "is a link" : "are links") today, made by hand: the first sync keeps "
          + "\(links.count == 1 ? "it" : "them") as .bak.<timestamp> and puts its own there.")
    }
    let values = Set(discovery.stacks.map(\.place.directory)).sorted().filter {
      Files.status(Path.join(root, Path.join($0, ".env"))) != nil
    }
    if !values.isEmpty {
      proposal.found.append(
        "Values come from the .env in \(values.listed(4)); clup reads these and never writes them.")
    }
    proposal.bindRoots = Proposal.bindRoots(
      of: Set(own.flatMap(\.mounts).filter { !Self.isSocket($0) }),
      isDirectory: { Files.followed($0).map(Files.isDirectory) ?? false }, beyond: root)
    if let info = try? await programs.ask({ engine throws(EngineError) in try await engine.info() }) {
      proposal.found.append("Docker keeps its data in \(info.root); no stack is given anything there.")
    }
    holders(&proposal, discovery, listed)
  }

  private static func isSocket(_ path: String) -> Bool { path.hasSuffix("/docker.sock") }

  private func holders(_ proposal: inout Proposal, _ discovery: Discovery, _ listed: [ListedContainer]) {
    for container in listed.sorted(by: { $0.name < $1.name }) {
      let way = container.mounts.first { mount in
        Self.isSocket(mount.source) || ["/", "/run", "/var/run", "/var"].contains(mount.source)
      }
      guard let way else { continue }
      let service = RunningService(container)
      let directory = service.flatMap { Path.relative($0.directory, to: proposal.liveRoot) }
      if let service, let stack = discovery.stacks.first(where: { $0.place.directory == directory }) {
        proposal.socketHolders.append((stack.name, service))
      } else {
        proposal.found.append(
          "The container \(container.name) of no stack here holds the Docker socket (\(way.source)): clup leaves it alone."
        )
      }
    }
  }

  /// Writes a configuration where none is, and makes the directories that it needs; says what was made.
  public static func write(_ proposal: Proposal, to file: String, day: String) throws(Failure) -> [String] {
    var made: [String] = []
    for directory in [Path.parent(file), proposal.liveRoot] where Files.status(directory) == nil {
      try Files.makeDirectories(directory, mode: 0o755)
      made.append("made \(directory), owner root, mode 755")
    }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    if descriptor < 0, errno == EEXIST { throw exists(file) }
    guard descriptor >= 0 else { throw Files.failure("cannot write \(file)") }
    defer { close(descriptor) }
    guard Files.write(Array(proposal.text(on: day).utf8), to: descriptor) else {
      throw Files.failure("cannot write \(file)")
    }
    return made + ["wrote \(file)"]
  }

  /// Reports that a configuration is there already, which is never overwritten.
  public static func exists(_ file: String) -> Failure {
    Failure(
      .configuration, "there is a configuration at \(file) already, and it is not overwritten",
      help: "`clup init --print` shows what would be written; `--config FILE` writes another file")
  }
}
