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
    /// Which of its service's containers it is.
    var number = 1
    /// The volume that the engine made for it alone, where its service asks for one.
    var volume: String?
    /// Whether the engine was killed while it started it: it can never be started again.
    var isTorn = false

    /// The volume, as a look at the container shows it.
    var volumes: AnonymousVolumes? {
      volume.flatMap { AnonymousVolumes(number: number, mounted: ["/data": $0]) }
    }
  }

  /// What each commit has.
  var trees: [String: [String: String]] = [:]
  var live: [String: LiveEntry] = [:]
  var pointer: String?
  var boxes: [Box] = []
  var state = State()
  /// The services that never become healthy, as they are defined.
  var bad: Set<String> = []
  /// Whether a container was started that cannot be: it would be taken for the commit's fault.
  private(set) var startedTorn = false
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
      (container.number, container.volumes) = (box.number, box.volumes)
      return container
    }
    return observed
  }

  /// The containers as a watch shows them.
  var watched: [WatchedContainer] {
    boxes.map { box in
      WatchedContainer(
        id: box.id, service: box.service, state: box.state, health: "none", exitCode: 0, restarts: 0,
        age: .seconds(60), hash: box.hash, image: box.image, directory: Self.directory, number: box.number,
        volumes: box.volumes)
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

  /// Makes one of a service's containers; it takes its volume from the one that it replaces, as Compose does.
  mutating func make(
    _ service: DesiredService, image: String, state: String = "running", number: Int = 1, replacing: [Box] = []
  ) {
    made += 1
    let content = service.mounts.keys.reduce(into: [:]) { $0[$1] = self.content($1) ?? "nothing" }
    var box = Box(
      id: "id\(made)", service: service.name, hash: service.hash, image: image, state: state, content: content,
      number: number)
    if service.fields["volumes"] != nil {
      let digits = String(made, radix: 16)
      let new = String(repeating: "0", count: 64 - digits.count) + digits
      box.volume = replacing.first { $0.service == service.name && $0.number == number }?.volume ?? new
    }
    boxes.append(box)
  }

  /// Makes all containers of a service again.
  mutating func makeAll(_ service: DesiredService, _ count: Int, image: String, state: String = "running") {
    let before = boxes
    boxes.removeAll { $0.service == service.name }
    for number in 1..<(count + 1) { make(service, image: image, state: state, number: number, replacing: before) }
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
    case .checkNetworks, .pull, .checkImages, .check, .build, .clear, .removeNetworks: return
    case .stopWriters(let ids), .stop(let ids): set("exited", some(ids))
    case .resume(let ids), .start(let ids): try start(some(ids))
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
    case .carry(let volumes, let kept):
      for one in some(volumes) { carry(one, but: kept) }
    case .up(let services): for service in some(services) { try up(service, stack) }
    case .upAsFound(let services):
      for call in some(services.calls) {
        for (name, count) in call.counts.sorted(by: { $0.key < $1.key }) {
          guard let service = stack.services.first(where: { $0.name == name }) else { continue }
          makeAll(
            mounting(service), count, image: stack.images[name] ?? "i", state: call.starts ? "running" : "exited")
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

  private mutating func start(_ ids: [String]) throws(StepFailure) {
    if boxes.contains(where: { ids.contains($0.id) && $0.isTorn }) {
      startedTorn = true
      throw StepFailure(isOurs: true)
    }
    set("running", ids)
  }

  /// The engine is killed while it starts the last container that was made, where that is none of these.
  mutating func tear(but others: [Box]) {
    guard let last = boxes.indices.last, !others.contains(where: { $0.id == boxes[last].id }) else { return }
    (boxes[last].state, boxes[last].isTorn) = ("created", true)
  }

  private mutating func set(_ state: String, _ ids: [String]) {
    for index in boxes.indices where ids.contains(boxes[index].id) && !boxes[index].isTorn {
      boxes[index].state = state
    }
  }

  private mutating func carry(_ carried: CarriedVolumes, but kept: Set<String>) {
    let number = carried.volumes.number
    let standing = boxes.firstIndex { $0.service == carried.service && $0.number == number }
    if let standing {
      if kept.contains(boxes[standing].id) || boxes[standing].volumes == carried.volumes { return }
      boxes.remove(at: standing)
    }
    boxes.append(
      Box(
        id: "carries \(carried.service) \(number)", service: carried.service, hash: "", image: "", state: "created",
        content: [:], number: number, volume: carried.volumes.volumes["/data"]))
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

  /// What Compose does: it makes again what has another hash or image, or what it is told to, and adds what is missing.
  private mutating func up(_ plan: ServicePlan, _ stack: DesiredStack) throws(StepFailure) {
    guard ![.keep, .remove].contains(plan.action), let service = stack.services.first(where: { $0.name == plan.name })
    else { return }
    let before = boxes
    let own = before.filter { $0.service == service.name }.sorted { $0.number < $1.number }
    let image = stack.images[service.name] ?? "image of \(service.image)"
    let kept = own.filter { ![.force, .remake].contains(plan.way) && $0.hash == service.hash && $0.image == image }
      .prefix(service.replicas)
    boxes.removeAll { box in box.service == service.name && !kept.contains(box) }
    try start(kept.map(\.id))
    let free =
      own.filter { !kept.contains($0) }.map(\.number)
      + (1..<(own.count + service.replicas + 1)).filter { number in !own.contains { $0.number == number } }
    for number in free.prefix(service.replicas - kept.count) {
      make(service, image: image, number: number, replacing: before)
    }
  }

  /// What a person's own files let a service mount.
  private func mounting(_ service: DesiredService) -> DesiredService {
    var service = service
    service.mounts = Self.paths(mountedBy: service.name).reduce(into: [:]) { $0[$1] = "" }
    service.fields = service.volumes == nil ? [:] : ["volumes": "/data"]
    return service
  }

  static func paths(mountedBy service: String) -> [String] { ["s/\(service).ini", "s/common.ini"] }
}
