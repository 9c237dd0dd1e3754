import Core
import Git

/// Everything between the target commit and its plan: discover, observe, validate, plan.
struct Prepare: Sendable {
  let settings: Settings
  let request: SyncRequest
  let checkout: Checkout
  let programs: Programs
  let target: Fetch.Target
  let state: State
  let containers: [Container]?
  /// The unfinished release and the view for Compose; both are removed with the sync.
  let stage: String
  let view: String

  struct Prepared: Sendable {
    var plan: Plan
    var diagnostics: [Diagnostic]
    var discovery: Discovery
    /// The fingerprint of the policy that was applied.
    var policy: String
    /// Lines of the sources, to show with findings.
    var excerpts: Excerpts
  }

  func plan() async throws(Failure) -> Prepared {
    let tree = target.tree
    let discovery = Discovery(tree, settings: settings)
    let links = LinkPlanning(pointers: checkout.pointers)
    let observe = Observe(settings: settings, checkout: checkout, links: links)
    let chosen = try choose(from: discovery)
    var observed = observe.all(state, stacks: discovery.stacks.map(\.name), containers: containers)
    let today = today()
    let policy = policyFingerprint(settings.policy, today: today)
    let touched = Touched(tree: tree, observed: observed, links: links, policy: policy)
    let reasons = Dictionary(
      uniqueKeysWithValues: discovery.stacks.filter { chosen.contains($0.name) }
        .map { ($0.name, touched.reasons($0.name, known: state.stacks[$0.name])) })
    let sources = discovery.stacks.filter { !(reasons[$0.name] ?? []).isEmpty }

    var diagnostics = discovery.diagnostics
    let broken = Set(diagnostics.filter { $0.rule == "compose" || $0.rule == "forbidden-file" }.compactMap(\.stack))
    let tracked = Tracked.commit(target.mirror, stage: stage)
    let view = View(
      directory: view, liveRoot: settings.liveRoot, tree: tree, tracked: tracked, owns: { links.isOwn($0) })
    let resolve = Resolve(
      programs: programs, view: view, settings: settings, observe: observe, discovery: discovery, today: today)
    let atOnce = max(settings.sync.concurrency, 2)
    var answers = try await each(sources.filter { !broken.contains($0.name) }, atOnce: atOnce) {
      source throws(Failure) in try await resolve.stack(source)
    }
    let wishes = hostLinks(tree, discovery, &diagnostics)
    let policyChanged = state.policy != policy
    answers += try await each(
      discovery.jobs.filter { job in
        let directory = Discovery.jobDirectory(of: job)
        return policyChanged || state.links[directory]?.id != tree.fingerprint(directory)
      }, atOnce: atOnce
    ) { job throws(Failure) in try await resolve.job(job) }
    var desired: [String: DesiredStack] = [:]
    for answer in answers {
      diagnostics += answer.diagnostics
      if let stack = answer.desired { desired[stack.name] = stack }
    }
    let names = Set(discovery.stacks.map(\.name))
    diagnostics += collisions(discovery, desired)
    let after = settings.stacks.compactMapValues(\.after).filter { names.contains($0.key) }
      .merging(desired.mapValues(\.after)) { host, _ in host }
      .merging(state.stacks.filter { names.contains($0.key) }.mapValues(\.after)) { new, _ in new }
    diagnostics += Order.problems(after: after, stacks: names, places: places(discovery))
    let judge = Judge(settings: settings, programs: programs, today: today)
    diagnostics += try await judge.findings(
      of: answers.flatMap(\.subjects), engine: containers != nil, after: after, mask: resolve.mask)
    if state.commit != tree.commit || policyChanged {
      diagnostics += try await judge.forbidden(
        in: tree, discovery: discovery, tracked: tracked, known: policyChanged ? nil : try await lastGood())
    }
    let host = Shared.take(
      from: &desired, configured: wishes, state: state, remaining: names)
    observe.look(at: desired.values.flatMap(\.links.keys), &observed)
    observe.look(at: host.keys, &observed)

    var leaders: [String: String] = [:]
    for (name, known) in state.stacks where desired[name] == nil && names.contains(name) {
      for path in known.links.keys { leaders[path] = name }
    }
    for (name, stack) in desired { for path in stack.links.keys { leaders[path] = name } }
    for path in host.keys { leaders[path] = LinkPlanning.host }
    let planning = Planning(
      observed: observed, state: state, links: links, leaders: leaders,
      after: settings.stacks.compactMapValues(\.after))
    let shared = planning.host(host)
    var stacks: [StackPlan] = []
    for source in discovery.stacks where chosen.contains(source.name) {
      if let wish = desired[source.name] {
        stacks.append(planning.deploy(wish, because: reasons[source.name] ?? [], shared: shared))
      } else if let known = state.stacks[source.name] {
        stacks.append(planning.unchanged(source.name, known: known))
      }
    }
    let excluded = settings.exclude.map(Glob.init)
    for (name, known) in state.stacks where !names.contains(name) && !excluded.contains(where: { $0.covers(name) }) {
      if request.stacks.isEmpty || request.stacks.contains(name) {
        stacks.append(planning.remove(name, known: known, directory: Path.join(settings.liveRoot, name)))
      }
    }
    stacks.sort { $0.name < $1.name }
    let plan = Plan(
      commit: tree.commit, stacks: stacks, links: shared, hostLinks: host, hostLinksChange: host != state.links)
    diagnostics += Standing(settings: settings, checkout: checkout, observed: observed, links: links).problems(of: plan)
    let judged = settings.policy.judge(
      diagnostics, today: today, configuration: settings.file, whole: sources.count == discovery.stacks.count)
    return Prepared(
      plan: plan, diagnostics: judged, discovery: discovery, policy: policy,
      excerpts: Excerpts(sources: answers.flatMap(\.sources)))
  }

