/// Services that are to be as a person's own calls of Compose had made them.
public struct AdoptedServices: Sendable, Equatable {
  /// One call of Compose, with how many containers of each service it makes.
  public struct Call: Sendable, Equatable {
    /// How Compose is called.
    public let call: FoundContainer.Call
    /// Whether containers are made again that are there.
    public let forces: Bool
    /// Whether what it makes is started.
    public let starts: Bool
    /// The number of containers, by service.
    public fileprivate(set) var counts: [String: Int]
    /// What the same call had made of all services that were up: a network that the commit changed is only made again together
    /// with all that use it.
    public let others: [String: Int]
    /// The containers of its services that the failed change has made: Compose cannot take a container off a network that has
    /// ended.
    public let new: [String]
    /// The hashes that the call gave when its containers were found, by service.
    public let given: [String: String]
  }

  /// The calls.
  public let calls: [Call]
  /// A service that no file on this host gives any more.
  public let lost: String?

  /// The services.
  public var names: [String] { calls.flatMap(\.counts.keys) }

  /// Makes services again whose containers are gone.
  init(_ services: Set<String>, of found: [FoundContainer], _ now: [WatchedContainer]) {
    struct Kind: Hashable { let (call, force, start): (FoundContainer.Call, Bool, Bool) }
    var (kinds, lost): ([Kind: [String: Int]], String?) = ([:], nil)
    for service in services.sorted() {
      let own = found.filter { $0.service == service }
      guard let call = own.first?.call, own.allSatisfy(\.isKnown) else {
        lost = lost ?? service
        continue
      }
      // One of several that is still there is not made again with the others.
      let force = !now.contains { seen in own.contains { $0.id == seen.id } }
      kinds[Kind(call: call, force: force, start: own.contains(where: \.isUp)), default: [:]][service] = own.count
    }
    self.lost = lost
    calls = kinds.map { kind, counts in
      let others = Dictionary(grouping: found.filter { $0.call == kind.call && $0.isUp && $0.isKnown }) { $0.service }
      let new = now.filter { seen in counts[seen.service] != nil && !found.contains { $0.id == seen.id } }
      let given = found.filter { $0.call == kind.call }.compactMap { one in one.given.map { (one.service, $0) } }
      return Call(
        call: kind.call, forces: kind.force, starts: kind.start, counts: counts, others: others.mapValues(\.count),
        new: new.map(\.id), given: Dictionary(given) { first, _ in first })
    }.sorted { $0.counts.keys.sorted().lexicographicallyPrecedes($1.counts.keys.sorted()) }
  }
}

extension Recovery {
  /// The recovery to what a person ran.
  public struct ToFound: Sendable {
    /// What is done first.
    public let steps: [Step]
    /// What is done once the stack was seen to be well.
    public let end: [Step]
    /// The containers that are up again in the end, also those that Compose has stopped on its way.
    public let up: Set<String>
    /// What has to be well again.
    public let well: DesiredStack
  }

  /// Brings what a person ran back to how it was found, from what runs `now`: what was not touched is at most started or stopped
  /// again, what was replaced is made again by that person's own call, and what clup added goes.
  public static func steps(
    of change: FailedChange, to stack: DesiredStack, _ found: [FoundContainer], _ now: [WatchedContainer]
  ) -> ToFound {
    let (present, ids) = (Set(now.map(\.id)), Set(found.map(\.id)))
    // Also what an earlier try has added that this commit does not have.
    let services = Set((change.desired.services + (change.known ?? [])).map(\.name))
    let touched = Set(found.filter { !present.contains($0.id) }.map(\.service))
    let added = now.filter { seen in
      services.contains(seen.service) && !ids.contains(seen.id) && !touched.contains(seen.service)
        && (change.isResumed || !change.before.contains(seen.id))
    }.map(\.id)
    let up = Set(found.filter(\.isUp).map(\.id))
    let started = now.filter { ids.contains($0.id) && !up.contains($0.id) && $0.state == "running" }.map(\.id)
    let stopping = added + started
    // Whoever finds this cut off does not take that person's containers for what the commit made.
    let remade: [Step] =
      touched.isEmpty
      ? []
      : [
        .record(.recovering(touched), of: change.desired.name, isNeeded: false),
        .carry(stack.carried(for: touched, kept: ids, now: now), but: ids),
        .upAsFound(AdoptedServices(touched, of: found, now)),
      ]
    return ToFound(
      steps: (stopping.isEmpty ? [] : [.stop(stopping)]) + remade,
      end: (added.isEmpty ? [] : [.remove(added)])
        + (change.desired.project == stack.project ? [] : [.removeNetworks(project: change.desired.project)]),
      up: up, well: stack.wellBefore(found))
  }
}

extension DesiredStack {
  /// What was well before is what has to be well again.
  fileprivate func wellBefore(_ found: [FoundContainer]) -> DesiredStack {
    var desired = self
    desired.services = services.compactMap { service in
      let own = found.filter { $0.service == service.name }
      guard own.contains(where: \.isGood) else { return nil }
      var service = service
      service.resting = own.filter { !$0.isUp }.map(\.id)
      return service
    }
    return desired
  }
}
