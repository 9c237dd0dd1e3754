import Core
import Git
import Glibc

/// What is to be validated, and with what of a host.
public struct ValidateRequest: Sendable {
  /// The work tree.
  public var directory = "."
  /// The host's configuration, where one was given.
  public var settings: Settings?
  /// A live root whose `.env` files count; nothing for a plain work tree.
  public var liveRoot: String?
  /// Further files of values.
  public var environmentFiles: [String] = []
  /// Only what changed since this revision.
  public var changedSince: String?

  /// Asks for the current directory without a host.
  public init() {}
}

/// What a validation found: `clup.validation/1`.
public struct Validation: Codable, Sendable, Equatable {
  /// The schema's name.
  public var schema = "clup.validation/1"
  /// What was found, by file and place.
  public var diagnostics: [Diagnostic]
}

/// Checks a work tree as a sync would check a commit, without a host, an engine or a configuration.
public struct Validate: Sendable {
  let request: ValidateRequest
  let environment: [String: String]

  /// What a validation ended with.
  public struct Ended: Sendable {
    /// What was found.
    public var validation: Validation
    /// Lines of the sources, to show with findings.
    public var excerpts: Excerpts
    /// How many stacks were checked.
    public var stacks: Int
    /// How many job files were checked.
    public var jobs: Int
    /// The variables that a placeholder stood for.
    public var placeholders: [String]
    /// What would be a stack of its own, if others did not use its Compose file, and what of the configuration's `stacks:` there is
    /// nothing for: a sentence each.
    public var notes: [String]
  }

  /// Prepares a validation; `environment` is clup's own.
  public init(_ request: ValidateRequest, environment: [String: String]) {
    self.request = request
    self.environment = environment
  }

  /// Runs it to its end.
  public func run() async throws(Failure) -> Ended {
    let programs = try Programs(environment: asOnAHost)
    guard let directory = Files.resolved(request.directory), Files.status(directory).map(Files.isDirectory) == true
    else {
      throw Failure(.configuration, "there is no directory \(request.directory)", help: "name a work tree to validate")
    }
    for file in request.environmentFiles where Files.read(file) == nil {
      throw Failure(.configuration, "cannot read the file \(file)", help: "name a file of NAME=value lines")
    }
    if let root = request.liveRoot, Files.status(root).map(Files.isDirectory) != true {
      throw Failure(.configuration, "there is no directory \(root)", help: "name the host's live root")
    }
    let scratch = Files.unique((environment["TMPDIR"] ?? "/tmp") + "/clup-validate")
    try Files.makeDirectories(scratch, mode: 0o700)
    defer { Files.remove(scratch) }
    return try await look(directory, programs, scratch)
  }

  /// A stack's `~` and `$HOME` mean the home of root, who runs clup on a host, and not that of whoever asks here.
  private var asOnAHost: [String: String] {
    var own = environment
    if let home = own["HOME"], own["DOCKER_CONFIG"] == nil { own["DOCKER_CONFIG"] = home + "/.docker" }
    own["HOME"] = "/root"
    return own
  }