  /// Reads the tree of the last commit that all was well with.
  private func lastGood() async throws(Failure) -> CommitTree? {
    guard let commit = state.commit, await target.mirror.contains(commit) else { return nil }
    do throws(GitError) {
      return CommitTree(commit: commit, paths: try await target.mirror.entries(of: commit).map(TrackedPath.init))
    } catch {
      throw Failure(error, settings: settings)
    }
  }

  private func choose(from discovery: Discovery) throws(Failure) -> Set<String> {
    let names = Set(discovery.stacks.map(\.name))
    if names.isEmpty {
      throw Failure(
        .refused, "the commit \(target.tree.commit.prefix(12)) holds no stack: no directory has a Compose file",
        help: "commit a compose.yaml or docker-compose.yml; what runs stays as it is")
    }
    for stack in request.stacks where !names.contains(stack) && state.stacks[stack] == nil {
      throw Failure(
        .configuration, "there is no stack \(stack)", help: "the stacks are " + names.sorted().joined(separator: ", "))
    }
    return request.stacks.isEmpty ? names : names.intersection(request.stacks)
  }

  private func places(_ discovery: Discovery) -> [String: String] {
    Dictionary(uniqueKeysWithValues: discovery.stacks.map { ($0.name, $0.composeFiles.first ?? $0.name) })
  }

  private func collisions(_ discovery: Discovery, _ desired: [String: DesiredStack]) -> [Diagnostic] {
    let places = places(discovery)
    var projects = desired.mapValues(\.project)
    for (name, known) in state.stacks where projects[name] == nil && places[name] != nil {
      projects[name] = known.project
    }
    var claims = desired.mapValues { $0.services.flatMap(\.claims) }
    for (name, known) in state.stacks where claims[name] == nil && places[name] != nil {
      claims[name] = known.services.flatMap(\.claims)
    }
    var found =
      (Collisions.between(projects: projects, places: places) + Collisions.between(claims: claims, places: places))
      .filter { desired[$0.stack ?? ""] != nil }
    for stack in desired.values where containers != nil {
      let directory = Path.join(settings.liveRoot, stack.name)
      let real = Files.resolved(directory)
      let others = (containers ?? []).filter { container in
        guard container.project == stack.project else { return false }
        let moved = state.stacks.contains { name, known in
          places[name] == nil && known.project == stack.project
            && Path.join(settings.liveRoot, name) == container.directory
        }
        return !moved && (real == nil || Files.resolved(container.directory) != real)
      }
      if let diagnostic = Collisions.foreign(
        stack.name, project: stack.project, place: places[stack.name] ?? stack.name, directory: directory,
        containers: others)
      {
        found.append(diagnostic)
      }
    }
    return found
  }

  /// Reads what the configuration's `links:` are to be; job files come along, for whoever starts jobs.
  private func hostLinks(
    _ tree: CommitTree, _ discovery: Discovery, _ diagnostics: inout [Diagnostic]
  ) -> [String: DesiredLink] {
    var wishes: [String: DesiredLink] = [:]
    for directory in Set(discovery.jobs.map(Discovery.jobDirectory(of:))) {
      var managed = ManagedPaths(
        tree: tree, stack: "", protected: settings.protectedPaths,
        isDirectory: { Files.status(Path.join(settings.liveRoot, $0)).map(Files.isDirectory) })
      managed.add(directory, .plain)
      diagnostics += managed.diagnostics
      wishes.merge(managed.outermost) { _, new in new }
    }
    for link in settings.links {
      guard let entry = tree[link.from], entry.kind == .file || entry.kind == .executable || entry.kind == .directory
      else {
        diagnostics.append(
          Diagnostic(
            rule: "forbidden-file", file: link.from,
            message: "`links:` names \(link.from), which is no file of the commit",
            help: "commit it, or take it out of the host's configuration"))
        continue
      }
      if link.mode == .copy && entry.kind == .directory {
        for file in tree.files(under: link.from) where file.kind == .file || file.kind == .executable {
          let rest = Path.relative(file.path, to: link.from) ?? ""
          wishes[Path.join(link.to, rest)] = DesiredLink(kind: .copy, file)
        }
      } else {
        wishes[link.to] = DesiredLink(kind: link.mode == .copy ? .copy : .link, entry)
      }
    }
    return wishes
  }
}
