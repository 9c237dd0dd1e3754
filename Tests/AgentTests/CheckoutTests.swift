@testable import Agent
@testable import Core
import Foundation
import Git
import Glibc
import Testing

@Suite("The checkout is clup's own, and survives being cut off")
struct CheckoutTests {
  func report(_ id: String) -> Report {
    Report(id: id, trigger: "manual", dryRun: false, host: "h", repository: "r", branch: "b", started: "s")
  }

  @Test func `a directory that holds something else is refused`() throws {
    let scratch = try Scratch()
    try scratch.write("clup/important", "")
    #expect { try Checkout(path: scratch.root + "/clup").prepare() } throws: {
      ($0 as? Failure)?.kind == .configuration && ($0 as? Failure)?.message.contains("important") == true
    }
    try scratch.write("file", "")
    #expect(throws: Failure.self) { try Checkout(path: scratch.root + "/file").prepare() }
    try scratch.write("clone/.git/HEAD", "")
    #expect { try Checkout(path: scratch.root + "/clone").prepare() } throws: {
      ($0 as? Failure)?.message.contains("existing git clone") == true && ($0 as? Failure)?.help.contains("mv ") == true
    }
  }

  @Test func `whoever is told to end does not wait for a lock that somebody else holds`() async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    let holder = try checkout.lockRecords()
    defer { unlock(holder) }
    let waiting = Task.detached { () -> Duration in
      let start = ContinuousClock.now
      do throws(Failure) { unlock(try checkout.lockRecords()) } catch { #expect(error.kind == .locked) }
      return start.duration(to: .now)
    }
    waiting.cancel()
    #expect(await waiting.value < .seconds(4))
  }

  @Test func `whoever comes alone clears away what a killed sync has left, and nobody else does`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    let first = try CheckoutUse(in: checkout) { checkout.removePartialFiles() }
    try scratch.write("clup/releases/.new.x/s/compose.yaml", "")
    try scratch.write("clup/view.x/root/f", "")
    try scratch.write("clup/repo.git.new/HEAD", "")
    // However often others come and go, the first one is there.
    for _ in 0..<3 {
      let other = try CheckoutUse(in: checkout) { checkout.removePartialFiles() }
      other.end()
    }
    #expect(scratch.names("clup") == ["lock", "locks", "releases", "repo.git.new", "view.x"])
    first.end()
    let last = try CheckoutUse(in: checkout) { checkout.removePartialFiles() }
    last.end()
    #expect(scratch.names("clup/releases") == [] && scratch.names("clup") == ["lock", "locks", "releases"])
  }

  @Test func `releases are swept while nobody uses them`() async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    var swept = 0
    var (one, other) = (try ReleaseUse(in: checkout), try ReleaseUse(in: checkout))
    try await ReleaseUse.whileNone(in: checkout) { swept += 1 }
    one.end()
    one.end()
    try await ReleaseUse.whileNone(in: checkout) { swept += 1 }
    #expect(swept == 0)
    other.end()
    try await ReleaseUse.whileNone(in: checkout) { swept += 1 }
    #expect(swept == 1)
  }

  @Test func `a stack is worked on by one sync at a time, and others stay free`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    #expect(!checkout.isBusy("a"))
    let one = try StackLocks(of: ["a", "b/c"], in: checkout)
    let other = try StackLocks(of: ["a", "d"], in: checkout)
    #expect(one.busy == [] && other.busy == ["a"])
    #expect(checkout.isBusy("b/c") && checkout.isBusy("d"))
    one.release()
    #expect(!checkout.isBusy("a") && checkout.isBusy("d"))
    other.release()
  }

  @Test(arguments: StackLocks.Lending.allCases)
  func `while a stack is pulled for or watched somebody else may work on it, and is noticed`(
    lending: StackLocks.Lending
  ) async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    let one = try StackLocks(of: ["a", "b"], in: checkout)
    one.note(.now(.step, of: "a", "waiting"))
    try await one.lending("a", during: lending) { () throws(Failure) in
      #expect(!checkout.isBusy("a") && checkout.lending(of: "a") == lending && checkout.doing("a") == "waiting")
      one.note(.now(.step, of: "a", "still waiting"))
      #expect(checkout.doing("a") == "still waiting" && !one.isTaken("a"))
      #expect(checkout.isBusy("b") && checkout.lending(of: "b") == nil)
    }
    #expect(checkout.isBusy("a") && checkout.lending(of: "a") == nil && !one.wasTakenOver("a"))
    for (stack, isStill) in [("c", true), ("d", false)] {
      let own = try StackLocks(of: [stack], in: checkout)
      let failure = await #expect(throws: Failure.self) {
        try await own.lending(stack, during: lending) { () throws(Failure) in
          let other = try StackLocks(of: [stack], in: checkout)
          #expect(other.busy.isEmpty && own.isTaken(stack))
          if !isStill { other.release() }
        }
      }
      #expect(failure?.kind == .locked && own.wasTakenOver(stack))
      // It is the other one's to write to, and to lend.
      own.note(.now(.step, of: stack, "too late"))
      #expect(checkout.doing(stack) == nil && checkout.isBusy(stack) == isStill)
      own.release()
      #expect(checkout.isBusy(stack) == isStill)
    }
  }

  @Test func `two programs that change records side by side lose nothing of each other`() async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    let (one, other) = (Records(checkout), Records(checkout))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          let pin = Pin(commit: "c", since: "now")
          try await (number.isMultiple(of: 2) ? one : other).change { state throws(IllegalTransition) in
            try state.record(.pinned(pin), of: "s\(number)")
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try checkout.state().stacks.count == 40)
    #expect(try await one.now() == other.now())
  }

  @Test func `a deployment that is gone or was changed is said, and nothing is guessed`() async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    let stack = DesiredStack(
      name: "s", commit: "c", project: "p", tracked: [:], untracked: [:], services: [], links: [:], after: [],
      deployTimeout: nil)
    try await Records(checkout).change { state throws(IllegalTransition) in
      try state.record(.began(stack, affected: [], from: .nothing), of: "s")
      try state.record(.deployed(Deployment(stack)), of: "s")
    }
    let file = "clup/deployments/\(try #require(scratch.names("clup/deployments").first))"
    #expect(try checkout.state().lastGood("s") == Deployment(stack))
    try scratch.write(file, try scratch.read(file).replacing("\"p\"", with: "\"q\""))
    let lost = try checkout.state()
    #expect(lost.lastGood("s") == nil && lost.lost.stacks["s"]?.contains("damaged") == true && lost.lost.all == nil)
    try scratch.write(file, try scratch.read(file).replacing("\"q\"", with: "\"p\""))
    try scratch.write("clup/deployments/0.json", "{}")
    try await Records(checkout).sweep()
    #expect(scratch.names("clup/deployments").count == 1, "what no record names goes")
    try FileManager.default.moveItem(atPath: scratch.root + "/clup/state.json", toPath: scratch.root + "/clup/aside")
    try await Records(checkout).sweep()
    #expect(scratch.names("clup/deployments").count == 1, "what a record names stays")
  }

  @Test func `a torn last line of the history is cut off, the others stay`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    try checkout.append(report("1"))
    let file = scratch.root + "/clup/history.jsonl"
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(#"{"schema": "clup.re"#.utf8))
    try handle.close()
    try checkout.append(report("2"))
    #expect(checkout.history(last: 9, where: { _ in true }).map(\.id) == ["1", "2"])
    #expect(try scratch.read("clup/history.jsonl").split(separator: "\n").count == 2)
  }

  @Test func `a last line of the history that can be read stays, whatever bytes are in it`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    var line = encode(report("1"))
    let quote = try #require(Array(line).lastIndex(of: 0x22))
    line.insert(contentsOf: [0xa7, 0xa7], at: quote)
    #expect(FileManager.default.createFile(atPath: scratch.root + "/clup/history.jsonl", contents: Data(line)))
    let before = checkout.history(last: 9) { _ in true }
    try checkout.append(report("2"))
    #expect(checkout.history(last: 9, where: { _ in true }).dropLast() == before[...])
  }

  @Test func `the state comes back as it was written, and is for its owner alone`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    #expect(try checkout.state() == State())
    var state = State()
    state.commit = "c"
    state.links = ["a": DesiredLink(kind: .copy, from: "b", id: "1", executable: true)]
    var known: [String: KeptDeployment] = [:]
    try checkout.write(state, &known)
    #expect(try checkout.state() == state)
    let mode = try #require(Files.status(scratch.root + "/clup/state.json")).st_mode & 0o777
    #expect(mode == 0o600)
  }

  @Test(arguments: [
    (#"{"schema":"clup.state/9","stacks":{},"links":{}}"#, "clup.state/9")
  ])
  func `the state of another version is refused, and stays`(_ text: String, _ says: String) throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try scratch.write("clup/state.json", text)
    #expect { try checkout.state() } throws: {
      ($0 as? Failure)?.kind == .configuration && ($0 as? Failure)?.message.contains(says) == true
    }
    #expect(try scratch.read("clup/state.json") == text)
  }

  @Test(arguments: [#"{"schema":"clup.state/2","records":{}}"#, #"{"schema":"clup.state/2","sta"#, "", "[]", "{ torn"])
  func `a damaged state is refused and left as it is; without it, what it named is kept and counts as lost`(
    _ text: String
  )
    async throws
  {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    try scratch.write("clup/state.json", text)
    try scratch.write("clup/deployments/0.json", "{}")
    #expect { try checkout.state() } throws: {
      ($0 as? Failure)?.kind == .configuration && ($0 as? Failure)?.help.contains("pins") == true
    }
    #expect(try scratch.read("clup/state.json") == text && scratch.names("clup/deployments") == ["0.json"])
    try FileManager.default.removeItem(atPath: checkout.stateFile)
    let lost = try checkout.state()
    #expect(lost.stacks.isEmpty && lost.lost.all?.contains("pins") == true)
    let records = Records(checkout)
    try await records.sweep()
    #expect(scratch.names("clup/deployments") == ["0.json"])
    for commit in ["c", "d"] {
      try await records.change { state throws(IllegalTransition) in state.commit = commit }
    }
    #expect(try checkout.state().commit == "d" && checkout.state().lost == LostRecords())
    #expect(scratch.names("clup").count { $0.contains(".lost-") } == 1)
  }

  @Test func `a damaged deployment concerns its own stack alone, and is written anew with it`() async throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    @Sendable func stack(_ name: String) -> DesiredStack {
      DesiredStack(
        name: name, commit: "c", project: name, tracked: [:], untracked: [:], services: [], links: [:], after: [],
        deployTimeout: nil)
    }
    func deploy(_ name: String) async throws {
      try await Records(checkout).change { state throws(IllegalTransition) in
        try state.record(.began(stack(name), affected: [], from: .nothing), of: name)
        try state.record(.deployed(Deployment(stack(name))), of: name)
      }
    }
    for name in ["a", "b"] { try await deploy(name) }
    let id = blobID(of: encode(Deployment(stack("a"))))
    try scratch.write("clup/deployments/\(id).json", "")
    let state = try checkout.state()
    #expect(state.lastGood("a") == nil && state.lastGood("b") == Deployment(stack("b")))
    #expect(Array(state.lost.stacks.keys) == ["a"])
    let records = Records(checkout)
    _ = try await records.now()
    try await records.sweep()
    #expect(scratch.names("clup/deployments").count == 2, "nothing is swept while something is lost")
    try await deploy("a")
    #expect(try checkout.state().lastGood("a") == Deployment(stack("a")))
    #expect(try checkout.state().lost == LostRecords())
  }

  @Test func `a checkout that has lost its lock is known by what else is in it`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    for file in ["repo.git/HEAD", "releases/c/f", "state.json"] { try scratch.write("clup/" + file, "") }
    try checkout.prepare()
    #expect(scratch.names("clup").contains("lock"))
    try scratch.write("bare/repo.git/HEAD", "")
    #expect(throws: Failure.self) { try Checkout(path: scratch.root + "/bare").prepare() }
  }

  @Test func `reports of another version are neither misread nor lost, and a line that lacks its end is whole`() throws
  {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    try checkout.append(report("1"))
    var newer = report("2")
    newer.schema = "clup.report/9"
    try checkout.append(newer)
    let before = try scratch.read("clup/history.jsonl")
    try scratch.write("clup/history.jsonl", String(before.dropLast()))
    try checkout.append(report("3"))
    #expect(checkout.history(last: 9, where: { _ in true }).map(\.id) == ["1", "3"])
    #expect(checkout.foreignHistory(last: 10) == ["clup.report/9": 1])
    #expect(try scratch.read("clup/history.jsonl").hasPrefix(before))
  }

  @Test func `a pointer leads to its release by one relative link`() throws {
    let scratch = try Scratch()
    let checkout = Checkout(path: scratch.root + "/clup")
    try checkout.prepare()
    try scratch.write("clup/releases/c2/f", "")
    try checkout.point("runner/compose", to: "c1")
    #expect(checkout.commit(of: "runner/compose") == nil, "a release that is gone is no release")
    try checkout.point("runner/compose", to: "c2")
    #expect(Files.link(at: scratch.root + "/clup/stacks/runner+compose") == "../releases/c2")
    #expect(checkout.commit(of: "runner/compose") == "c2")
    checkout.removePointer(of: "runner/compose")
    #expect(checkout.commit(of: "runner/compose") == nil)
    #expect(scratch.names("clup/stacks") == [])
  }
}

