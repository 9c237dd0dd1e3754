/// Decides what is done at live paths.
public struct LinkPlanning: Sendable {
  /// The directory of the pointers, absolute.
  let pointers: String
  /// Where they lay before the checkout was moved: a link that leads there is clup's own, and not in place.
  let former: [String]
  /// The ids of the files that the host itself had at live paths, and gets back where the repository no longer has them. Which
  /// Compose file counts is another question: none is among them.
  public let kept: [String: String]

  /// Plans for the pointers of one checkout, and what the records tell of live paths.
  public init(pointers: String, former: [String] = [], known: [DesiredLink] = []) {
    (self.pointers, self.former) = (pointers, former)
    kept = known.reduce(into: [:]) { kept, link in
      guard case .file(let id) = link.former, !ComposeFileName.main.contains(Path.name(link.from)) else { return }
      kept[link.from] = id
    }
  }

  /// Returns the name of a stack's files in the checkout, its pointer and its locks: `runner/compose` is
  /// `runner+compose`, the root stack `+`.
  public static func fileName(of stack: String) -> String {
    if stack == "." { return "+" }
    var name = ""
    for letter in stack {
      switch letter {
      case "%": name += "%25"
      case "+": name += "%2B"
      case "/": name += "+"
      default: name.append(letter)
      }
    }
    return name
  }

  /// Names what leads a live path that the configuration names or several stacks need, in `stacks/+links+…`; no stack's
  /// name begins with `/`.
  public static func shared(_ path: String) -> String { "/links/\(path)" }

  /// Returns the text of the link at a live path.
  public func target(_ pointer: String, _ path: String) -> String { "\(pointers)/\(pointer)/\(path)" }

  /// Returns whether a link's text leads through one of clup's pointers.
  public func isOwn(_ text: String) -> Bool { ([pointers] + former).contains { text.hasPrefix($0 + "/") } }

  /// Returns whether a link's text leads through a pointer to a path, also where the pointer lay before the checkout was moved.
  private func leads(_ text: String, through pointer: String, to path: String) -> Bool {
    ([pointers] + former).contains { "\($0)/\(pointer)/\(path)" == text }
  }

  /// Plans each live path, sorted. What the host had there before clup came is put back where the stack `uses` it and the
  /// repository no longer has it.
  public func plan(
    pointer: String, desired: [String: DesiredLink], known: [String: DesiredLink], live: [String: LiveEntry],
    uses: (String) -> Bool = { _ in false }
  ) -> [LinkPlan] {
    let materialized = materialized(for: desired, known: known, live: live)
    var plans = materialized.map { path, backsUp in
      let found = live[path] ?? .absent
      let text = if case .link(let text) = found { text } else { target(pointer, path) }
      return LinkPlan(live: path, desired: nil, target: text, action: .replace, backsUp: backsUp, found: found)
    }
    for (path, wish) in desired {
      let text = target(pointer, wish.from)
      var (action, backsUp) = decide(wish, text, known[path], live[path] ?? .absent)
      // What is seen there is seen through the link, and comes along when that becomes a directory.
      if action != .create, Path.ancestors(path).contains(where: { materialized[$0] != nil }) {
        (action, backsUp) = (.replace, false)
      }
      plans.append(
        LinkPlan(
          live: path, desired: wish, target: text, action: action, backsUp: backsUp, found: live[path] ?? .absent))
    }
    for (path, former) in known where desired[path] == nil && materialized[path] == nil {
      // Below a directory that is itself a link now, the path leads into the release: nothing of ours stands there.
      if desired.keys.contains(where: { Path.relative(path, to: $0) != nil }) { continue }
      let text = target(pointer, former.from)
      let ours =
        switch live[path] ?? .absent {
        case .link(let present): leads(present, through: pointer, to: former.from)
        case .file(let id): former.wrote(id)
        default: false
        }
      guard ours else { continue }
      plans.append(
        LinkPlan(
          live: path, desired: nil, target: text, action: .remove, backsUp: false, found: live[path] ?? .absent,
          restored: uses(path) ? former.former : nil))
    }
    return plans.sorted { $0.live < $1.live }
  }

  /// Finds what must become a directory for the paths below it: links of clup's own, and files that it wrote. Says of each
  /// whether somebody else has changed it.
  private func materialized(
    for desired: [String: DesiredLink], known: [String: DesiredLink], live: [String: LiveEntry]
  ) -> [String: Bool] {
    var materialized: [String: Bool] = [:]
    for path in desired.keys {
      for above in Path.ancestors(path) where desired[above] == nil && materialized[above] == nil {
        switch live[above] {
        case .link(let text) where isOwn(text): materialized[above] = false
        case .file(let id):
          if let former = known[above], former.kind == .copy { materialized[above] = !former.wrote(id) }
        default: break
        }
      }
    }
    return materialized
  }

  private func decide(
    _ wish: DesiredLink, _ text: String, _ known: DesiredLink?, _ present: LiveEntry
  ) -> (LinkReport.Action, Bool) {
    switch (wish.kind, present) {
    case (_, .absent): (.create, false)
    case (.link, .link(let found)) where found == text: (.keep, false)
    case (.copy, .file(let id)) where id == wish.id && known?.differsInMode(from: wish) == true: (.replace, false)
    case (.copy, .file(let id)) where id == wish.id: (.keep, false)
    // What a container wrote into it stays until a commit changes the file.
    case (.copy, .file) where wish.isWritable == true && known.map { $0.isPlaced && $0.id == wish.id } ?? false:
      (.keep, false)
    case (_, .link(let found)) where isOwn(found): (.replace, false)
    case (_, .file(let id)) where known?.wrote(id) ?? false: (.replace, false)
    default: (.replace, true)
    }
  }
}
