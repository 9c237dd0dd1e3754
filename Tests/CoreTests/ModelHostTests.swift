import Foundation
import Testing

@testable import Core

/// Plans and their steps on random hosts that exist in memory alone. CLUP_MODEL_HOSTS says how many (1,000), CLUP_FUZZ_SEED
/// repeats a run.
@Suite("I5: whatever is cut off or fails, the next plans lead to one without steps") struct ModelHostTests {
  static let count = Int(FuzzTests.environment["CLUP_MODEL_HOSTS"] ?? "") ?? 1000

  /// A random commit: each service as it is or changed, each file as it is or changed.
  static func commit(_ number: Int, _ host: inout ModelHost, _ dice: inout FuzzTests.Dice) -> DesiredStack {
    let id = String(repeating: "\(number % 10)", count: 7) + "c\(number)"
    let names = ["db", "job", "web"].filter { _ in Int.random(in: 0..<4, using: &dice) > 0 }
    var services = names.map { name in
      let version = Int.random(in: 0..<3, using: &dice)
      let isBad = Int.random(in: 0..<12, using: &dice) == 0
      let hasVolume = Int.random(in: 0..<3, using: &dice) > 0
      let said = (isBad ? "bad \(name)" : "\(name) \(version)") + (hasVolume ? " with a volume" : "")
      var fields = ["command": isBad ? "bad" : "\(version)"]
      if hasVolume { fields["volumes"] = "/data" }
      return service(
        name, hash: said, fields: fields, replicas: Int.random(in: 0..<6, using: &dice) == 0 ? 2 : 1)
    }
    var tree = ["s/compose.yaml": services.map { "\($0.hash) \($0.replicas)" }.joined(separator: ", ")]
    tree["s/common.ini"] = "common \(Int.random(in: 0..<2, using: &dice))"
    for name in names { tree["s/\(name).ini"] = "\(name) \(Int.random(in: 0..<2, using: &dice))" }
    host.trees[id] = tree
    let files = CommitTree(
      commit: id, paths: tree.map { TrackedPath(path: $0.key, kind: .file, id: $0.value) })
    for index in services.indices {
      let paths = ModelHost.paths(mountedBy: services[index].name)
      services[index].mounts = paths.reduce(into: [:]) { $0[$1] = files.fingerprint($1) }
    }
    var links: [String: DesiredLink] = [:]
    for (path, id) in tree {
      let kind: DesiredLink.Kind = Int.random(in: 0..<5, using: &dice) == 0 && path.hasSuffix(".ini") ? .copy : .link
      links[path] = DesiredLink(kind: kind, from: path, id: id)
    }
    return DesiredStack(
      name: "s", commit: id, project: "p", tracked: tree.keys.reduce(into: [:]) { $0[$1] = files.fingerprint($1) },
      untracked: [:], services: services, links: links, after: [], deployTimeout: nil)
  }

  /// What somebody else does to a host.
  static func drift(_ host: inout ModelHost, _ dice: inout FuzzTests.Dice) {
    switch Int.random(in: 0..<6, using: &dice) {
    case 0: if !host.boxes.isEmpty { host.boxes.remove(at: Int.random(in: 0..<host.boxes.count, using: &dice)) }
    case 1, 2:
      let ran = host.boxes.indices.filter { host.boxes[$0].state != "created" }
      guard let index = ran.randomElement(using: &dice) else { return }
      let state = ["exited", "paused"].randomElement(using: &dice) ?? "exited"
      host.boxes[index].state = state
    case 3: if let path = host.live.keys.sorted().randomElement(using: &dice) { host.live[path] = nil }
    case 4: if let path = host.live.keys.sorted().randomElement(using: &dice) { host.live[path] = .file("somebody's") }
    default: host.pointer = nil
    }
  }

  /// A host where a person runs a commit by hand, or nobody runs anything.
  static func host(_ dice: inout FuzzTests.Dice) -> ModelHost {
    var host = ModelHost()
    host.bad = Set(["db", "job", "web"].flatMap { ["bad \($0)", "bad \($0) with a volume"] })
    guard Bool.random(using: &dice) else { return host }
    let before = commit(0, &host, &dice)
    for (path, id) in host.trees[before.commit] ?? [:] { host.live[path] = .file(id) }
    for service in before.services where !host.bad.contains(service.hash) {
      host.make(service, image: "image of \(service.image)", state: Bool.random(using: &dice) ? "running" : "exited")
    }
    return host
  }

