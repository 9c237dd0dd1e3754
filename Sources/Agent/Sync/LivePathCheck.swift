import Core
import Glibc
import Processes

/// Looks for what stands in the way of a plan at the live paths themselves.
struct LivePathCheck: Sendable {
  let settings: Settings
  let checkout: Checkout
  let observed: Observed
  let links: LinkPlanning

  func problems(of plan: Plan) -> [Diagnostic] {
    let own = plan.stacks.flatMap { stack in stack.links.map { (link: $0, stack: String?.some(stack.name)) } }
    return (own + plan.links.map { ($0, nil) }).filter { [.create, .replace].contains($0.link.action) }
      .compactMap { problem($0.link, $0.stack, plan) }
  }

  /// Whether a path that is protected only since its directory is called like runtime state is a stack's, and there is no state:
  /// the directory is new, or has a Compose file already.
  private func isOwn(_ path: String, _ stack: String?, _ plan: Plan) -> Bool {
    guard case .deploy(let desired)? = plan.stacks.first(where: { $0.name == stack })?.work else { return false }
    let place = desired.place
    if settings.protectedPaths.sparing([place.directory]).glob(protecting: path) != nil { return false }
    let names = Set(Files.names(in: Path.join(settings.liveRoot, place.directory)))
    return names.isEmpty || !names.isDisjoint(with: place.files + ComposeFileName.main)
  }

  private func problem(_ link: LinkPlan, _ stack: String?, _ plan: Plan) -> Diagnostic? {
    let file = link.desired?.from ?? link.live
    func refuse(_ message: String, _ help: String) -> Diagnostic {
      Diagnostic(rule: "forbidden-file", file: file, stack: stack, message: message, help: help, isFinal: true)
    }
    if let glob = settings.protectedPaths.glob(protecting: link.live), !isOwn(link.live, stack, plan) {
      return Discovery.landsOnState(link.live, glob: glob, stack: stack).asFinal
    }
    let place = Path.join(settings.liveRoot, link.live)
    if link.materializes, let system = fileSystemWithoutExchange(at: Path.parent(place)) {
      return refuse(
        "\(place) must become a directory, and its file system (\(system)) cannot exchange a link for a "
          + "directory in one step",
        "stop the containers that mount it, replace the link with a directory that has the same files, and sync again")
    }
    if Path.overlap(place, checkout.path) {
      return refuse("\(file) would land in clup's own directory \(checkout.path)", "remove it from the repository")
    }
    let materialized = plan.allLinks.filter(\.materializes).map(\.live)
    if materialized.contains(where: { $0 != link.live && Path.relative(link.live, to: $0) != nil }) { return nil }
    if let obstacle = Obstacle.file(above: link.live, in: settings.liveRoot) {
      return refuse(obstacle.message, obstacle.help)
    }
    for ancestor in Path.ancestors(link.live) {
      let directory = Path.join(settings.liveRoot, ancestor)
      guard let found = Files.status(directory), Files.isLink(found) else { continue }
      // A directory link of clup's own goes away first.
      if plan.allLinks.contains(where: { $0.live == ancestor && $0.action == .remove }) { break }
      return refuse(
        "\(directory) is a link, and clup follows no link on the way to a live path",
        "make it a directory, or exclude the stack")
    }
    switch observed.live[link.live] ?? .absent {
    case .link(let text) where owner(of: text) != nil:
      return refuse(
        "\(place) points to another clup, with the checkout \(owner(of: text) ?? "")",
        "exclude the stack in one of the two configurations; if that checkout is no longer used, move it away")
    case .directory where !Files.names(in: place).isEmpty:
      return refuse(
        "\(place) is a directory with files in it where the commit has a file", "move it aside, and sync again")
    case .other:
      return refuse("\(place) is a socket, pipe or device where the commit has a file", "move it aside, and sync again")
    default: return nil
    }
  }

  /// Finds the checkout of another clup that a link leads through.
  private func owner(of text: String) -> String? {
    guard !links.isOwn(text), let cut = text.firstRange(of: "/stacks/") else { return nil }
    let other = String(text[..<cut.lowerBound])
    return ["lock", "state.json"].allSatisfy { Files.status("\(other)/\($0)") != nil } ? other : nil
  }
}

/// What stands in the way whatever the plan.
enum Obstacle {
  /// Finds a file where a live path needs a directory.
  static func file(above path: String, in liveRoot: String) -> (message: String, help: String)? {
    for ancestor in Path.ancestors(path) {
      let directory = Path.join(liveRoot, ancestor)
      guard let found = Files.status(directory) else { return nil }
      if Files.isDirectory(found) || Files.isLink(found) { continue }
      return ("\(directory) is a file where the commit has a directory", "move it aside, and sync again")
    }
    return nil
  }
}
