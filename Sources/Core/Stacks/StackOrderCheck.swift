import YAML

/// Checks that `after:` names stacks that exist, and leads to no circle.
public enum StackOrderCheck {
  /// Returns where each stack's `after:` stands: in the host's configuration, whose word wins, or in its Compose file.
  public static func places(_ discovery: Discovery, _ subjects: [Subject], _ settings: Settings) -> [String: Place] {
    var found: [String: Place] = [:]
    for stack in discovery.stacks { found[stack.name] = (stack.composeFiles.first ?? stack.name, nil) }
    for subject in subjects where subject.kind == .stack {
      found[subject.stack] = subject.place(topLevel: ["x-clup", "after"])
    }
    for (name, stack) in settings.stacks {
      if let mark = stack.afterMark { found[name] = (settings.file, mark) }
    }
    return found
  }

  /// Finds stacks that come after an unknown one, or after themselves.
  public static func problems(
    after: [String: [String]], stacks: Set<String>, places: [String: Place]
  ) -> [Diagnostic] {
    var found: [Diagnostic] = []
    func add(_ stack: String, _ message: String, _ help: String) {
      found.append(
        Diagnostic(rule: "compose", at: places[stack] ?? (stack, nil), stack: stack, message: message, help: help))
    }
    for (stack, earlier) in after.sorted(by: { $0.key < $1.key }) {
      for name in earlier where !stacks.contains(name) {
        add(
          stack, "it comes after \(name), which is not a stack\(suggestion(for: name, among: stacks.sorted()))",
          "name a stack by its directory, or its file without the ending")
      }
      if let way = path(from: stack, to: stack, after) {
        add(stack, "it comes after itself: \(way.joined(separator: " after "))", "remove one of them from `after:`")
      }
    }
    return found
  }

  private static func path(from start: String, to goal: String, _ after: [String: [String]]) -> [String]? {
    var (queue, seen) = ([[start]], Set<String>())
    while !queue.isEmpty {
      let way = queue.removeFirst()
      for name in after[way.last ?? start] ?? [] {
        if name == goal { return way + [name] }
        if seen.insert(name).inserted { queue.append(way + [name]) }
      }
    }
    return nil
  }
}
