@testable import Core
import Testing

func service(
  _ name: String = "web", hash: String = "h1", image: String = "busybox:1", fields: [String: String] = [:],
  mounts: [String: String] = [:], builds: [String: String] = [:], replicas: Int = 1, restarts: Bool = true
) -> DesiredService {
  DesiredService(
    name: name, hash: hash, image: image, fields: fields, mounts: mounts, builds: builds, replicas: replicas,
    restarts: restarts)
}

/// A one-shot that was left as it was found.
func resting(_ id: String) -> DesiredService {
  var service = service(restarts: false)
  service.resting = [id]
  return service
}

func container(
  _ service: String = "web", hash: String = "h1", state: String = "running", isDone: Bool = false,
  image: String = "busybox:1", id: String = "c1", project: String = "p", imageID: String? = nil
) -> Container {
  var container = Container(
    id: id, name: "\(project)-\(service)-1", state: state, image: image, project: project,
    service: service, hash: hash, directory: "/live/s")
  container.imageID = imageID
  container.isDone = isDone
  return container
}

@Suite("What is done to a service, and why")
struct ServicePlanningTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var wish = service()
    var known: DesiredService? = service()
    var found = [container()]
    var stale: Set<String> = []
    var images: [String: String] = [:]
    let action: ServiceReport.Action
    var reason: String?
    var way = ServicePlan.Way.up
  }

  static let rows = [
    Row(testDescription: "in place", action: .keep),
    Row(testDescription: "in place, but clup sees it for the first time", known: nil, action: .keep),
    Row(testDescription: "new", known: nil, found: [], action: .create, reason: "new service"),
    Row(
      testDescription: "new to a stack that is known, and built", wish: service(builds: ["app": "b1"]),
      known: service(builds: ["app": "b1"]).unseen, found: [], action: .create, reason: "new service", way: .build),
    Row(
      testDescription: "new to a stack that is known, and run by somebody already, with what nobody knows",
      wish: service(mounts: ["conf": "m1"]), known: service(mounts: ["conf": "m1"]).unseen, action: .recreate,
      reason: "mounted file conf changed", way: .force),
    Row(
      testDescription: "new to a stack that is known, and run by somebody already, with nothing of the repository",
      known: service().unseen, action: .keep),
    Row(testDescription: "gone", found: [], action: .create, reason: "drift: container removed"),
    Row(
      testDescription: "another command", wish: service(hash: "h2", fields: ["command": "2"]),
      known: service(fields: ["command": "1"]), action: .recreate, reason: "command changed"),
    Row(
      testDescription: "a key came and one went", wish: service(hash: "h2", fields: ["user": "1"]),
      known: service(fields: ["labels": "1"]), action: .recreate, reason: "labels, user changed"),
    Row(
      testDescription: "made by another version of Compose, which hashes the same service to something else",
      wish: service(hash: "h2", fields: ["command": "1"]), known: service(fields: ["command": "1"]), action: .keep),
    Row(
      testDescription: "a key that no container shows", wish: service(fields: ["depends_on": "2"]),
      known: service(fields: ["depends_on": "1"]), action: .keep),
    Row(
      testDescription: "changed by hand", found: [container(hash: "other")], action: .recreate,
      reason: "drift: configuration differs"),
    Row(
      testDescription: "stopped by hand", found: [container(state: "exited")],
      action: .start, reason: "drift: container exited"),
    Row(
      testDescription: "a one-shot that is done", wish: service(restarts: false), known: service(restarts: false),
      found: [container(state: "exited", isDone: true)], action: .keep),
    Row(
      testDescription: "a one-shot that had failed before clup came", wish: resting("c1"), known: resting("c1"),
      found: [container(state: "exited")], action: .keep),
    Row(
      testDescription: "another container than the one that was left", wish: resting("c9"), known: resting("c9"),
      found: [container(state: "exited")], action: .start,
      reason: "drift: container exited"),
    Row(
      testDescription: "a one-shot that failed", wish: service(restarts: false), known: service(restarts: false),
      found: [container(state: "exited")], action: .start,
      reason: "drift: container exited"),
    Row(testDescription: "restarting", found: [container(state: "restarting")], action: .keep),
    Row(
      testDescription: "a mounted file", wish: service(mounts: ["a": "2"]), known: service(mounts: ["a": "1"]),
      action: .recreate, reason: "mounted file a changed", way: .force),
    Row(
      testDescription: "a mounted file, and one of two containers was made by hand",
      wish: service(mounts: ["a": "2"], replicas: 2), known: service(mounts: ["a": "1"], replicas: 2),
      found: [container(), container(hash: "other", id: "c2")], action: .recreate,
      reason: "drift: configuration differs", way: .force),
    Row(
      testDescription: "a mounted file was changed on the host", wish: service(mounts: ["a": "1"]),
      known: service(mounts: ["a": "1"]), stale: ["a"], action: .recreate, reason: "mounted file a changed", way: .force
    ),
    Row(
      testDescription: "a build context", wish: service(builds: ["src": "2"]), known: service(builds: ["src": "1"]),
      action: .recreate, reason: "build context src changed", way: .build),
    Row(
      testDescription: "one more replica", wish: service(hash: "h1", replicas: 2), known: service(), action: .create,
      reason: "replicas changed"),
    Row(
      testDescription: "too many", found: [container(), container(id: "c2")], action: .recreate,
      reason: "drift: more containers than replicas"),
    Row(
      testDescription: "the image was built anew", found: [container(image: "sha256:0123456789ab")], action: .recreate,
      reason: "image busybox:1 has a new build"),
    Row(
      testDescription: "it is to stay at its image", found: [container(image: "sha256:0123456789ab", imageID: "i1")],
      images: ["web": "i1"], action: .keep),
    Row(
      testDescription: "it is to go back to another image", found: [container(imageID: "i2")], images: ["web": "i1"],
      action: .recreate, reason: "the image of busybox:1 as it was before"),
  ]

  static let uses = [
    Row(
      testDescription: "a network turned internal", wish: using(["network back": "a_back 2"]),
      known: using(["network back": "a_back 1"]), action: .recreate, reason: "network back changed"),
    Row(
      testDescription: "a volume of another name", wish: using(["volume data": "b_data 1"]),
      known: using(["volume data": "a_data 1"]), action: .recreate, reason: "volume data changed"),
    Row(
      testDescription: "a volume of another name, which Compose may not see", wish: using(["volume data": "b_data 1"]),
      known: using(["volume data": "a_data 1"]), found: [mounting("a_data")], action: .recreate,
      reason: "volume data changed", way: .force),
    Row(
      testDescription: "a volume of the same name, described otherwise", wish: using(["volume data": "a_data 2"]),
      known: using(["volume data": "a_data 1"]), found: [mounting("a_data")], action: .recreate,
      reason: "volume data changed"),
    Row(
      testDescription: "another text of a config", wish: using(["config app": "- 2"]),
      known: using(["config app": "- 1"]), action: .recreate, reason: "config app changed", way: .force),
    Row(
      testDescription: "recorded by a version that did not know of it", wish: using(["network back": "a_back 1"]),
      known: service(), action: .keep),
    Row(
      testDescription: "disconnected from its network", wish: using(["network back": "a_back 1"]),
      known: using(["network back": "a_back 1"]), found: [connected([])], action: .recreate,
      reason: "drift: a-web-1 left the network a_back", way: .force),
    Row(
      testDescription: "in its network, and in a person's", wish: using(["network back": "a_back 1"]),
      known: using(["network back": "a_back 1"]), found: [connected(["a_back", "proxy"])], action: .keep),
    Row(
      testDescription: "in the network of a container that was restarted", found: [connected([], isDead: true)],
      action: .recreate, reason: "drift: the container whose network a-web-1 uses was restarted, recreated or removed",
      way: .force),
    Row(
      testDescription: "what the engine was starting as it was killed", found: [stuck], action: .recreate,
      reason: "drift: Docker Engine was stopped while it started a-web-1, and cannot start it again", way: .remake),
    Row(
      testDescription: "a script that became executable", wish: mounting("1:755"), known: mounting("1:644"),
      action: .recreate, reason: "mounted file s/run changed", way: .force),
    Row(
      testDescription: "a mode that was not recorded", wish: mounting("1:755"), known: mounting("1"), action: .keep),
  ]

  static func using(_ resources: [String: String]) -> DesiredService {
    var service = service()
    service.resources = resources
    return service
  }

  static func mounting(_ fingerprint: String) -> DesiredService {
    var service = service()
    service.mounts = ["s/run": fingerprint]
    return service
  }

  static func connected(_ networks: Set<String>, isDead: Bool = false) -> Container {
    var found = container()
    found.name = "a-web-1"
    found.networks = networks
    found.sharesDeadNetwork = isDead
    return found
  }

  static func mounting(_ volume: String) -> Container {
    var found = connected([])
    found.volumesByPath = ["/d": volume]
    return found
  }

  static var stuck: Container {
    var found = connected([])
    (found.state, found.cannotStart) = ("exited", true)
    return found
  }

  @Test(arguments: rows + uses) func `a service`(_ row: Row) throws {
    let plan = try #require(
      ServicePlanning.plan(
        desired: [row.wish], known: row.known.map { [$0] } ?? [], containers: row.found, stale: row.stale,
        images: row.images
      ).first)
    #expect(plan.action == row.action)
    #expect(plan.reason == row.reason)
    #expect(plan.way == row.way)
  }

  @Test func `only a service that clup knows is removed`() {
    let found = [container("old", id: "o"), container("foreign", id: "f")]
    let plans = ServicePlanning.plan(desired: [], known: [service("old")], containers: found)
    #expect(plans.map(\.name) == ["old"])
    #expect(plans.map(\.way) == [.remove(["o"])])
  }
}

