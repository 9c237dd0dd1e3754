extension State {
  /// Pins stacks by a rollback; what each was pinned to or held at comes again where that fails.
  public mutating func pin(_ pins: [String: Pin]) {
    for (name, pin) in pins {
      let former = self.pins[name].map { $0.replaces ?? [$0] } ?? []
      self.pins[name] = pin
      self.pins[name]?.replaces = former
      self.pins[name]?.held = holds[name]
    }
  }

  /// Takes up what a plan has found out already: which failures no longer count, which pins stand, and which stacks were
  /// judged again.
  public mutating func take(_ plan: Plan, of discovery: Discovery) {
    let names = Set(discovery.stacks.map(\.name)).union(pins.keys)
    holds = holds.filter { name, hold in
      names.contains(name) && !plan.stacks.contains { $0.name == name && $0.aim.lifts(hold) }
    }
    for stack in plan.stacks where stack.work == .none && stack.aim.isPin { pins[stack.name]?.prove() }
    stacks.merge(plan.judged) { $1 }
  }
}
