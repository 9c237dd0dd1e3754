import Core
import Foundation
import Processes
import Testing

/// Bad input gets a clear sentence and the right exit status, and loses nothing. None of these needs an engine.
@Suite struct BadInputs {
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let settings: String
    let status: Int32
    let says: String
  }

  static let configurations: [Case] = [
    Case(testDescription: "an empty file", settings: "", status: 2, says: "the file is empty"),
    Case(
      testDescription: "an unknown key",
      settings: "repository: /r\nbranch: main\nlive_root: /l\ncheckout: /l/c\nbrnch: x\n", status: 2,
      says: "clup.yaml:5:1: "),
    Case(
      testDescription: "an unknown key within",
      settings: "repository: /r\nbranch: main\nlive_root: /l\ncheckout: /l/c\nsync:\n  intervall: 1s\n", status: 2,
      says: "clup.yaml:6:3: "),
    Case(testDescription: "no YAML", settings: "repository: [\n", status: 2, says: "clup.yaml:2:1: "),
    Case(testDescription: "a missing key", settings: "repository: /r\n", status: 2, says: "branch"),
    Case(
      testDescription: "a relative live root", settings: "repository: /r\nbranch: main\nlive_root: l\ncheckout: /l/c\n",
      status: 2, says: "clup.yaml:3:12: "),
  ]

  @Test(arguments: configurations) func `a configuration is refused with its place`(_ bad: Case) async throws {
    try await Host.with([:]) { host in
      try bad.settings.write(toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
      let answer = try await host.clup(["sync"])
      #expect(answer.status == bad.status)
      #expect(answer.errors.contains(bad.says), "\(answer.errors)")
      #expect(answer.errors.contains("help: "))
    }
  }

  @Test func `what a later version wrote is neither read nor written over`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()]) { host in
      let state = #"{"schema":"clup.state/9","stacks":{},"links":{},"pins":{"a":{"commit":"c","since":"s"}}}"#
      let history = #"{"schema":"clup.report/9","id":"r9"}"# + "\n"
      let runs = #"[{"schema":"clup.run/9","id":"r9"}]"#
      try host.write("lock", "", in: host.checkout)
      for (name, text) in [("state.json", state), ("history.jsonl", history), ("runs.json", runs)] {
        try host.write(name, text, in: host.checkout)
      }
      for words in [["sync"], ["sync", "--dry-run"], ["rollback"], ["resume"], ["status"], ["serve"]] {
        let answer = try await host.clup(words)
        let told = answer.output + answer.errors
        #expect(answer.status == 2, "\(words): \(answer)")
        #expect(told.contains(words == ["serve"] ? "clup.run/9" : "clup.state/9"), "\(told)")
        #expect(told.contains("install that version or a later one"))
      }
      let told = try await host.clup("history")
      #expect(told.status == 0 && told.errors.contains("1 as clup.report/9"), "\(told)")
      for (name, text) in [("state.json", state), ("history.jsonl", history), ("runs.json", runs)] {
        #expect(try String(contentsOfFile: host.checkout + "/" + name, encoding: .utf8) == text, "\(name)")
      }
    }
  }

  @Test func `no configuration at all is said with the path that was tried`() async throws {
    try await Host.with([:]) { host in
      let answer = try await host.clup(["sync"], environment: ["CLUP_CONFIG": host.root + "/gone.yaml"])
      #expect(answer.status == 2)
      #expect(answer.errors.contains(host.root + "/gone.yaml"))
    }
  }

  static let usages: [([String], String)] = [
    (["synk"], "did you mean `clup sync`?"), (["sync", "--dryrun"], "has no option --dryrun"),
    (["sync", "--stack"], "needs a value"),
    (["sync", "--output", "xml"], "text, json or ndjson"), (["status", "extra"], "does not take extra"),
    (["history", "-n", "0"], "above 0"),
  ]

  @Test(arguments: usages) func `bad usage ends with 2 and says what to do`(_ words: [String], _ says: String)
    async throws
  {
    try await Host.with([:]) { host in
      let answer = try await host.clup(words)
      #expect(answer.status == 2)
      #expect(answer.errors.contains(says), "\(answer.errors)")
    }
  }

  @Test func `help and version answer without a configuration`() async throws {
    try await Host.with([:]) { host in
      for words in [["help"], ["help", "sync"], ["sync", "--help"], ["--version"], ["--help"], []] {
        let answer = try await host.clup(words, configuration: false)
        #expect(answer.status == 0)
        #expect(!answer.output.isEmpty && answer.errors.isEmpty)
      }
    }
  }

  static let repositories: [Case] = [
    Case(
      testDescription: "a repository that does not exist", settings: "repository: /nowhere/repo.git\nbranch: main\n",
      status: 4, says: "/nowhere/repo.git"),
    Case(
      testDescription: "a server that does not answer",
      settings: "repository: git://127.0.0.1:1/repo.git\nbranch: main\n", status: 4, says: "127.0.0.1"),
    Case(
      testDescription: "no such branch", settings: "repository: ROOT/repo.git\nbranch: gone\n", status: 4,
      says: "no branch gone"),
    Case(
      testDescription: "an empty repository", settings: "repository: ROOT/empty.git\nbranch: main\n", status: 4,
      says: "no commit"),
    Case(
      testDescription: "a repository without stacks", settings: "repository: ROOT/repo.git\nbranch: main\n", status: 3,
      says: "no stack"),
  ]

  @Test(arguments: repositories) func `a repository that cannot be used is said, and nothing is made of it`(_ bad: Case)
    async throws
  {
    try await Host.with(["README.md": "no stack here\n"], live: ["a/file": "x\n"]) { host in
      try await host.git("init", "-q", "--bare", "-b", "main", host.root + "/empty.git")
      let text =
        bad.settings.replacing("ROOT", with: host.root) + "live_root: \(host.live)\ncheckout: \(host.checkout)\n"
      try text.write(toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
      let answer = try await host.clup(["sync", "--dry-run", "--output", "json"])
      #expect(answer.status == bad.status, "\(answer.errors)")
      #expect(answer.errors.contains(bad.says), "\(answer.errors)")
      #expect(try answer.report().error?.contains(bad.says) == true)
      #expect(try await host.inventory().contains("./a/file"))
    }
  }

  @Test func `a file that is too large is refused at its own place`() async throws {
    let large = String(repeating: "#\n", count: 1 << 20)
    try await Host.with(["a/compose.yaml": sleeper("web", "env_file: big.env"), "a/big.env": large]) { host in
      let answer = try await host.clup(["sync", "--dry-run", "--output", "json"])
      let found = try answer.report().diagnostics.first { $0.file == "a/big.env" }
      #expect(answer.status == 3 && found?.message == "a/big.env has 2.0 MiB; at most 1.0 MiB is read", "\(answer)")
    }
  }

  @Test func `a rollback before the first sync says what comes first`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()]) { host in
      let answer = try await host.clup(["rollback", "--all"])
      #expect(answer.status == 2 && answer.output.contains("run `clup sync` first"), "\(answer)")
    }
  }

  @Test func `a checkout that holds something else is left alone`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()], live: ["clup/precious": "x\n"]) { host in
      let answer = try await host.clup(["sync"])
      #expect(answer.status == 2)
      #expect(answer.output.contains("holds something else already: precious"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: host.checkout) == ["precious"])
    }
  }

  @Test func `without an engine a dry run plans, and a sync changes nothing`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()], live: ["a/compose.yaml": "services: {}\n"]) { host in
      let nowhere = ["DOCKER_HOST": "unix:///nowhere/docker.sock"]
      let planned = try await host.clup(["sync", "--dry-run", "--output", "json"], environment: nowhere)
      #expect(planned.status == 0)
      #expect(try planned.report().error?.contains("planned as if nothing were running") == true)
      let before = try await host.inventory()
      let answer = try await host.clup(["sync"], environment: nowhere)
      #expect(answer.status == 1)
      #expect(answer.output.contains("Docker Engine does not answer"))
      #expect(try await host.inventory() == before)
    }
  }

  @Test func `without a docker command it says so`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()]) { host in
      let answer = try await host.clup(["sync"], environment: ["PATH": "/nowhere"])
      #expect(answer.status == 1)
      #expect(answer.output.contains("there is no docker command in /nowhere"))
    }
  }

  @Test func `records that somebody holds end a sync with 5`() async throws {
    try await Host.with(["a/compose.yaml": sleeper()]) { host in
      _ = try await host.clup(["sync", "--dry-run"])
      let descriptor = open(host.checkout + "/lock", O_RDWR | O_CLOEXEC)
      #expect(flock(descriptor, LOCK_EX) == 0)
      let answer = try await host.clup(["sync", "--output", "json"])
      #expect(answer.status == 5)
      #expect(answer.errors.contains("another program holds"))
      close(descriptor)
    }
  }
}