@Suite("Files are replaced whole or not at all")
struct FilesTests {
  @Test func `a tree is removed without following its links`() throws {
    let scratch = try Scratch()
    try scratch.write("keep/f", "")
    try scratch.write("gone/d/f", "")
    #expect(symlink(scratch.root + "/keep", scratch.root + "/gone/link") == 0)
    Files.remove(scratch.root + "/gone")
    #expect(scratch.names("") == ["keep"] && scratch.names("keep") == ["f"])
  }

  @Test func `a replacement that cannot be written leaves the old content and nothing beside it`() throws {
    let scratch = try Scratch()
    try scratch.write("d/f", "old")
    #expect(throws: Failure.self) { try Files.replace(scratch.root + "/d", with: [1], mode: 0o600) }
    try Files.replace(scratch.root + "/d/f", with: Array("new".utf8), mode: 0o600)
    #expect(try scratch.read("d/f") == "new")
    #expect(scratch.names("d") == ["f"] && scratch.names("") == ["d"])
  }

  @Test func `only regular files up to the limit are read`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("f", "12345")
    #expect(Files.read(file, limit: 5)?.count == 5)
    #expect(Files.read(file, limit: 4) == nil)
    #expect(mkfifo(scratch.root + "/p", 0o600) == 0)
    #expect(Files.read(scratch.root + "/p") == nil)
    #expect(Files.read(scratch.root) == nil)
  }
}
