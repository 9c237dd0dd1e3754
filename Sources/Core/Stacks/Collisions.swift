import YAML

/// Finds stacks that Compose would take for one another.
public enum Collisions {
  /// Tells where a stack claims something, or where it gets its project's name.
  public typealias Locate = (_ stack: String, _ claim: Claim?) -> Place?

  /// Compares the projects of all stacks; `places` gives each stack's Compose file, to say where.
  ///
  /// A stack that `had` its project before is not blamed for another one that takes it now.
  public static func between(
    projects: [String: String], places: [String: String], had: [String: String] = [:],
    at locate: Locate = { _, _ in nil }
  ) -> [Diagnostic] {
    let groups = Dictionary(grouping: projects.keys.sorted()) { projects[$0] ?? "" }
    return groups.sorted { $0.key < $1.key }.flatMap { project, stacks -> [Diagnostic] in
      if stacks.count < 2 { return [] }
      let owners = stacks.filter { had[$0] == project }
      return stacks.filter { owners != [$0] }.map { stack in
        let others = stacks.filter { $0 != stack }.listed(4)
        var found = Diagnostic(
          rule: "project-collision", at: locate(stack, nil) ?? (places[stack] ?? stack, nil), stack: stack,
          message: "the project name \(project) is also that of \(others)",
          help: HostTrees.help(stack, stacks.first { $0 != stack }, in: places, otherwise: rename(project)))
        found.dispute = "project \(project)"
        return found
      }
    }
  }

  /// Compares what the services of all stacks claim for themselves; `had` is what each of them claimed before.
  public static func between(
    claims: [String: [Claim]], places: [String: String], had: [String: [Claim]] = [:],
    at locate: Locate = { _, _ in nil }
  ) -> [Diagnostic] {
    let all = claims.sorted { $0.key < $1.key }.flatMap { stack, claims in claims.map { (stack, $0) } }
    var holders: [String: [(String, Claim)]] = [:]
    for (stack, claim) in all { holders[claim.subject, default: []].append((stack, claim)) }
    var found: [(stack: String, other: String, place: Place, claims: [Claim])] = []
    for (stack, claim) in all {
      let isOwner = had[stack]?.contains(claim) == true
      let other = holders[claim.subject]?.first { other, theirs in
        other != stack && theirs.excludes(claim) && !(isOwner && had[other]?.contains(theirs) != true)
      }
      guard let other = other?.0 else { continue }
      let place = locate(stack, claim) ?? (places[stack] ?? stack, nil)
      // A range stands at one place and is one decision.
      let index = found.lastIndex {
        $0.stack == stack && $0.other == other && $0.place == place && $0.claims[0].isOfOneRange(with: claim)
      }
      if let index { found[index].claims.append(claim) } else { found.append((stack, other, place, [claim])) }
    }
    let roots = roots(found.map { ($0.claims[0].subject, $0.stack, $0.other) })
    return zip(found, roots).map { entry, root in
      let (stack, other, place, claims) = entry
      var found = Diagnostic(
        rule: "project-collision", at: place, stack: stack,
        message: "\(Claim.words(claims)) also claimed by \(other)",
        help: HostTrees.help(stack, other, in: places, otherwise: "give one of them another"))
      found.dispute = "\(claims[0].subject): \(root)"
      return found
    }
  }

  /// Returns for each dispute the first of the stacks that dispute one thing with each other.
  private static func roots(_ disputes: [(subject: String, stack: String, other: String)]) -> [String] {
    var parents: [[String]: String] = [:]
    func root(_ subject: String, _ stack: String) -> String {
      var stack = stack
      while let parent = parents[[subject, stack]] { stack = parent }
      return stack
    }
    for (subject, stack, other) in disputes {
      let (one, two) = (root(subject, stack), root(subject, other))
      if one != two { parents[[subject, max(one, two)]] = min(one, two) }
    }
    return disputes.map { root($0.subject, $0.stack) }
  }

  /// Looks for containers of a stack's project that were started from another directory; `held` names the stack of the commit
  /// that has the project there now.
  public static func foreign(
    _ stack: String, project: String, place: String, directory: String, containers: [Container],
    held: (_ directory: String) -> String? = { _ in nil }, at locate: Locate = { _, _ in nil }
  ) -> Diagnostic? {
    guard
      let other = containers.first(where: {
        $0.project == project && !$0.directory.isEmpty && $0.directory != directory
      })
    else { return nil }
    return Diagnostic(
      rule: "project-collision", at: locate(stack, nil) ?? (place, nil), stack: stack,
      message: "the container \(other.name) of the project \(project) already runs from \(other.directory)",
      help: held(other.directory).map { holder in
        "it is \(holder) on this host: if stacks trade places, move one to a directory that no stack has, then the "
          + "others, each in a commit that is synced before the next"
      } ?? "if that is this stack, take it down there, and a sync continues with its volumes: "
        + "`docker compose -p \(project) down`, without `-v`; otherwise, \(rename(project))")
  }

  private static func rename(_ project: String) -> String {
    "give the stack a top-level `name:` that nothing else has (a COMPOSE_PROJECT_NAME in its live `.env` wins over that); "
      + "its present volumes, `\(project)_…`, keep their names and are not used then"
  }
}

extension Subject {
  /// Returns the place where the stack claims something, or where its project's name stands; the first key of its Compose
  /// file where that name is the directory's.
  public func place(of claim: Claim?) -> Place {
    switch claim {
    case nil:
      let (path, mark) = place(topLevel: ["name"])
      return (path, mark ?? sources.first?.document?.mapping?.first?.key.start)
    case .containerName(let name)?:
      let service = services.first { $0.json["container_name"]?.string == name }?.name
      return service.map { place($0, ["container_name"]) } ?? place(of: nil)
    case .port(let port, let transport, let address)?:
      for (service, json) in services {
        let own = json.publishedPorts.map(Port.init).first {
          $0.published == port && $0.transport == transport && $0.address == address
        }
        if let own { return place(service, of: own) }
      }
      return place(of: nil)
    }
  }
}
