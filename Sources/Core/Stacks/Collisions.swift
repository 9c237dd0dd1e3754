/// Finds stacks that Compose would take for one another.
public enum Collisions {
  /// Compares the projects of all stacks; `places` gives each stack's Compose file, to say where.
  public static func between(projects: [String: String], places: [String: String]) -> [Diagnostic] {
    let groups = Dictionary(grouping: projects.keys.sorted()) { projects[$0] ?? "" }
    return groups.sorted { $0.key < $1.key }.flatMap { project, stacks in
      stacks.count < 2
        ? []
        : stacks.map { stack in
          let others = stacks.filter { $0 != stack }.joined(separator: ", ")
          return Diagnostic(
            rule: "project-collision", file: places[stack] ?? stack, stack: stack,
            message: "the project name \(project) is also that of \(others)", help: help(stack))
        }
    }
  }

  /// Compares what the services of all stacks claim for themselves.
  public static func between(claims: [String: [Claim]], places: [String: String]) -> [Diagnostic] {
    let all = claims.sorted { $0.key < $1.key }.flatMap { stack, claims in claims.map { (stack, $0) } }
    var holders: [String: [(String, Claim)]] = [:]
    for (stack, claim) in all { holders[claim.subject, default: []].append((stack, claim)) }
    return all.compactMap { stack, claim in
      guard let other = holders[claim.subject]?.first(where: { $0.0 != stack && $0.1.excludes(claim) }) else {
        return nil
      }
      return Diagnostic(
        rule: "project-collision", file: places[stack] ?? stack, stack: stack,
        message: "\(claim) is also claimed by \(other.0)", help: "give one of the two another")
    }
  }

  /// Looks for containers of a stack's project that were started from another directory.
  public static func foreign(
    _ stack: String, project: String, place: String, directory: String, containers: [Container]
  ) -> Diagnostic? {
    guard
      let other = containers.first(where: {
        $0.project == project && !$0.directory.isEmpty && $0.directory != directory
      })
    else { return nil }
    return Diagnostic(
      rule: "project-collision", file: place, stack: stack,
      message: "the container \(other.name) of a project \(project) runs already from \(other.directory)",
      help: help(stack))
  }

  private static func help(_ stack: String) -> String {
    "give the stack its own top-level `name:`, or COMPOSE_PROJECT_NAME in its live `.env`"
  }
}