  @Test func `on every random host`() throws {
    for number in 0..<Self.count {
      let seed = FuzzTests.seed &+ UInt64(number)
      var dice = FuzzTests.Dice(state: seed &* 2 | 1)
      var sync = ModelSync(Self.host(&dice))
      let before = sync.host
      var isAlone = true
      var wish = Self.commit(1, &sync.host, &dice)
      var held: [String: [String]] = [:]
      for round in 2..<Int.random(in: 3..<7, using: &dice) {
        try Self.run(&sync, wish, &dice, seed)
        if isAlone { Self.check(sync.host, stillHolds: &held, seed) }
        if Int.random(in: 0..<4, using: &dice) == 0 {
          Self.drift(&sync.host, &dice)
          isAlone = false
        }
        if Bool.random(using: &dice) { wish = Self.commit(round, &sync.host, &dice) }
      }
      var rounds = 0
      while try sync.run(wish), rounds < 6 { rounds += 1 }
      #expect(rounds < 4, "seed \(seed): there is always something to do")
      Self.check(sync.host, wish, seed)
      #expect(!sync.host.startedTorn, "seed \(seed): what the engine was starting as it was killed was started again")
      if isAlone { Self.check(sync.host, against: before, seed) }
      if rounds >= 4 { return }
    }
  }

  /// One sync, which most often does not come to its end. One that does touches nothing that it was to keep, whether it ends
  /// well or goes back.
  static func run(
    _ sync: inout ModelSync, _ wish: DesiredStack, _ dice: inout FuzzTests.Dice, _ seed: UInt64
  ) throws {
    let kind = ModelSync.Trouble.Kind.allCases.randomElement(using: &dice) ?? .cut
    let trouble = ModelSync.Trouble(
      kind: kind, steps: Int.random(in: 0..<14, using: &dice), part: Double.random(in: 0...1, using: &dice))
    if Int.random(in: 0..<4, using: &dice) > 0 {
      _ = try sync.run(wish, trouble)
      return
    }
    let isResumed = sync.host.state.stacks["s"]?.change != nil
    let kept = isResumed ? [] : sync.plan(wish)?.services.filter { $0.action == .keep }.map(\.name) ?? []
    func ids(_ host: ModelHost) -> [String] { host.boxes.filter { kept.contains($0.service) }.map(\.id) }
    let before = ids(sync.host)
    _ = try sync.run(wish)
    // Going back may bring others of the same service beside them.
    let after = ids(sync.host)
    let isDone = sync.host.state.stacks["s"]?.isDeployed == true && sync.host.state.standing("s")?.commit == wish.commit
    #expect(
      isDone ? after == before : Set(after).isSuperset(of: before), "seed \(seed): what was to be kept was touched")
  }

  /// I12: what a person ran runs on, or again, where no commit could take it over.
  static func check(_ host: ModelHost, against before: ModelHost, _ seed: UInt64) {
    guard host.state.stacks["s"]?.standing == nil, host.state.stacks["s"]?.held != nil else { return }
    func running(_ host: ModelHost) -> [String] {
      host.boxes.filter { $0.state == "running" }.map { box in
        let content = box.content.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return "\(box.hash) \(content.joined(separator: ", ")) \(box.volume ?? "")"
      }.sorted()
    }
    #expect(running(host) == running(before), "seed \(seed): what ran before does not run")
    #expect(host.live == before.live, "seed \(seed): what stood at live paths does not")
  }

  /// I11: what was good and is good again, or goes on with another commit, holds the volumes that it held.
  static func check(_ host: ModelHost, stillHolds held: inout [String: [String]], _ seed: UInt64) {
    guard case .deployed(let deployment)? = host.state.stacks["s"]?.runs else { return }
    var now: [String: [String]] = [:]
    for service in deployment.services where service.fields["volumes"] != nil {
      let volumes = host.boxes.filter { $0.service == service.name }.sorted { $0.number < $1.number }.map {
        $0.volume ?? "none"
      }
      now[service.name] = volumes
      for (before, present) in zip(held[service.name] ?? [], volumes) {
        #expect(before == present, "seed \(seed): \(service.name) lost a volume")
      }
    }
    held = now
  }

  /// What stands in the end is what the record says: the commit, or what was good before it.
  static func check(_ host: ModelHost, _ wish: DesiredStack, _ seed: UInt64) {
    let record = host.state.stacks["s"]
    guard let runs = record?.runs, case .deployed(let deployment) = runs else {
      #expect(record?.held != nil || record == nil, "seed \(seed): neither in place nor held")
      return
    }
    #expect(
      deployment.commit == wish.commit || record?.held?.commit == wish.commit
        || deployment.inputs.differences(from: wish.inputs).isEmpty, "seed \(seed)")
    #expect(host.pointer == deployment.commit, "seed \(seed)")
    for (path, link) in deployment.links { #expect(host.content(path) == link.id, "seed \(seed): \(path)") }
    for service in deployment.services {
      let own = host.boxes.filter { $0.service == service.name }
      #expect(own.count == service.replicas, "seed \(seed): \(service.name)")
      for box in own where !service.rests(box.id) {
        #expect(box.state == "running" && box.hash == service.hash, "seed \(seed): \(box)")
        for (path, id) in service.mounts {
          #expect(box.content[path] == Fingerprint.id(of: id), "seed \(seed): \(box)")
        }
      }
    }
  }
}
