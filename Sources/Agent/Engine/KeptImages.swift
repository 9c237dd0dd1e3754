import Core
import Engine

/// Keeps the images that stacks may go back to under names of clup's own, so that neither a build under their old name nor a
/// prune takes them away.
struct KeptImages: Sendable {
  let programs: Programs

  /// Names each image that a record needs; with `others` false, what no record needs any more loses its name.
  func keep(_ state: State, others: Bool) async throws(Failure) {
    let needed = Dictionary(state.imageIDs.map { (Self.tag(of: $0), $0) }) { first, _ in first }
    let repository = State.keptImages
    try await programs.ask { engine throws(EngineError) in
      let present = try await engine.tags(of: repository)
      for (tag, id) in needed where present[tag] == nil {
        _ = try await engine.tag(id, repository: repository, tag: tag)
      }
      if others { return }
      for tag in present.keys where needed[tag] == nil { try await engine.untag("\(repository):\(tag)") }
    }
  }

  /// A tag holds no colon.
  private static func tag(of id: String) -> String { id.hasPrefix("sha256:") ? String(id.dropFirst(7)) : id }
}

extension State {
  /// The ids of all images that a stack runs, or may go back to.
  fileprivate var imageIDs: Set<String> {
    let maps = stacks.values.flatMap { record in
      [record.standing?.images, record.good?.images, record.pin?.images, record.adopted?.stack.images].compactMap { $0 }
        + record.history.compactMap(\.images)
    }
    return maps.reduce(into: Set<String>()) { $0.formUnion($1.values) }.subtracting(["", Fingerprint.absent])
  }
}
