import Core
import Processes

/// The places that a plan needs to write to. The kernel keeps clup, and every program that it starts, from all others.
struct WriteSandbox: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs

  /// Raises the fence around a plan and its recovery; says whether the kernel can hold one.
  func raise(around plan: Plan, _ state: State) throws(Failure) -> Bool {
    var places = [checkout.path, "/dev/null"]
    let ways = plan.allLinks.filter { $0.action != .keep }.map(\.live) + plan.stacks.flatMap { wayBack(of: $0, state) }
    let materialized = plan.allLinks.filter(\.materializes).map(\.live)
    // What becomes a directory does so in the one that holds it.
    let parents = ways.map { way in
      Path.parent(materialized.filter { Path.relative(way, to: $0) != nil }.min { $0.count < $1.count } ?? way)
    }
    for parent in Set(parents).sorted() {
      // A directory that is to be made cannot be named yet: it is made first, and no link is followed on the way.
      _ = try DirectoryHandle(settings.liveRoot, parent, create: true)
      places.append(Path.join(settings.liveRoot, parent))
    }
    let builds = plan.stacks.compactMap(\.desired).flatMap(\.services).contains(where: \.isBuilt)
    // What builds images keeps its own state there; nothing else of Docker's writes at all.
    if builds { places += ["/tmp", (programs.environment["HOME"] ?? "/root") + "/.docker"] }
    do throws(ProcessError) {
      return try Fence.raise(writable: places.filter { Files.resolved($0) != nil })
    } catch {
      throw Failure(
        .host, "cannot set up the write sandbox (Landlock): \(error.message)",
        help: "nothing was changed; sync again, and report it with the output of `uname -r` if it repeats")
    }
  }

  /// The live paths that a deploy may lead back, also where a sync before this one has led them already. Where there is a
  /// link before and after, the recovery renames a pointer, and writes nothing there.
  private func wayBack(of stack: StackPlan, _ state: State) -> [String] {
    guard let desired = stack.desired else { return [] }
    let origin = state.origin(of: stack.name, project: desired.project)?.good
    guard let good = state.lastGood(stack.name) ?? origin else {
      return state.stacks[stack.name]?.adopted?.found.keys.map { $0 } ?? []
    }
    let wishes = Deployment(desired)
    return Set(good.paths.keys).union(wishes.paths.keys).filter { path in
      guard origin == nil, let before = good.paths[path], let after = wishes.paths[path] else { return true }
      return before.kind != after.kind || before.kind == .copy && before.id != after.id
        || (good.links[path] == nil) != (wishes.links[path] == nil)
    }
  }
}
