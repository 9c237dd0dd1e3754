/// All that decides what runs of a stack: what Compose reads, and what it makes of that.
public struct Inputs: Sendable, Equatable {
  /// What else an attempt stood under. It counts for a commit that failed, and makes nobody deploy what runs well.
  public struct Conditions: Sendable, Equatable {
    /// The fingerprint of what the host's configuration says of the stack; nothing where that is not known.
    var settings: String?
    /// The id behind each image's reference; nothing where the engine was not asked.
    var images: [String: String]?
  }

  /// One thing that is not what it was.
  public enum Difference: Sendable, Equatable {
    /// A path of the repository: what became of it.
    case tracked(String, String)
    /// A path of the host's own.
    case untracked(String)
    /// A service, as Compose resolves it.
    case service(String, DesiredService.Difference)
    /// A service that there was, or was not.
    case services(String)
    /// The host's settings, or an image behind a reference.
    case condition(String)

    var text: String {
      switch self {
      case .tracked(let path, let change): "\(path) \(change)"
      case .untracked(let path): "the host's \(path) changed"
      case .service(let name, let difference): "\(name): \(difference.text)"
      case .services(let name): "\(name) added or removed"
      case .condition(let what): "\(what) changed"
      }
    }
  }

  /// Each path of the repository, with the fingerprint of what stands there; `absent` where a file would count.
  var tracked: [String: String]
  /// Each path of the host's own, with the id of what stands there.
  var untracked: [String: String]
  /// Its services as Compose resolved them; nothing where nobody asked, since equal sources give equal services.
  var services: [DesiredService]?
  /// What an attempt stood under; nothing where no attempt is meant.
  var conditions: Conditions?

  /// Returns what stands at the same paths in a commit and on the host now. Compose is not asked.
  public func now(in tree: CommitTree, host: [String: String], conditions: Conditions? = nil) -> Inputs {
    Inputs(
      tracked: tracked.reduce(into: [:]) { $0[$1.key] = tree.fingerprint($1.key) },
      untracked: untracked.reduce(into: [:]) { $0[$1.key] = host[$1.key] }, conditions: conditions)
  }

  /// Lists what is another than was recorded, none where the stack is made from the same. What either side does not know is
  /// not different.
  public func differences(from recorded: Inputs) -> [Difference] {
    var found: [Difference] = recorded.tracked.keys.sorted().compactMap { path in
      let (now, before) = (tracked[path] ?? Fingerprint.absent, recorded.tracked[path])
      if Fingerprint.isSame(now, before) { return nil }
      let change = now == Fingerprint.absent ? "removed" : before == Fingerprint.absent ? "added" : "changed"
      return .tracked(path, change)
    }
    found += recorded.untracked.keys.sorted().filter { untracked[$0] != recorded.untracked[$0] }
      .map(Difference.untracked)
    if let services, let before = recorded.services { found += Self.differences(services, from: before) }
    if let conditions, let before = recorded.conditions { found += conditions.differences(from: before) }
    return found
  }

  /// The host's own paths that changed, where nothing of the repository did.
  public func hostsOwnAlone(since recorded: Inputs) -> [String] {
    let found = differences(from: recorded)
    if found.contains(where: { if case .tracked = $0 { true } else { false } }) { return [] }
    return found.compactMap { if case .untracked(let path) = $0 { path } else { nil } }
  }

  private static func differences(_ services: [DesiredService], from before: [DesiredService]) -> [Difference] {
    let now = Dictionary(services.map { ($0.name, $0) }) { first, _ in first }
    let known = Dictionary(before.map { ($0.name, $0) }) { first, _ in first }
    return Set(now.keys).union(known.keys).sorted().flatMap { name -> [Difference] in
      guard let service = now[name], let old = known[name] else { return [.services(name)] }
      return service.differences(from: old).map { .service(name, $0) }
    }
  }
}

extension Inputs.Conditions {
  fileprivate func differences(from recorded: Inputs.Conditions) -> [Inputs.Difference] {
    var found: [Inputs.Difference] = []
    if let settings, let before = recorded.settings, settings != before {
      found.append(.condition("the host's settings"))
    }
    if let images, let before = recorded.images {
      found += before.keys.sorted().filter { images[$0] != before[$0] }.map { .condition("the image \($0)") }
    }
    return found
  }
}

extension Deployment {
  /// Whether it uses what the host itself has at a live path: mounts it, or has Compose read it.
  func uses(_ path: String) -> Bool { DesiredStack("", self).uses(path) }

  /// What it was made from.
  public var inputs: Inputs { Inputs(tracked: tracked, untracked: untracked, services: services) }
}

extension DesiredStack {
  /// Whether it uses what the host itself has at a live path: mounts it, or has Compose read it.
  func uses(_ path: String) -> Bool {
    if let id = untracked[path], id != Fingerprint.absent { return true }
    if ComposeFileName.main.contains(Path.name(path)) { return false }
    return (reads ?? []).contains { $0 == path || Path.relative(path, to: $0) != nil }
  }

  /// What it is to be made from.
  public var inputs: Inputs { Inputs(tracked: tracked, untracked: untracked, services: services) }
}

extension Hold {
  /// Whether all is still as it was when the commit failed; `images` are the ids behind references now, nothing where
  /// the engine was not asked.
  public func stands(
    in tree: CommitTree, host: [String: String], settings: String, images: [String: String]?
  ) -> Bool {
    let own = images.map { found in self.images.keys.reduce(into: [:]) { $0[$1] = found[$1] } }
    let now = inputs.now(in: tree, host: host, conditions: .init(settings: settings, images: own))
    return now.differences(from: inputs).isEmpty
  }

  /// What failed, and what it stood under.
  var inputs: Inputs {
    Inputs(
      tracked: tracked, untracked: untracked,
      conditions: .init(settings: settings, images: images))
  }
}
