/// One thing that is done to a stack. It names what is so afterwards, and is safe to do twice.
public enum Step: Sendable, Equatable {
  // MARK: before anything is touched

  /// No container of another project is in these networks, which are to be made again.
  case checkNetworks(Set<String>)
  /// The images that services name are on this host; those of the named services are the registry's newest.
  case pull(anew: [String])
  /// The images are here that services are to run by their ids.
  case checkImages

  /// Nothing goes on: what was cut off goes back.
  case abandon(String)

  // MARK: files

  /// These containers write no more into what is about to be replaced.
  case stopWriters([String])
  /// The live paths are as planned, and the pointer names the commit; nothing for a pointer that stays.
  case files([LinkPlan], commit: String?)
  /// What stood at live paths before clup came stands there again; `made` is what clup put there since, `backups` where it
  /// kept what was there.
  case putBack([String: LiveEntry], made: [String: DesiredLink], backups: [String: String])
  /// This stack has no pointer.
  case removePointer(of: String)
  /// Compose makes of the live directory what was judged; what was good once still has its files and bind sources.
  ///
  /// With `onlyChanged` Compose is asked only where a file of the host's own, or a copy, is another than it was judged with:
  /// nothing else was begun since the stack was in place, or nothing of the host's own stands where Compose looks.
  case check([ServicePlan], onlyChanged: Bool)
  /// The images of these services are built.
  case build([ServicePlan])

  // MARK: containers

  /// These containers are no longer paused.
  case resume([String])
  /// What a Compose that was cut off has left of a project is gone.
  case clear(project: String)
  /// The next containers of services get these volumes from the ones that stand there; what has others goes, but for the
  /// containers named.
  case carry([CarriedVolumes], but: Set<String>)
  /// These containers are stopped.
  case stop([String])
  /// The services are stopped in the order that their Compose file asks for, as far as it does.
  case stopInOrder([String])
  /// All that the stack has started is stopped; these containers, which ran before, run on.
  case stopStarted(but: Set<String>)
  /// These containers run as they are.
  case start([String])
  /// The containers of services are as planned.
  case up([ServicePlan])
  /// The containers of services are as a person's own calls of Compose had made them.
  case upAsFound(AdoptedServices)
  /// The stack is seen to be what it promises.
  case verify(Expectation)
  /// These containers are gone.
  case remove([String])
  /// The networks that Compose made for a project are gone, but those that are used.
  case removeNetworks(project: String)

  // MARK: records

  /// The record of a stack says what happened; where `isNeeded` is false, a full disk keeps nobody from going on.
  case record(StackEvent, of: String, isNeeded: Bool)
}

extension Step {
  /// How far a change has come with it.
  public var reaches: Reached {
    switch self {
    case .checkNetworks, .pull, .checkImages, .record, .abandon: .nothing
    case .stopWriters, .files, .putBack, .removePointer, .check, .build: .files
    case .resume, .clear, .carry, .stop, .stopInOrder, .stopStarted, .start, .up, .upAsFound, .verify, .remove,
      .removeNetworks:
      .containers
    }
  }

  /// The containers that it removes.
  public var removed: [String] { if case .remove(let ids) = self { ids } else { [] } }

  /// Says for people what is being done; nothing of what takes no time, or tells of itself.
  public var doing: String? {
    switch self {
    case .checkNetworks, .pull, .checkImages, .build, .clear, .verify, .removePointer, .record, .abandon: nil
    case .stopWriters(let ids): ids.isEmpty ? nil : "stopping containers that write to its files"
    case .files(let links, _): links.contains { $0.action != .keep } ? "linking its files" : nil
    case .putBack: "restoring its live paths"
    case .check: "asking Compose about the live files"
    case .resume(let ids): ids.isEmpty ? nil : "resuming paused containers"
    case .stop(let ids): ids.isEmpty ? nil : "stopping containers"
    case .stopInOrder, .stopStarted: "stopping containers"
    case .start(let ids): ids.isEmpty ? nil : "starting containers"
    case .up, .upAsFound: text
    case .carry: nil
    case .remove(let ids): ids.isEmpty ? nil : "removing containers"
    case .removeNetworks: "removing networks"
    }
  }

  /// Says it for people; nothing of what only clup keeps for itself, or of what there is nothing to do for.
  public var text: String? {
    func list(_ names: some Sequence<String>) -> String { names.sorted().joined(separator: ", ") }
    switch self {
    case .checkNetworks(let networks): return "check that no container of another project is in \(list(networks))"
    case .pull(let anew):
      return "pull missing images" + (anew.isEmpty ? "" : ", and pull \(list(anew)) again")
    case .checkImages: return "check that the previous images are on this host"
    case .abandon: return "go back to what ran before"
    case .stopWriters(let ids):
      return "stop \(ids.count.counted("container")) that write\(ids.count == 1 ? "s" : "") to files being replaced"
    case .files(let links, let commit):
      let (gone, made) = (
        links.filter { $0.action == .remove }, links.filter { ![.keep, .remove].contains($0.action) }
      )
      let parts = [
        commit.map { "point the release link to \($0.prefix(7))" },
        made.isEmpty ? nil : "link \(list(made.map(\.live)))",
        gone.allSatisfy { $0.restored != nil } ? nil : "unlink \(list(gone.filter { $0.restored == nil }.map(\.live)))",
        gone.allSatisfy { $0.restored == nil }
          ? nil : "put back the host's own \(list(gone.filter { $0.restored != nil }.map(\.live)))",
      ].compactMap { $0 }
      return parts.isEmpty ? nil : parts.joined(separator: ", ")
    case .putBack(let found, _, _): return "put back \(list(found.keys))"
    case .removePointer: return "remove the release link"
    case .check: return "check that Compose resolves the live files as it resolved the commit"
    case .build(let services):
      let changed = services.filter { $0.way == .build }.map(\.name)
      return changed.isEmpty ? nil : "build \(list(changed))"
    case .resume(let ids): return "unpause \(ids.count.counted("container"))"
    case .carry(let volumes, _): return "keep the volumes of \(list(Set(volumes.map(\.service))))"
    case .clear(let project): return "remove what an interrupted Compose left of \(project)"
    case .stop(let ids): return "stop \(ids.count.counted("container"))"
    case .stopInOrder(let services): return "stop \(list(services))"
    case .stopStarted: return "stop what was started"
    case .start(let ids): return "start \(ids.count.counted("container"))"
    case .up(let services):
      let acting = services.filter { ![.keep, .remove].contains($0.action) }
      return acting.isEmpty ? nil : list(acting.map { "\($0.action.rawValue) \($0.name)" })
    case .upAsFound(let services): return "bring back \(list(services.names))"
    case .verify: return "wait until it is healthy"
    case .remove(let ids): return "remove \(ids.count.counted("container"))"
    case .removeNetworks(let project): return "remove the networks of \(project)"
    case .record: return nil
    }
  }
}

/// What a stack is expected to be while it is watched.
public enum Expectation: Sendable {
  /// To be what a commit wants.
  case commit
  /// To be what was good once, with the images of that time.
  case good
  /// To be as well as it was found.
  case found
}

/// How far a change came before it failed; what it did not reach need not go back.
public enum Reached: Comparable, Sendable { case nothing, files, containers }
