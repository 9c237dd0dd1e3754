/// A stack that cannot go where it is to go, since another one stays where it is.
public struct SharedPathConflict: Sendable, Equatable {
  /// What keeps the stack.
  public enum Cause: Sendable, Equatable {
    /// A live path of both.
    case file(String)
    /// A container name or a port that the other stack has.
    case claim(Claim)
    /// A service that moves between the two.
    case service(String)
  }

  /// The other stack.
  public var stack: String
  /// What keeps the stack.
  public var cause: Cause

  /// Describes one.
  public init(stack: String, _ cause: Cause) { (self.stack, self.cause) = (stack, cause) }

  /// Begins a sentence about a stack, which a verb of the other stack ends.
  public func words(of name: String) -> String {
    if case .service = cause { return "\(cause) moves between \(name) and \(stack), and \(stack)" }
    return "\(name) shares \(cause) with \(stack), which"
  }

  /// Finds the stacks that cannot move: each wish for a live path must be what every other stack there wants as well.
  ///
  /// `moving` and `staying` give for each stack the id that it wants, or has, at each live path. What cannot move stays,
  /// with what it has in `known`, and may keep others in turn.
  public static func find(
    moving: [String: [String: String]], staying: [String: [String: String]], known: (String) -> [String: String]
  ) -> [String: SharedPathConflict] {
    var (moving, staying) = (moving, staying)
    var conflicts: [String: SharedPathConflict] = [:]
    while true {
      var wants: [String: [(stack: String, id: String)]] = [:]
      // Those that are led to different commits keep each other.
      for (stack, paths) in staying.sorted(by: { $0.key < $1.key }) + moving.sorted(by: { $0.key < $1.key }) {
        for (path, id) in paths { wants[path, default: []].append((stack, id)) }
      }
      let found = moving.compactMapValues { paths in
        paths.sorted { $0.key < $1.key }.lazy.compactMap { path, id in
          wants[path]?.first { $0.id != id }.map { SharedPathConflict(stack: $0.stack, .file(path)) }
        }.first
      }
      if found.isEmpty { return conflicts }
      for (stack, tie) in found {
        conflicts[stack] = tie
        moving[stack] = nil
        staying[stack] = known(stack)
      }
    }
  }
}

extension SharedPathConflict.Cause: CustomStringConvertible {
  /// The cause for people.
  public var description: String {
    switch self {
    case .file(let path): path
    case .claim(let claim): claim.description
    case .service(let name): "the service \(name)"
    }
  }
}
