import Core

/// Looks at what a person runs in a live directory before clup's first deploy there.
///
/// The containers say it themselves: whether the old files can still be read, or have another name, does not matter.
struct Takeover: Sendable {
  let settings: Settings
  let programs: Programs

  /// Gives what is there; nothing where no container of the stack's project was started from its directory.
  func look(_ desired: DesiredStack, among containers: [Container]) async throws(Failure) -> Adopted? {
    let directory = Path.join(settings.liveRoot, desired.name)
    let own = containers.filter { $0.project == desired.project && $0.directory == directory && !$0.isLeftOver }
    if own.isEmpty { return nil }
    let seen = try await programs.inspections(of: own.map(\.id))
    if seen.isEmpty { return nil }
    var found = seen.map { Self.container($0) }
    let versions = seen.map { $0["Config"]?["Labels"]?["com.docker.compose.version"]?.string }
    for call in Set(found.compactMap(\.call)) {
      let answer = await given(by: call, desired)
      for index in found.indices where found[index].call == call {
        found[index].isKnown = try await isKnown(found[index], versions[index], answer)
      }
    }
    return Adopted(name: desired.name, project: desired.project, found)
  }

  /// Says what a deploy would replace without a way back to it; nothing where there is one.
  func obstacle(_ adopted: Adopted, _ plan: StackPlan) async throws(Failure) -> Failure? {
    guard settings.sync.onFailure == .rollback else { return nil }
    guard case .deploy(let desired) = plan.work else { return nil }
    // What had ended before costs nobody anything.
    let replaced = (adopted.containers ?? []).filter { container in
      guard container.isUp, let service = plan.services.first(where: { $0.name == container.service }) else {
        return false
      }
      let hash = desired.services.first { $0.name == service.name }?.hash
      return [.recreate, .remove].contains(service.action) || service.action == .create && hash != container.hash
    }
    let directory = Path.join(settings.liveRoot, plan.name)
    if let lost = replaced.first(where: { !$0.isKnown }) {
      return Failure(
        .host,
        "\(lost.name) runs with a configuration that no file on this host gives, and the commit would replace it: if "
          + "that failed, it could not be brought back",
        help:
          "see that the files and the `.env` in \(directory) say what runs, and run `docker compose up -d` there; or "
          + "remove the container yourself")
    }
    let images = try await Images(programs: programs).ids(of: replaced.map(\.image))
    if let lost = replaced.first(where: { images[$0.image] == Fingerprint.absent }) {
      return Failure(
        .host,
        "the image that \(lost.name) runs is no longer on this host, and the commit would replace the container: if that "
          + "failed, it could not be brought back",
        help: "run `docker compose up -d` in \(directory) with an image that the host has; or remove the container "
          + "yourself")
    }
    return nil
  }

  /// What Compose makes of the files that a call names: the hash of each service, and those that share another one's
  /// network or volumes.
  private struct Answer {
    var hashes: [String: String] = [:]
    var joins: [String: [String]] = [:]
  }

  private func given(by call: FoundContainer.Call, _ desired: DesiredStack) async -> Answer {
    let directory = Path.join(settings.liveRoot, desired.name)
    guard Files.status(directory) != nil else { return Answer() }
    let options = ["-p", desired.project] + call.options + ["--profile", "*", "config"]
    var answer = Answer()
    guard let model = try? await programs.compose(options + ["--format", "json"], in: directory), model.succeeded,
      let json = try? JSON(parsing: model.output)
    else { return answer }
    let hashes = try? await programs.hashes(
      of: json, project: desired.project, directory: call.directory, in: directory)
    answer.hashes = hashes?.found ?? [:]
    for service in ComposeModel(json).services where !service.joins.isEmpty {
      answer.joins[service.name] = service.joins
    }
    return answer
  }

  /// Whether the files give what a container was made with. Versions of Compose hash differently, and the hash of what
  /// lives in another container's network holds that one's id.
  private func isKnown(_ container: FoundContainer, _ version: String?, _ answer: Answer) async throws(Failure) -> Bool
  {
    guard let hash = answer.hashes[container.service] else { return false }
    if hash == container.hash || answer.joins[container.service] != nil { return true }
    let present = await programs.composeVersion.value
    return version.map { ComposeVersion.number(in: $0) != ComposeVersion.number(in: present) } ?? true
  }

  private static func container(_ json: JSON) -> FoundContainer {
    let (state, labels) = (json["State"], json["Config"]?["Labels"])
    func label(_ name: String) -> String { labels?["com.docker.compose.\(name)"]?.string ?? "" }
    func list(_ name: String) -> [String] { label(name).split(separator: ",").map(String.init) }
    let directory = label("project.working_dir")
    // What came by standard input only chose an image; Compose 1 named its files by their place in the directory.
    let files = list("project.config_files").filter { $0 != "-" }.map { Path.join(directory, $0) }
    let isCallable = !files.isEmpty && Path.isAbsolute(directory)
    return FoundContainer(
      id: json["Id"]?.string ?? "", name: String((json["Name"]?.string ?? "").drop { $0 == "/" }),
      service: label("service"), state: state?["Status"]?.string ?? "",
      health: state?["Health"]?["Status"]?.string ?? "none", hash: label("config-hash"),
      reference: json["Config"]?["Image"]?.string ?? "", image: json["Image"]?.string ?? "",
      restarts: ["always", "unless-stopped"].contains(json["HostConfig"]?["RestartPolicy"]?["Name"]?.string ?? ""),
      call: isCallable
        ? FoundContainer.Call(
          directory: directory, files: files, environmentFiles: list("project.environment_file"))
        : nil)
  }
}