  private func look(_ directory: String, _ programs: Programs, _ scratch: String) async throws(Failure) -> Ended {
    let here = Files.resolved(".") ?? "/"
    let liveRoot = request.liveRoot.map { Path.join(here, $0) } ?? request.settings.map(\.liveRoot) ?? directory
    var settings =
      request.settings ?? Settings(repository: directory, branch: "", liveRoot: liveRoot, checkout: scratch)
    settings.liveRoot = liveRoot
    let tree = try WorkTreeContent(directory: directory, git: settings.git).tree()
    let tracked = Tracked.workTree(directory)
    let values = request.environmentFiles.map { Path.join(here, $0) }
    let discovery = try await Discovery.of(tree, tracked, settings: settings, environmentFiles: values)
    var changed: Set<String>?
    if let revision = request.changedSince { changed = try changes(in: directory, revision) }
    let checkout = Checkout(path: settings.checkout)
    let observe = Observe(settings: settings, checkout: checkout, links: LinkPlanning(pointers: checkout.pointers))
    let day = today()
    // Where the live root is the work tree itself, what stands there is the commit to be.
    settings = settings.sparing(discovery.stacks)
    let protected = settings.protectedPaths
    let view = ProjectOverlay(
      directory: scratch + "/view", liveRoot: liveRoot, tree: tree, tracked: tracked,
      owns: { observe.links.isOwn($0) }, invents: true,
      isProtected: { protected.glob(protecting: $0) != nil })
    let resolve = Resolve(
      programs: programs, view: view, settings: settings, observe: observe, discovery: discovery, today: day,
      environmentFiles: values,
      knowsHost: request.liveRoot != nil, knowsSettings: request.settings != nil)
    let judge = PolicyCheck(settings: settings, programs: programs)
    var diagnostics = try await judge.withoutCiphertext(discovery.diagnostics, in: tree, tracked: tracked)
    let broken = Set(diagnostics.filter(\.isFinal).compactMap(\.stack))
    let stacks = discovery.stacks.filter { !broken.contains($0.name) }
    var answers = try await each(stacks, atOnce: 4) { source throws(Failure) in try await resolve.stack(source) }
    answers += try await each(discovery.jobs, atOnce: 4) { job throws(Failure) in try await resolve.job(job) }
    diagnostics += answers.flatMap(\.diagnostics)
    // What the configuration links is checked like what a stack mounts.
    let wishes = settings.hostLinks(tree, discovery, written: MountedPaths([]), seen: MountedPaths([]), &diagnostics)
    diagnostics += try await judge.large(wishes, in: tree, tracked: tracked)
    let subjects = answers.flatMap(\.subjects)
    diagnostics += collisions(answers, discovery)
    let orders = Dictionary(
      subjects.filter { $0.kind == .stack }.map { ($0.stack, ComposeModel($0.model).own.after) }
    ) { first, _ in first }
    diagnostics += StackOrderCheck.problems(
      after: settings.stacks.compactMapValues(\.after).merging(orders) { host, _ in host },
      stacks: Set(discovery.stacks.map(\.name)), places: StackOrderCheck.places(discovery, subjects, settings))
    diagnostics += try await judge.findings(
      of: subjects, containers: nil, records: [:], after: [:], origins: [:], mask: resolve.mask)
    diagnostics += try await judge.textFindings(of: answers.flatMap(\.textSubjects), mask: resolve.mask)
    diagnostics += try await judge.forbidden(in: tree, discovery: discovery, tracked: tracked, known: nil)
    let unused = try await judge.unmanagedFiles(
      in: tree, discovery: discovery, tracked: tracked, uses: Set(answers.flatMap(\.uses)))
    diagnostics += UnmanagedFile.findings(
      unused.files, in: tree, stacks: discovery.stacks, isAll: discovery.stacks.isEmpty)
    diagnostics += try await judge.linkedStacks(in: tree, discovery: discovery, tracked: tracked)
    diagnostics += nothing(diagnostics, discovery, settings)
    if let changed {
      let touched = Set(
        subjects.filter { !changed.isDisjoint(with: $0.sources.map(\.path)) }.map(\.stack)
          + discovery.stacks.filter { !changed.isDisjoint(with: $0.composeFiles) }.map(\.name))
      diagnostics = diagnostics.filter {
        $0.file == "." || changed.contains($0.file) || $0.stack.map(touched.contains) == true
      }
    }
    return Ended(
      validation: Validation(
        diagnostics: settings.policy.weigh(
          settings.policy.withoutDuplicates(diagnostics), today: day, configuration: settings.file,
          whole: changed == nil, stacks: Set(discovery.stacks.map(\.name)).union(discovery.jobs))),
      excerpts: Excerpts(sources: answers.flatMap(\.sources)), stacks: discovery.stacks.count,
      jobs: discovery.jobs.count, placeholders: Set(answers.flatMap(\.placeholders)).sorted(),
      notes: discovery.notes + discovery.unused(of: settings, in: tree) + Variant.notes(unused.variants, in: tree))
  }

  /// Refuses a work tree in which there is nothing to deploy, as a sync does.
  private func nothing(_ found: [Diagnostic], _ discovery: Discovery, _ settings: Settings) -> [Diagnostic] {
    if !discovery.stacks.isEmpty || found.contains(where: \.isFinal) { return [] }
    let place =
      settings.include.isEmpty ? ": no directory has a Compose file" : " that `stacks: {include: …}` selects"
    return [
      Diagnostic(
        rule: "compose", file: ".", message: "there is no stack\(place)",
        help: "commit a compose.yaml or docker-compose.yml, or name the directory of the repository: "
          + "`clup validate DIR`", isFinal: true)
    ]
  }

  /// What stands for a value that only a host has claims nothing.
  private func collisions(_ answers: [Resolve.Answer], _ discovery: Discovery) -> [Diagnostic] {
    let places = Dictionary(uniqueKeysWithValues: discovery.stacks.map { ($0.name, $0.composeFiles.first ?? $0.name) })
    var (subjects, projects, claims) = ([String: Subject](), [String: String](), [String: [Claim]]())
    for answer in answers {
      guard let subject = answer.subjects.first, subject.kind == .stack else { continue }
      let model = ComposeModel(subject.model)
      subjects[subject.stack] = subject
      if !Placeholder.isIn(model.project, of: answer.invented) { projects[subject.stack] = model.project }
      claims[subject.stack] = model.services.flatMap(\.claims).filter {
        !Placeholder.isIn($0.description, of: answer.invented)
      }
    }
    let locate: Collisions.Locate = { stack, claim in subjects[stack]?.place(of: claim) }
    return Collisions.between(projects: projects, places: places, at: locate)
      + Collisions.between(claims: claims, places: places, at: locate)
  }

  private func changes(in directory: String, _ revision: String) throws(Failure) -> Set<String> {
    do throws(GitError) { return try WorkTree.changes(in: directory, since: revision) } catch {
      throw Failure(.configuration, error.message, help: "name a commit, a branch or a tag")
    }
  }
}
