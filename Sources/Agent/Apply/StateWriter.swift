import Core

/// The state while stacks are worked on side by side; each change is on the disk before the next step begins.
actor StateWriter {
  private(set) var state: State
  private let checkout: Checkout
  private var kept: [String: KeptDeployment] = [:]

  init(_ state: State, checkout: Checkout) {
    self.state = state
    self.checkout = checkout
  }

  func change(_ change: @Sendable (inout State) throws(IllegalTransition) -> Void) throws(Failure) {
    var next = state
    try recording { () throws(IllegalTransition) in try change(&next) }
    if next == state { return }
    try checkout.write(next, &kept)
    state = next
  }
}

/// Records what happened; that something cannot have happened is a fault of clup, and changes nothing.
func recording(_ work: () throws(IllegalTransition) -> Void) throws(Failure) {
  do throws(IllegalTransition) { try work() } catch {
    throw Failure(
      .host, "clup's own records do not fit what it did: \(error)", help: "nothing was written down; please report this"
    )
  }
}