extension Deploy {
  /// Brings what a person ran back to how it was found: what was not touched is at most started or stopped again, what was
  /// replaced is made anew by that person's own call, and what clup added goes.
  func restore(_ attempt: Attempt, _ adopted: Adopted, _ found: [FoundContainer]) async throws(Failure)
    -> [WatchedContainer]
  {
    let verify = Verify(programs: programs)
    let up = Up(settings: settings, programs: programs)
    let desired = DesiredStack(attempt.plan.name, adopted.stack)
    let end = ContinuousClock.now + settings.sync.deployTimeout
    let (ids, services) = (Set(found.map(\.id)), Set(attempt.desired.services.map(\.name)))
    var (before, added): (Set<String>, [String]) = ([], [])
    let began: ContinuousClock.Instant
    await gate.take()
    do throws(Failure) {
      try await up.clear(attempt.desired.project)
      let now = try await verify.look(attempt.desired.project)
      before = Set(now.map(\.id))
      began = .now
      let replaced = found.filter { !before.contains($0.id) }
      let touched = Set(replaced.map(\.service))
      added = now.filter { seen in
        services.contains(seen.service) && !ids.contains(seen.id) && !touched.contains(seen.service)
          && (attempt.isResumed || !attempt.before.contains(seen.id))
      }.map(\.id)
      try await up.stop(added)
      let wereUp = Set(found.filter(\.isUp).map(\.id))
      let started = now.filter { ids.contains($0.id) && !wereUp.contains($0.id) && $0.state == "running" }
      try await up.stop(started.map(\.id))
      var failure: Failure?
      do throws(Failure) { try await bring(touched, of: desired, found, now, until: end) } catch { failure = error }
      // Also what Compose has stopped on its way runs again, whatever became of the others.
      let after = try await verify.look(attempt.desired.project)
      try await up.start(after.filter { wereUp.contains($0.id) && ["exited", "created"].contains($0.state) }.map(\.id))
      if let failure { throw failure }
    } catch {
      await gate.give()
      throw error
    }
    await gate.give()
    let watched = try await verify.settle(wellBefore(desired, found), before: before, since: began, until: end)
    if let failure = watched.failure(help: "see what it needs, and sync again") { throw failure }
    try await up.remove(added)
    if attempt.desired.project != desired.project { try await removeNetworks(of: attempt.desired.project) }
    return watched.containers.filter { !added.contains($0.id) }
  }

  /// Makes services anew whose containers are gone.
  private func bring(
    _ services: Set<String>, of desired: DesiredStack, _ found: [FoundContainer], _ now: [WatchedContainer],
    until end: ContinuousClock.Instant
  ) async throws(Failure) {
    struct Kind: Hashable { let (call, force, start): (FoundContainer.Call, Bool, Bool) }
    var calls: [Kind: [String: Int]] = [:]
    for service in services.sorted() {
      let own = found.filter { $0.service == service }
      guard let call = own[0].call, own.allSatisfy(\.isKnown) else {
        throw Failure(
          .deploy, "what \(service) ran with before is in no file on this host", help: "bring it back by hand")
      }
      // One of several that is still there is not made anew with the others.
      let force = !now.contains { seen in own.contains { $0.id == seen.id } }
      calls[Kind(call: call, force: force, start: own.contains(where: \.isUp)), default: [:]][service] = own.count
    }
    var needed = desired
    needed.services = desired.services.filter { services.contains($0.name) }
    try await have(needed)
    let up = Up(settings: settings, programs: programs)
    for (kind, counts) in calls {
      do throws(Failure) {
        try await up.bring(counts, of: needed, by: kind.call, force: kind.force, start: kind.start, until: end)
      } catch {
        // A network that the commit changed is only made anew together with all that use it.
        let others = Dictionary(grouping: found.filter { $0.call == kind.call && $0.isUp && $0.isKnown }) { $0.service }
        guard [.deploy, .host].contains(error.kind), others.count > counts.count else { throw error }
        // Compose cannot take a container off a network that has ended.
        let new = now.filter { seen in counts[seen.service] != nil && !found.contains { $0.id == seen.id } }
        try await up.remove(new.map(\.id))
        try await up.bring(
          others.mapValues(\.count), of: desired, by: kind.call, force: false, start: true, until: end)
        try await up.bring(counts, of: needed, by: kind.call, force: kind.force, start: kind.start, until: end)
      }
    }
  }

  /// What was well before is what has to be well again.
  private func wellBefore(_ desired: DesiredStack, _ found: [FoundContainer]) -> DesiredStack {
    var desired = desired
    desired.services = desired.services.compactMap { service in
      let own = found.filter { $0.service == service.name }
      guard own.contains(where: \.isGood) else { return nil }
      var service = service
      service.resting = own.filter { !$0.isUp }.map(\.id)
      return service
    }
    return desired
  }
}
