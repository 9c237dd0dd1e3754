import Core
import Engine
import Git
import Glibc

/// What `clup init` is asked for; what is not given is looked for.
public struct InitRequest: Sendable {
  /// The repository's URL, or a clone of it.
  public var source: String?
  /// The branch.
  public var branch: String?
  /// The directory that the host runs from.
  public var liveRoot: String?
  /// The directory for clup.
  public var checkout: String?
  /// What opens the repository, where the host has a configuration already.
  var credentials: Credentials?

  /// Asks for everything to be looked for.
  public init() {}

  /// Takes what a configuration says already, where nothing else was asked for.
  public mutating func follow(_ settings: Settings) {
    source = source ?? settings.repository
    if case .branch(let name) = settings.follow { branch = branch ?? name }
    liveRoot = liveRoot ?? settings.liveRoot
    checkout = checkout ?? settings.checkout
    credentials = settings.credentials
  }
}

/// Looks at a repository and at a host, and proposes a configuration. Nothing is changed.
public struct Init: Sendable {
  let request: InitRequest
  let environment: [String: String]
  let say: @Sendable (String) -> Void

  /// Prepares to look; `environment` is clup's own.
  public init(_ request: InitRequest, environment: [String: String], say: @escaping @Sendable (String) -> Void) {
    (self.request, self.environment, self.say) = (request, environment, say)
  }

  struct Source {
    let url: String
    let branch: String
    let tree: CommitTree
    let tracked: Tracked
    /// The clone that was looked at; nothing where it was fetched.
    var clone: String?
  }

  /// Returns the configuration that fits.
  public func propose() async throws(Failure) -> Proposal {
    let scratch = Files.unique((environment["TMPDIR"] ?? "/tmp") + "/clup-init")
    try Files.makeDirectories(scratch, mode: 0o700)
    defer { Files.remove(scratch) }
    let programs = try Programs(environment: environment)
    let listed = await listing(programs)
    let services = listed.compactMap(RunningService.init)
    let source = try await source(services, scratch)
    let empty = Settings(repository: source.url, branch: source.branch, liveRoot: "/", checkout: scratch)
    let discovery = try await Discovery.of(source.tree, source.tracked, settings: empty)
    let (unmanaged, variants) = try await PolicyCheck(settings: empty, programs: programs)
      .unmanagedFiles(in: source.tree, discovery: discovery, tracked: source.tracked)
    let paths = Set(unmanaged.map(\.path))
    let files = paths.union(discovery.stacks.flatMap(\.composeFiles))
    guard let liveRoot = request.liveRoot ?? Proposal.liveRoot(of: services, files: files) else {
      throw Failure(
        .configuration,
        "nothing from \(redacted(source.url)) runs on this host, and clup cannot tell which directory it should run from",
        help:
          "name it: `clup init --live-root DIR`; each stack runs from the same directory below it as in the repository")
    }
    var proposal = Proposal(
      repository: source.url, branch: source.branch, liveRoot: Path.normalized(liveRoot), checkout: "")
    let own = services.filter { Path.relative($0.directory, to: proposal.liveRoot) != nil }
    proposal.take(own, of: discovery, unmanaged: paths)
    proposal.part = HostPart(
      running: Set(own.compactMap { Path.relative($0.directory, to: proposal.liveRoot) }),
      of: Set(discovery.stacks.map(\.place.directory)))
    let taken = proposal.projects
    proposal.choice = UnmanagedFile.choice(
      for: unmanaged.filter { taken[$0.path] == nil }, in: source.tree, stacks: discovery.stacks, taken: taken)
    proposal.found +=
      proposal.choice.overlays + Variant.notes(variants.filter { taken[$0.path] == nil }, in: source.tree)
    proposal.submodules = try await submodules(of: discovery, source)
    place(&proposal, source, own)
    await look(around: &proposal, discovery, own, listed, programs)
    return proposal
  }

  private func listing(_ programs: Programs) async -> [ListedContainer] {
    do throws(Failure) {
      return try await programs.ask { engine throws(EngineError) in try await engine.containers() }
    } catch {
      say("warning: \(error.message); clup does not know what runs here")
      return []
    }
  }

  /// Chooses the checkout, and says what the live root is.
  private func place(_ proposal: inout Proposal, _ source: Source, _ own: [RunningService]) {
    let usual = Path.join(proposal.liveRoot, "clup")
    let isFree = Files.names(in: usual).isEmpty || Files.status("\(usual)/lock") != nil || Checkout(path: usual).isOwn
    proposal.checkout = request.checkout.map(Path.normalized) ?? (isFree ? usual : usual + "-checkout")
    proposal.remarks["checkout"] =
      isFree || request.checkout != nil
      ? "clup's own; nobody else writes there" : "clup's own; \(usual) holds something else already"
    let running = Set(own.compactMap { Path.relative($0.directory, to: proposal.liveRoot) }).sorted()
    proposal.remarks["live_root"] =
      running.isEmpty
      ? "the tree that the host is to run from"
      : "\(running.listed(4)) \(running.count == 1 ? "runs" : "run") from there"
    if let clone = source.clone, Files.resolved(proposal.liveRoot) == clone {
      proposal.found.append(
        "\(clone) is a clone that containers run from: its Compose files become links into clup's checkout, and nobody pulls "
          + "there any more.")
    }
  }
}

extension RunningService {
  /// Takes a container of Compose's; nothing for another one.
  init?(_ listed: ListedContainer) {
    guard let container = Container(listed), !container.project.isEmpty, Path.isAbsolute(container.directory) else {
      return nil
    }
    let files = (listed.labels[ComposeLabel.files] ?? "").split(separator: ",").map(String.init).filter { $0 != "-" }
    self.init(
      service: container.service, image: container.image,
      directory: container.directory, files: files.map { Path.join(container.directory, $0) },
      mounts: listed.mounts.filter { $0.type == "bind" }.map(\.source))
  }
}
