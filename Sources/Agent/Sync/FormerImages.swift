import Core

extension Prepare {
  /// What ran at a commit before runs with the images of that time.
  func images(_ pin: Pin, _ stack: DesiredStack) -> [String: String] {
    if !pin.images.isEmpty {
      guard request.rollback == nil, let known = state.lastGood(stack.name), known.commit == pin.commit else {
        return pin.images
      }
      // A service that the host's `.env` gives another reference now follows that one.
      let former = DesiredStack(stack.name, known).references
      let references = stack.references
      return pin.images.filter { former[$0.key] == nil || former[$0.key] == references[$0.key] }
    }
    let records = (request.rollback?.goal.records[stack.name] ?? []) + (state.stacks[stack.name]?.history ?? [])
    return records.first { $0.contents == stack.contents }?.images ?? [:]
  }

  /// An image that was removed since cannot be gone back to: then its reference decides, and the plan says so. What is kept
  /// because its commit failed is not given what may have failed.
  func dropMissingImages(
    _ desired: inout [String: DesiredStack], keeping held: [String: StackTarget]
  ) async throws(Failure) -> [String: [String]] {
    let wanted = desired.filter { held[$0.key] == nil }
    let found = try await Images(programs: programs).ids(of: wanted.values.flatMap(\.images.values))
    var lost: [String: [String]] = [:]
    for (name, stack) in wanted {
      let references = stack.references
      for (service, id) in stack.images.sorted(by: { $0.key < $1.key }) where found[id] != id {
        desired[name]?.images[service] = nil
        guard let reference = references[service] else { continue }
        lost[name, default: []].append(
          "the image that \(service) ran then is no longer on this host; \(reference) is used instead, which may be "
            + "another image"
        )
      }
    }
    return lost
  }
}
