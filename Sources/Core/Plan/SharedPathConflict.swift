/// A stack that cannot go where it is to go, since another one needs a live path of both as it is.
public struct SharedPathConflict: Sendable, Equatable {
  /// The other stack.
  public var stack: String
  /// The live path.
  public var path: String

  init(stack: String, path: String) { (self.stack, self.path) = (stack, path) }

  /// Says that the other stack has a service that only one of both can run.
  public init(stack: String, service: String) { self.init(stack: stack, path: "the service \(service)") }

  /// Finds the stacks that cannot move: each wish for a live path must be what every other stack there wants as well.
  ///
  /// `moving` and `staying` give for each stack the id that it wants, or has, at each live path. What cannot move stays,
  /// with what it has in `known`, and may keep others in turn.
  public static func find(
    moving: [String: [String: String]], staying: [String: [String: String]], known: (String) -> [String: String]
  ) -> [String: SharedPathConflict] {
    var (moving, staying) = (moving, staying)
    var ties: [String: SharedPathConflict] = [:]
    while true {
      var wants: [String: [(stack: String, id: String)]] = [:]
      // Those that are led to different commits keep each other.
      for (stack, paths) in staying.sorted(by: { $0.key < $1.key }) + moving.sorted(by: { $0.key < $1.key }) {
        for (path, id) in paths { wants[path, default: []].append((stack, id)) }
      }
      let found = moving.compactMapValues { paths in
        paths.sorted { $0.key < $1.key }.lazy.compactMap { path, id in
          wants[path]?.first { $0.id != id }.map { SharedPathConflict(stack: $0.stack, path: path) }
        }.first
      }
      if found.isEmpty { return ties }
      for (stack, tie) in found {
        ties[stack] = tie
        moving[stack] = nil
        staying[stack] = known(stack)
      }
    }
  }
}