@Suite("What was not started to the end is made anew, in the order of the Compose file")
struct UnstartedTests {
  @Test(arguments: [
    ("created", false, true, ServicePlan.Way.remake), ("created", false, false, .up), ("exited", false, true, .up),
    ("exited", true, false, .remake), ("exited", true, true, .remake),
  ]) func `a container`(_ state: String, cannotStart: Bool, isCutOff: Bool, way: ServicePlan.Way) {
    var found = Container(
      id: "c", name: "p-web-1", state: state, image: "busybox:1", project: "p", service: "web", hash: "h",
      directory: "/live/s")
    found.cannotStart = cannotStart
    let known = [service(hash: "h")]
    let plans = ServicePlanning.plan(desired: known, known: known, containers: [found], isCutOff: isCutOff)
    #expect(plans.map(\.way) == [way])
  }
}

@Suite("What is done at a live path")
struct LinkPlanningTests {
  static let planning = LinkPlanning(pointers: "/live/clup/stacks", former: ["/old/clup/stacks"])
  static let wish = DesiredLink(kind: .link, from: "s/f", id: "1")
  static let copy = DesiredLink(kind: .copy, from: "s/f", id: "1")
  static let program = DesiredLink(kind: .copy, from: "s/f", id: "1", executable: true)
  static let own = LiveEntry.link("/live/clup/stacks/s/s/f")

  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var wish: DesiredLink?
    var known: DesiredLink?
    var live: LiveEntry
    var action: LinkReport.Action?
    var backsUp = false
  }

  static let rows = [
    Row(testDescription: "nothing there", wish: wish, live: .absent, action: .create),
    Row(testDescription: "in place", wish: wish, known: wish, live: own, action: .keep),
    Row(testDescription: "a real file", wish: wish, live: .file("1"), action: .replace, backsUp: true),
    Row(testDescription: "a person's link", wish: wish, live: .link("/etc/x"), action: .replace, backsUp: true),
    Row(
      testDescription: "another of clup's links", wish: wish, live: .link("/live/clup/stacks/t/s/f"), action: .replace),
    Row(testDescription: "a copy that became a link", wish: wish, known: copy, live: .file("1"), action: .replace),
    Row(testDescription: "a copy in place", wish: copy, known: copy, live: .file("1"), action: .keep),
    Row(
      testDescription: "a copy of an older commit", wish: DesiredLink(kind: .copy, from: "s/f", id: "2"), known: copy,
      live: .file("1"), action: .replace),
    Row(
      testDescription: "a copy changed by hand", wish: copy, known: copy, live: .file("9"), action: .replace,
      backsUp: true),
    Row(
      testDescription: "a copy that a killed sync was about to replace",
      wish: DesiredLink(kind: .copy, from: "s/f", id: "3"),
      known: copy.transitioning(to: DesiredLink(kind: .copy, from: "s/f", id: "2")), live: .file("1"), action: .replace),
    Row(
      testDescription: "a copy that a killed sync had replaced", wish: DesiredLink(kind: .copy, from: "s/f", id: "3"),
      known: copy.transitioning(to: DesiredLink(kind: .copy, from: "s/f", id: "2")), live: .file("2"), action: .replace),
    Row(
      testDescription: "a copy that a killed sync was about to make a link", wish: wish,
      known: copy.transitioning(to: wish),
      live: .file("1"), action: .replace),
    Row(
      testDescription: "a copy whose mode alone changes", wish: program, known: copy, live: .file("1"), action: .replace
    ),
    Row(
      testDescription: "a copy whose mode a killed sync was about to change", wish: program,
      known: copy.transitioning(to: program), live: .file("1"), action: .replace),
    Row(testDescription: "a program in place", wish: program, known: program, live: .file("1"), action: .keep),
    Row(testDescription: "no longer tracked", known: wish, live: own, action: .remove),
    Row(
      testDescription: "no longer tracked, from before the live root was moved", known: wish,
      live: .link("/old/clup/stacks/s/s/f"), action: .remove),
    Row(
      testDescription: "no longer tracked, but another stack's, from before the live root was moved", known: wish,
      live: .link("/old/clup/stacks/t/s/f")),
    Row(testDescription: "no longer tracked, but a person put a file there", known: wish, live: .file("9")),
    Row(testDescription: "a copy no longer tracked", known: copy, live: .file("1"), action: .remove),
    Row(testDescription: "a copy no longer tracked, but changed by hand", known: copy, live: .file("9")),
    Row(testDescription: "no longer tracked, and gone", known: wish, live: .absent),
  ]

  @Test(arguments: rows) func `I3: a live path`(_ row: Row) {
    let plans = Self.planning.plan(
      pointer: "s", desired: row.wish.map { ["s/f": $0] } ?? [:], known: row.known.map { ["s/f": $0] } ?? [:],
      live: ["s/f": row.live])
    #expect(plans.first?.action == row.action)
    #expect(plans.first?.backsUp ?? false == row.backsUp)
  }

  @Test(arguments: [
    ("infra", "infra"), ("runner/compose", "runner+compose"), (".", "+"), ("a+b/c%d", "a%2Bb+c%25d"),
    (LinkPlanning.shared("common/x"), "+links+common+x"),
  ])
  func `each stack has a pointer of its own`(_ stack: String, _ name: String) {
    #expect(LinkPlanning.fileName(of: stack) == name)
  }

  @Test func `a path below a directory that became a link is left alone`() {
    let plans = Self.planning.plan(
      pointer: "s", desired: ["d": DesiredLink(kind: .link, from: "d", id: "2")], known: ["d/f": Self.wish],
      live: ["d": .directory, "d/f": .link("/live/clup/stacks/s/s/f")])
    #expect(plans.map(\.live) == ["d"])
  }
}

