import Glibc
import Processes
import Synchronization
import Testing

private func shell(
  _ script: String, input: [UInt8] = [], deadline: Duration = .seconds(20), grace: Duration = .milliseconds(200),
  outputLimit: Int = 8 << 20, environment: [String: String] = ["PATH": "/usr/bin:/bin"], directory: String? = nil
) -> Command {
  Command(
    "/bin/sh", ["-c", script], environment: environment, directory: directory, input: input, deadline: deadline,
    grace: grace, outputLimit: outputLimit)
}

/// Waits until no process has this id, and says whether that came to be within ten seconds.
private func isGone(_ pid: pid_t) async throws -> Bool {
  for _ in 0..<1000 {
    if kill(pid, 0) != 0 && errno == ESRCH { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

@Suite("I9: every child process ends, with its whole group")
struct RunTests {
  @Test("status, output and errors come back apart")
  func outcome() async throws {
    let outcome = try await run(shell("cat; echo oops >&2; exit 3", input: Array("hello".utf8)))
    #expect(outcome.status == .exited(3))
    #expect(outcome.outputText == "hello")
    #expect(outcome.errorText == "oops\n")
    #expect(!outcome.succeeded)
  }

  @Test("I8: a child sees only the environment it is given")
  func environment() async throws {
    setenv("CLUP_TEST_LEAK", "secret", 1)
    let outcome = try await run(Command("/usr/bin/env", environment: ["ONLY": "this"]))
    #expect(outcome.outputText == "ONLY=this\n")
  }

  @Test("a child has no descriptor but its standard streams, no blocked signal, and leads its group")
  func cleanStart() async throws {
    let held = open("/dev/null", O_RDONLY)
    defer { close(held) }
    let script = "ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status; ps -o pid=,pgid= -p $$"
    let lines = try await run(shell(script)).outputText.split(separator: "\n")
    #expect(lines.first.map { $0.filter(\.isNumber) } == "4")
    #expect(lines.dropFirst().first?.hasSuffix("0000000000000000") == true)
    let ids = lines.last?.split(separator: " ") ?? []
    #expect(ids.count == 2 && ids.first == ids.last)
  }

  @Test("a child that hangs is ended at its deadline")
  func hangs() async throws {
    let start = ContinuousClock.now
    let outcome = try await run(shell("sleep 100", deadline: .milliseconds(200)))
    #expect(outcome.deadlineExceeded)
    #expect(start.duration(to: .now) < .seconds(80))
  }

  @Test("a child that ignores TERM is killed after the grace, and so is its child")
  func ignoresTerm() async throws {
    let script = "trap '' TERM; sleep 100 & echo $!; while :; do sleep 1; done"
    let outcome = try await run(shell(script, deadline: .milliseconds(300)))
    #expect(outcome.status == .signalled(SIGKILL))
    let grandchild = try #require(pid_t(outcome.outputText.filter(\.isNumber)))
    #expect(try await isGone(grandchild))
  }

  @Test("a grandchild that keeps the output open neither delays the end nor survives it")
  func forks() async throws {
    let start = ContinuousClock.now
    let outcome = try await run(shell("sleep 100 & echo $!"))
    #expect(outcome.succeeded)
    #expect(start.duration(to: .now) < .seconds(80))
    let grandchild = try #require(pid_t(outcome.outputText.filter(\.isNumber)))
    #expect(try await isGone(grandchild))
  }

  @Test("a flood is read to its end and kept to its limit")
  func floods() async throws {
    let outcome = try await run(shell("head -c 50000000 /dev/zero; echo done >&2", outputLimit: 1000))
    #expect(outcome.succeeded)
    #expect(outcome.output.count == 1000)
    #expect(outcome.truncated)
    #expect(outcome.errorText == "done\n")
  }

  @Test("a child that does not read its input ends as it likes")
  func unreadInput() async throws {
    let outcome = try await run(shell("exit 0", input: [UInt8](repeating: 65, count: 1 << 20)))
    #expect(outcome.succeeded)
  }

  @Test("cancelling the task ends the group")
  func cancellation() async throws {
    let task = Task { try await run(shell("sleep 100")) }
    try await Task.sleep(for: .milliseconds(100))
    task.cancel()
    let error = await #expect(throws: ProcessError.self) { try await task.value }
    #expect(error?.kind == .cancelled)
  }

  @Test(
    "what cannot be started says why",
    arguments: [
      ("/nowhere/program", "/", ProcessError.Kind.notFound), ("sh", "/", .notFound),
      ("/etc/passwd", "/", .notPermitted),
      ("/bin/sh", "/nowhere", .noSuchDirectory), ("/bin/sh", "/etc/passwd", .noSuchDirectory),
    ])
  func refusals(program: String, directory: String, kind: ProcessError.Kind) async throws {
    let error = await #expect(throws: ProcessError.self) { try await run(Command(program, directory: directory)) }
    #expect(error?.kind == kind)
  }

  @Test("a hundred at once all come back")
  func many() async throws {
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<100 {
        group.addTask { Int(try await run(shell("echo \(number)")).outputText.filter(\.isNumber)) ?? -1 }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 4950)
  }
}

@Suite("lines are taken out as they are written")
struct LineTapTests {
  @Test("each line by itself, the last one also without a newline; the outcome has what is not taken")
  func lines() async throws {
    let seen = Mutex<[String]>([])
    let outcome = try await run(
      shell("echo one; echo; echo two; printf three; echo other >&2"),
      tap: LineTap(.output) { line in
        seen.withLock { $0.append(line) }
        return line.hasPrefix("t")
      })
    #expect(seen.withLock { $0 } == ["one", "", "two", "three"])
    #expect(outcome.outputText == "one\n\n" && outcome.errorText == "other\n" && !outcome.truncated)
  }

  @Test("what is taken out fills no outcome, and a line is there before the process ends")
  func early() async throws {
    let (lines, told) = AsyncStream<String>.makeStream()
    let task = Task {
      try await run(
        shell("yes | head -c 100000 >&2; echo ready >&2; exec sleep 100", outputLimit: 1000),
        tap: LineTap(.errors) { line in
          if line != "y" { told.yield(line) }
          return true
        })
    }
    #expect(await lines.first { _ in true } == "ready")
    task.cancel()
    _ = await task.result
  }

  @Test("what never ends is no line, and is cut like any other output")
  func endless() async throws {
    let outcome = try await run(
      shell("head -c 200000 /dev/zero | tr '\\0' x", outputLimit: 1000), tap: LineTap(.output) { _ in true })
    #expect(outcome.truncated && outcome.output.count == 1000)
  }
}

@Suite("programs are found on a path")
struct FindTests {
  @Test(
    "absolute directories only, plain names only",
    arguments: [
      ("sh", "/nowhere:/bin", "/bin/sh"), ("sh", "bin:.", nil), ("../bin/sh", "/usr", nil), ("passwd", "/etc", nil),
      ("", "/bin", nil),
    ])
  func find(name: String, path: String, expected: String?) {
    #expect(Processes.find(name, in: path) == expected)
  }
}
