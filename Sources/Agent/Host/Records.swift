import Core

/// The records while they are changed, here and by whoever else works on other stacks. Each change is on the disk before the
/// next step begins.
actor Records {
  /// What was read or written last.
  private(set) var state = State()
  private let checkout: Checkout
  private var kept: [String: KeptDeployment] = [:]
  private var version: String?
  private var isRead = false

  init(_ checkout: Checkout) { self.checkout = checkout }

  func now() throws(Failure) -> State {
    let present = Files.version(of: checkout.stateFile)
    if !isRead || present != version {
      state = try checkout.state(&kept)
      (version, isRead) = (present, true)
    }
    return state
  }

  /// Reads them while something else goes on.
  func read() -> Result<State, Failure> {
    do throws(Failure) { return .success(try now()) } catch { return .failure(error) }
  }

  /// Removes the deployments that no record names any more, and what a write that was cut off has left.
  func sweep() throws(Failure) {
    try checkout.withRecords { () throws(Failure) in
      _ = try now()
      // Without the file, or with one of an earlier version, nobody knows what is needed.
      if version != nil, state.lost == LostRecords(), !kept.isEmpty || state.standing.isEmpty {
        checkout.sweepDeployments(keeping: kept)
      }
    }
  }

  func change(_ change: Change) throws(Failure) {
    try checkout.withRecords { () throws(Failure) in
      var next = try now()
      let before = next
      try recording { () throws(IllegalTransition) in try change(&next) }
      if next == before { return }
      try checkout.write(next, &kept)
      next.lost = LostRecords()
      (state, version) = (next, Files.version(of: checkout.stateFile))
    }
  }

  /// Makes something of the records; it may be made of them once more, as they are by then.
  typealias Change = @Sendable (inout State) throws(IllegalTransition) -> Void
}

/// Records what happened; that something cannot have happened is a fault of clup, and changes nothing.
func recording(_ work: () throws(IllegalTransition) -> Void) throws(Failure) {
  do throws(IllegalTransition) { try work() } catch {
    throw Failure(
      .host, "internal error: \(error); the step was not recorded",
      help: "please report this with the output of `clup status --output json`, and sync again")
  }
}