@Suite("A stack is looked at closer only for a reason")
struct TouchedTests {
  static let links = LinkPlanning(pointers: "/live/clup/stacks")

  static func known(_ change: (inout Deployment) -> Void = { _ in }) -> Deployment {
    var state = Deployment(
      DesiredStack(
        name: "s", commit: "c1", project: "p", tracked: ["s/compose.yaml": "s/compose.yaml#1"],
        untracked: ["s/.env": "e1"], services: [service()],
        links: ["s/compose.yaml": DesiredLink(kind: .link, from: "s/compose.yaml", id: "s/compose.yaml#1")], after: [],
        deployTimeout: nil))
    change(&state)
    return state
  }

  static func host(_ change: (inout Observed) -> Void = { _ in }) -> Observed {
    var observed = Observed()
    observed.pointers = ["s": "c1"]
    observed.live = ["s/compose.yaml": .link("/live/clup/stacks/s/s/compose.yaml")]
    observed.untracked = ["s/.env": "e1"]
    observed.containers = [container()]
    change(&observed)
    return observed
  }

  static func record(_ change: (inout Deployment) -> Void = { _ in }) -> StackRecord {
    var record = StackRecord()
    record.runs = .deployed(known(change))
    return record
  }

  /// The same while it is being changed.
  static var changing: StackRecord {
    var record = StackRecord()
    record.runs = .changing(Change(from: .deployment(known()), standing: known()))
    return record
  }

