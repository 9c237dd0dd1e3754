/// What happens to a live path that has a pointer of its own. Nothing else changes its record, which is a `DesiredLink`: what
/// stands there, or what it is brought to, with what may stand there instead until it is placed.
public enum LinkEvent: Sendable, Equatable {
  /// It is about to get this; the link is what a stack had there alone until now.
  case began(DesiredLink, over: DesiredLink?)
  /// This was put there.
  case placed(DesiredLink)
  /// Nobody needs it any more, or one stack has it alone again.
  case released
}

extension State {
  /// Writes down what happened to a live path that has a pointer of its own.
  public mutating func record(_ event: LinkEvent, at path: String) throws(IllegalTransition) {
    switch (links[path], event) {
    case (let known, .began(let next, let own)): links[path] = (known ?? own)?.transitioning(to: next) ?? next.pending
    case (let known?, .placed(let link)) where known.isSame(as: link): links[path] = link
    case (.some, .released): links[path] = nil
    case (.some, .placed), (nil, .placed), (nil, .released):
      throw IllegalTransition(description: "\(event.name) cannot come now at \(path)")
    }
  }
}

extension LinkEvent {
  fileprivate var name: String {
    switch self {
    case .began: "began"
    case .placed: "placed"
    case .released: "released"
    }
  }
}
