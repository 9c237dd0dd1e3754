@testable import Core

/// A host without an engine, on which each step has a pure effect: live paths, one stack's pointer, its containers, its record.
struct ModelHost {
  static let name = "s"
  static let links = LinkPlanning(pointers: "/clup/stacks")
  static let directory = "/live/s"

  /// A container, with the content that it was made with.
  struct Box: Equatable {
    let id: String
    let service: String
    let hash: String
    let image: String
    var state: String
    /// The id of what each path held that it mounts, when it was made.
    let content: [String: String]
  }

  /// What each commit has.
  var trees: [String: [String: String]] = [:]
  var live: [String: LiveEntry] = [:]
  var pointer: String?
  var boxes: [Box] = []
  var state = State()
  /// The services that never become healthy, as they are defined.
  var bad: Set<String> = []
  private var made = 0

  var observed: Observed {
    var observed = Observed()
    observed.pointers = pointer.map { [Self.name: $0] } ?? [:]
    observed.live = live
    observed.containers = boxes.map { box in
      var container = Container(
        id: box.id, name: "p-\(box.service)-1", state: box.state, image: "busybox:1", project: "p",
        service: box.service, hash: box.hash, directory: Self.directory)
      container.imageID = box.image
      return container
    }
    return observed
  }

  /// The containers as a watch shows them.
  var watched: [WatchedContainer] {
    boxes.map { box in
      WatchedContainer(
        id: box.id, service: box.service, state: box.state, health: "none", exitCode: 0, restarts: 0,
        age: .seconds(60), hash: box.hash, image: box.image, directory: Self.directory)
    }
  }

  /// Gives the id of what a live path holds, through links.
  func content(_ path: String) -> String? {
    switch live[path] ?? .absent {
    case .file(let id): return id
    case .link(let text):
      guard let pointer, let from = text.split(separator: "/stacks/s/").last, text.contains("/stacks/s/") else {
        return nil
      }
      return trees[pointer]?[String(from)]
    case .absent, .directory, .other: return nil
    }
  }

  mutating func make(_ service: DesiredService, image: String, state: String = "running") {
    made += 1
    let content = service.mounts.keys.reduce(into: [:]) { $0[$1] = self.content($1) ?? "nothing" }
    boxes.append(
      Box(
        id: "id\(made)", service: service.name, hash: service.hash, image: image, state: state, content: content))
  }
}

/// A step that cannot be done, and whether that is the stack's own fault.
struct StepFailure: Error {
  let isOurs: Bool
}

extension ModelHost {
  /// Does a step, or with `part` below one only that part of it.
  mutating func run(_ step: Step, of stack: DesiredStack, part: Double = 1) throws(StepFailure) {
    func some<T>(_ all: [T]) -> [T] { Array(all.prefix(Int(Double(all.count) * part))) }
    switch step {
    case .abandon: throw StepFailure(isOurs: false)
    case .checkNetworks, .pull, .checkImages, .check, .build, .clear, .removeNetworks, .seal: return
    case .stopWriters(let ids), .stop(let ids): set("exited", some(ids))
    case .resume(let ids), .start(let ids): set("running", some(ids))
    case .stopInOrder(let services):
      set("exited", boxes.filter { services.contains($0.service) }.map(\.id))
    case .stopStarted(let others): set("exited", some(boxes.map(\.id).filter { !others.contains($0) }))
    case .remove(let ids):
      let gone = some(ids)
      boxes.removeAll { gone.contains($0.id) }
    case .files(let plans, let commit):
      for plan in some(plans) { bring(plan) }
      if let commit, part >= 0.5 { pointer = commit }
    case .putBack(let found, let made, _):
      for (path, former) in some(found.sorted { $0.key < $1.key }) { putBack(former, at: path, made[path]) }
    case .removePointer: pointer = nil
    case .up(let services): for service in some(services) { up(service, stack) }
    case .upAsFound(let services):
      for call in some(services.calls) {
        for (name, count) in call.counts.sorted(by: { $0.key < $1.key }) {
          guard let service = stack.services.first(where: { $0.name == name }) else { continue }
          boxes.removeAll { $0.service == name }
          for _ in 0..<count {
            make(mounting(service), image: stack.images[name] ?? "i", state: call.starts ? "running" : "exited")
          }
        }
      }
    case .verify:
      for service in stack.services where !service.rests("") {
        let own = boxes.filter { $0.service == service.name }
        let isUp = own.count == service.replicas && own.allSatisfy { $0.state == "running" }
        guard isUp, !bad.contains(service.hash) else { throw StepFailure(isOurs: true) }
      }
    case .record(let event, let name, _):
      do throws(IllegalTransition) { try state.record(event, of: name) } catch { throw StepFailure(isOurs: false) }
    }
  }

  private mutating func set(_ state: String, _ ids: [String]) {
    for index in boxes.indices where ids.contains(boxes[index].id) { boxes[index].state = state }
  }

  private mutating func bring(_ plan: LinkPlan) {
    switch plan.action {
    case .keep: return
    case .remove: live[plan.live] = nil
    case .create, .replace:
      guard let wish = plan.desired else { return }
      live[plan.live] = wish.kind == .copy ? .file(wish.id) : .link(plan.target)
    }
  }

  /// Puts back what stood there, unless somebody else has put something there since.
  private mutating func putBack(_ former: LiveEntry, at path: String, _ made: DesiredLink?) {
    let present = live[path] ?? .absent
    let isOurs =
      switch present {
      case .absent: former != .absent
      case .link(let text): Self.links.isOwn(text)
      case .file(let id): (made?.wrote(id) ?? false) && present != former
      default: false
      }
    if isOurs { live[path] = former == .absent ? nil : former }
  }

  /// What Compose does: it makes anew what has another hash or image, or what it is told to.
  private mutating func up(_ plan: ServicePlan, _ stack: DesiredStack) {
    guard ![.keep, .remove].contains(plan.action), let service = stack.services.first(where: { $0.name == plan.name })
    else { return }
    let own = boxes.filter { $0.service == service.name }
    let image = stack.images[service.name] ?? "image of \(service.image)"
    let isSame = own.count == service.replicas && own.allSatisfy { $0.hash == service.hash && $0.image == image }
    if isSame, plan.way != .force {
      set("running", own.map(\.id))
    } else {
      boxes.removeAll { $0.service == service.name }
      for _ in 0..<service.replicas { make(service, image: image) }
    }
  }

  /// What a person's own files let a service mount.
  private func mounting(_ service: DesiredService) -> DesiredService {
    var service = service
    service.mounts = Self.paths(mountedBy: service.name).reduce(into: [:]) { $0[$1] = "" }
    return service
  }

  static func paths(mountedBy service: String) -> [String] { ["s/\(service).ini", "s/common.ini"] }
}