  static let rows: [(what: String, record: StackRecord?, host: Observed, id: String, reasons: [String])] = [
    ("nothing changed", record(), host(), "1", []), ("no engine", record(), host { $0.containers = nil }, "1", []),
    ("unknown", nil, host(), "1", ["first sync of this stack"]),
    ("another commit", record(), host(), "2", ["s/compose.yaml changed"]),
    ("the host's file", record(), host { $0.untracked["s/.env"] = "e2" }, "1", ["the host's s/.env changed"]),
    ("no pointer", record(), host { $0.pointers = [:] }, "1", ["its release link is missing"]),
    ("pointer moved", record(), host { $0.pointers = ["s": "c0"] }, "1", ["its release link points to another commit"]),
    ("link gone", record(), host { $0.live = [:] }, "1", ["s/compose.yaml is not in place"]),
    ("container gone", record(), host { $0.containers = [] }, "1", ["drift: container removed"]),
    ("cut off", changing, host(), "1", ["the last deploy did not end well"]),
  ]

  @Test(arguments: rows.indices) func `a stack`(_ index: Int) {
    let row = Self.rows[index]
    let touched = Differences(tree: commit("s/compose.yaml", id: row.id), observed: row.host, links: Self.links)
    #expect(touched.reasons("s", row.record) == row.reasons, "\(row.what)")
  }

