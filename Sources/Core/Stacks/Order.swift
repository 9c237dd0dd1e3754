/// Checks the order that `after:` asks for.
public enum Order {
  /// Finds stacks that come after an unknown one, or after themselves.
  public static func problems(
    after: [String: [String]], stacks: Set<String>, places: [String: String]
  ) -> [Diagnostic] {
    var found: [Diagnostic] = []
    func add(_ stack: String, _ message: String) {
      found.append(
        Diagnostic(
          rule: "compose", file: places[stack] ?? stack, stack: stack, message: message,
          help: "mend `after:` in the host's configuration or under `x-clup:` in the Compose file"))
    }
    for (stack, earlier) in after.sorted(by: { $0.key < $1.key }) {
      for name in earlier where !stacks.contains(name) { add(stack, "it comes after \(name), which is no stack") }
      if reaches(stack, from: earlier, after) { add(stack, "it comes after itself") }
    }
    return found
  }

  private static func reaches(_ goal: String, from start: [String], _ after: [String: [String]]) -> Bool {
    var (queue, seen) = (start, Set<String>())
    while let name = queue.popLast() {
      if name == goal { return true }
      if seen.insert(name).inserted { queue += after[name] ?? [] }
    }
    return false
  }
}
