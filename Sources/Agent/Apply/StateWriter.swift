import Core

/// The state while stacks are worked on side by side; each change is on the disk before the next step begins.
actor StateWriter {
  private(set) var state: State
  private let checkout: Checkout

  init(_ state: State, checkout: Checkout) {
    self.state = state
    self.checkout = checkout
  }

  func change(_ change: @Sendable (inout State) -> Void) throws(Failure) {
    var next = state
    change(&next)
    if next == state { return }
    try checkout.write(next)
    state = next
  }
}