  @Test func `a tracked file that comes or goes is a reason`() {
    let touched = Differences(tree: commit("s/.env.example", "s/x"), observed: Self.host(), links: Self.links)
    let known = Self.record { $0.tracked = ["s/compose.yaml": "1", "s/x": Fingerprint.absent] }
    #expect(touched.reasons("s", known) == ["s/compose.yaml removed", "s/x added"])
  }
}

@Suite("The plan of a sync says what is done and why")
struct PlanningTests {
  func desired(_ change: (inout DesiredStack) -> Void = { _ in }) -> DesiredStack {
    var stack = DesiredStack(
      name: "s", commit: "c2", project: "p", tracked: [:], untracked: [:], services: [service()],
      links: ["s/compose.yaml": DesiredLink(kind: .link, from: "s/compose.yaml", id: "2")], after: [],
      deployTimeout: nil)
    change(&stack)
    return stack
  }

  func planning(known: Deployment? = TouchedTests.known(), host: Observed = TouchedTests.host()) -> Planning {
    let state = State(deployed: known.map { ["s": $0] } ?? [:])
    return Planning(observed: host, state: state, links: TouchedTests.links)
  }

  @Test func `a comment moves the pointer and no container`() {
    let plan = planning().deploy(desired(), because: ["s/compose.yaml changed"], shared: [])
    #expect(plan.from == "c1" && plan.to == "c2")
    #expect(plan.reasons == ["s/compose.yaml changed"])
    #expect(plan.services.map(\.action) == [.keep])
  }

  @Test func `the service's reason stands for the file's`() {
    let plan = planning().deploy(
      desired { $0.services = [service(hash: "h2", fields: ["command": "2"])] }, because: ["s/compose.yaml changed"],
      shared: [])
    #expect(plan.reasons == ["command changed"])
  }

  @Test(arguments: [(Baseline.deployment(TouchedTests.known()), true), (.nothing, false)])
  func `what a sync that was cut off had changed is named by the next one`(_ from: Baseline, _ ranBefore: Bool) {
    var record = StackRecord()
    record.runs = .changing(Change(from: from, standing: TouchedTests.known()))
    let state = State(stacks: ["s": record])
    for (hash, isNew) in [("h1", !ranBefore), ("h2", true)] {
      let host = TouchedTests.host { $0.containers = [container(hash: hash)] }
      let plan = Planning(observed: host, state: state, links: TouchedTests.links).deploy(
        desired { $0.services = [service(hash: hash)] }, because: ["the last deploy did not end well"], shared: [])
      #expect(plan.services.map(\.action) == [.keep])
      #expect(plan.services.map(\.reason) == [isNew ? "changed since the last report: a sync was cut off" : nil])
    }
  }

  @Test func `a container that was made anew for a mounted file alone is known by its id`() {
    for (ids, isNew) in [(["id1"], false), (["another"], true), (nil, false)] as [([String]?, Bool)] {
      var known = TouchedTests.known()
      known.services[0].containers = ids
      var record = StackRecord()
      record.runs = .changing(Change(from: .deployment(known), standing: TouchedTests.known()))
      let host = TouchedTests.host { $0.containers = [container(hash: "h1", id: "id1")] }
      let plan = Planning(observed: host, state: State(stacks: ["s": record]), links: TouchedTests.links).deploy(
        desired { $0.services = [service(hash: "h1")] }, because: ["the last deploy did not end well"], shared: [])
      #expect(plan.services.map { $0.reason != nil } == [isNew], "\(ids ?? ["unknown"])")
    }
  }

  @Test func `adopting a running stack restarts nothing`() {
    let plan = planning(known: nil, host: TouchedTests.host { $0.pointers = [:] }).deploy(
      desired(), because: ["first sync of this stack"], shared: [])
    #expect(plan.reasons == ["first sync of this stack"])
    #expect(plan.services.map(\.action) == [.keep])
    #expect(plan.from == nil)
  }

  @Test func `a real file with other content at a mounted path restarts who mounts it`() {
    let wish = desired {
      $0.services = [service(mounts: ["s/conf": "2"]), service("other")]
      $0.links = ["s/conf": DesiredLink(kind: .link, from: "s/conf", id: "2")]
    }
    let host = TouchedTests.host {
      $0.live["s/conf"] = .file("1")
      $0.containers = [container(), container("other")]
    }
    let plan = planning(known: nil, host: host).deploy(wish, because: ["first sync of this stack"], shared: [])
    #expect(plan.services.map(\.action) == [.keep, .recreate])
    #expect(plan.links.map(\.backsUp) == [true])
    let same = TouchedTests.host {
      $0.live["s/conf"] = .file("2")
      $0.containers = [container(), container("other")]
    }
    #expect(
      planning(known: nil, host: same).deploy(wish, because: [], shared: []).services.map(\.action) == [.keep, .keep])
  }

  @Test func `a removed stack takes its containers and its links with it`() {
    var foreign = container("other", id: "f")
    foreign.directory = "/elsewhere/s"
    let host = TouchedTests.host { $0.containers?.append(foreign) }
    let plan = planning(host: host).remove("s", known: TouchedTests.known(), directory: "/live/s")
    #expect(plan.work == .remove && plan.to == nil && plan.reasons == ["stack removed"])
    #expect(plan.services.map(\.action) == [.remove])
    #expect(plan.links.map(\.action) == [.remove])
  }

  @Test func `a live path that two stacks need is led by one pointer`() {
    let common = DesiredLink(kind: .link, from: "common/x", id: "1")
    var stacks = [
      "a": desired {
        $0.name = "a"
        $0.links = ["common/x": common, "a/own": common]
      },
      "b": desired {
        $0.name = "b"
        $0.links = ["common/x": common]
      },
    ]
    let shared = SharedPath.extract(
      from: &stacks, configured: [:], state: State(), remaining: ["a", "b"], commit: "other")
    #expect(
      shared == ["common/x": SharedPath(link: common.withCommit("c2"), users: ["a", "b"], mustMoveTogether: false)])
    #expect(stacks["a"]?.links.keys.sorted() == ["a/own"])
    #expect(stacks["b"]?.links == [:])
    #expect(stacks["b"]?.shared == ["common/x": common.withCommit("c2")])
  }

  @Test func `a shared path stays while a stack that is left alone needs it`() {
    let common = DesiredLink(kind: .link, from: "common/x", id: "1").withCommit("old")
    func take(_ desired: [String: DesiredStack], remaining: Set<String>) -> [String: SharedPath] {
      var desired = desired
      return SharedPath.extract(
        from: &desired, configured: [:], state: state, remaining: remaining, commit: "new")
    }
    var state = State(deployed: ["s": TouchedTests.known { $0.shared = ["common/x": common] }])
    state.links = ["common/x": common]
    let shared = ["common/x": SharedPath(link: common, users: ["s"], mustMoveTogether: false)]
    #expect(take([:], remaining: ["s"]) == shared)
    #expect(take([:], remaining: []) == [:])
    // I3: nor does it go when that stack is brought back to what was good, whose links are without it.
    let back = ["s": DesiredStack("s", TouchedTests.known { $0.shared = ["common/x": common] })]
    #expect(take(back, remaining: ["s"]) == shared)
  }

  @Test func `a shared path that some stack knows otherwise ties all that stand on it`() throws {
    let old = DesiredLink(kind: .link, from: "common/x", id: "1").withCommit("old")
    var state = State(deployed: ["s": TouchedTests.known { $0.shared = ["common/x": old] }])
    state.links = ["common/x": old]
    var desired = [
      "s": desired { $0.links = ["common/x": DesiredLink(kind: .link, from: "common/x", id: "2")] },
      "t": desired {
        $0.name = "t"
        $0.links = ["common/x": DesiredLink(kind: .copy, from: "common/x", id: "2")]
      },
    ]
    let shared = try #require(
      SharedPath.extract(from: &desired, configured: [:], state: state, remaining: ["s", "t"], commit: "new")[
        "common/x"])
    #expect(
      shared.mustMoveTogether && shared.users == ["s", "t"] && shared.link.id == "2" && shared.link.kind == .copy)
  }

  struct Group: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Each stack with those that it comes after.
    let after: [String: [String]]
    /// The stacks that stand on each changed file.
    let shared: [Set<String>]
    let groups: [[String]]
  }

  static let groupings = [
    Group(testDescription: "nothing shared", after: ["a": [], "b": ["a"]], shared: [], groups: [["a"], ["b"]]),
    Group(
      testDescription: "by one file and by another", after: ["a": [], "b": [], "c": [], "d": []],
      shared: [["a", "b"], ["b", "c"]], groups: [["a", "b", "c"], ["d"]]),
    Group(
      testDescription: "with what comes in between", after: ["a": [], "b": ["a"], "c": ["b"], "d": ["c"]],
      shared: [["a", "c"]], groups: [["a", "b", "c"], ["d"]]),
    Group(
      testDescription: "groups that would wait for each other",
      after: ["a": [], "b": ["a"], "c": [], "d": ["c"]], shared: [["a", "d"], ["b", "c"]],
      groups: [["a", "b", "c", "d"]]),
  ]

  @Test(arguments: groupings) func `stacks go in groups:`(_ row: Group) {
    let stacks = row.after.map { name, after in
      StackPlan(
        name: name, work: .deploy(desired { $0.name = name }), from: nil, to: "new", project: name, after: after)
    }
    let link = DesiredLink(kind: .link, from: "x", id: "2")
    let shared = Dictionary(
      uniqueKeysWithValues: row.shared.enumerated().map {
        ("\($0.offset)", SharedPath(link: link, users: $0.element, mustMoveTogether: true))
      })
    let plan = Plan(
      commit: "new", stacks: stacks.sorted { $0.name < $1.name }, links: [], shared: shared, moving: [])
    #expect(plan.groups.map { $0.map(\.name) } == row.groups)
  }

  @Test func `what shares a path with one that stays where it is cannot move, nor can those that share with it`() {
    let conflicts = SharedPathConflict.find(
      moving: ["a": ["x": "2"], "b": ["x": "2", "y": "2"], "c": ["y": "2"], "d": ["z": "2"]],
      staying: ["k": ["x": "1", "z": "2"]],
      known: { ["a": ["x": "1"], "b": ["x": "1", "y": "1"], "c": ["y": "1"]][$0] ?? [:] })
    #expect(
      conflicts == [
        "a": SharedPathConflict(stack: "k", .file("x")), "b": SharedPathConflict(stack: "k", .file("x")),
        "c": SharedPathConflict(stack: "b", .file("y")),
      ])
  }
}

extension State {
  /// The state of a host on which stacks are in place.
  init(deployed: [String: Deployment]) {
    self.init(
      stacks: deployed.mapValues { deployment in
        var record = StackRecord()
        record.runs = .deployed(deployment)
        return record
      })
  }
}
