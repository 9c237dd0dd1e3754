import Foundation
import Processes
import Testing

/// The tests' own program, since a fence cannot be lowered again.
private let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
  .appending(path: "FenceProbe").path

private let dockerProgram = find("docker", in: ProcessInfo.processInfo.environment["PATH"] ?? "")
private let straceProgram = find("strace", in: "/usr/bin:/bin")

@Suite("the fence holds every thread and every child", .enabled(if: Fence.isSupported)) struct FenceTests {
  private static func probe(_ words: String...) -> Command {
    Command(program, words, environment: ProcessInfo.processInfo.environment, deadline: .seconds(60))
  }

  /// Makes two directories for inside the fence and one for outside, which holds what is to be left alone.
  private static func withPlaces(_ body: (_ inside: String, _ other: String, _ outside: String) async throws -> Void)
    async throws
  {
    let root = NSTemporaryDirectory() + "/fence-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: root) }
    for name in ["inside", "other", "outside/directory", "outside/empty"] {
      try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
    }
    try Data("state\n".utf8).write(to: URL(filePath: "\(root)/outside/file"))
    try await body("\(root)/inside", "\(root)/other", "\(root)/outside")
  }

  private static func listen(at path: String) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    Glibc.listen(descriptor, 64)
    return descriptor
  }

  @Test("I1: no thread, old or new, no task and no child changes anything outside; inside and reading all goes on")
  func attempts() async throws {
    try await Self.withPlaces { inside, other, outside in
      let socket = Self.listen(at: outside + "/socket")
      defer { close(socket) }
      let before = try FileManager.default.subpathsOfDirectory(atPath: outside).sorted()
      let outcome = try await run(Self.probe("attempts", inside, other, outside))
      let lines = outcome.outputText.split(separator: "\n").map { $0.split(separator: "|").map(String.init) }
      #expect(lines.first == ["raised true"])
      let attempts = lines.filter { $0.count == 4 }
      let who = Set(attempts.map { $0[1] })
      #expect(who.isSuperset(of: ["main", "early worker 0", "early thread 3", "new thread", "task", "grandchild"]))
      #expect(attempts.count > 300)
      let refusals = [EACCES, EXDEV].map(String.init)
      #expect(attempts.filter { $0[0] == "refused" && !refusals.contains($0[3]) } == [])
      #expect(attempts.filter { $0[0] == "done" && $0[3] != "0" } == [])
      #expect(try FileManager.default.subpathsOfDirectory(atPath: outside).sorted() == before)
      #expect(try String(contentsOfFile: outside + "/file", encoding: .utf8) == "state\n")
    }
  }

  @Test("I9: two hundred times over, under load and while threads come and go, nobody is left out and nothing hangs")
  func race() async throws {
    try await Self.withPlaces { inside, _, outside in
      let results = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<4 {
          group.addTask {
            var all = ""
            for _ in 0..<50 { all += try await run(Self.probe("race", inside, outside)).outputText }
            return all
          }
        }
        return try await group.reduce("", +).split(separator: "\n")
      }
      #expect(results.count { $0 == "raised true" } == 200)
      #expect(results.count { $0 == "free 0" } == 200)
      let times = results.compactMap { $0.hasPrefix("microseconds ") ? Double($0.dropFirst(13)) : nil }.sorted()
      #expect(times.count == 200 && times[100] < 1_000_000)
    }
  }

  @Test("a thread that does not obey is an error at the deadline, and its late answer harms nobody")
  func deaf() async throws {
    try await Self.withPlaces { inside, _, _ in
      let lines = try await run(Self.probe("deaf", inside)).outputText.split(separator: "\n")
      #expect(lines.first == "error cannot put every thread behind the fence: Connection timed out")
      #expect(lines.last == "alive")
    }
  }

  @Test("a place that does not exist is an error")
  func missing() async throws {
    let words = ["exec", "/nowhere", "--", "/bin/true"]
    let outcome = try await run(Command(program, words))
    #expect(outcome.outputText == "error cannot leave /nowhere writable: No such file or directory\n")
  }

  @Test("a single file can be left writable")
  func file() async throws {
    try await Self.withPlaces { _, _, outside in
      let script = "echo new >\(outside)/file; echo new >\(outside)/empty/file; rm \(outside)/file"
      let outcome = try await run(Self.probe("exec", outside + "/file", "--", "/bin/sh", "-c", script))
      #expect(outcome.errorText.split(separator: "\n").count == 2)
      #expect(try String(contentsOfFile: outside + "/file", encoding: .utf8) == "new\n")
    }
  }

  @Test("docker and its plugin run behind it", .enabled(if: dockerProgram != nil))
  func docker() async throws {
    try await Self.withPlaces { inside, _, outside in
      let docker = try #require(dockerProgram)
      try Data("services: {a: {image: a}}\n".utf8).write(to: URL(filePath: outside + "/compose.yaml"))
      let client = try await run(Self.probe("exec", inside, "--", docker, "version", "--format", "{{.Client.Version}}"))
      #expect(client.outputText.contains("."), "\(client.errorText)")
      let config = ["compose", "-f", outside + "/compose.yaml", "config", "--services"]
      let command = Command(
        program, ["exec", inside, "--", docker] + config, environment: ProcessInfo.processInfo.environment)
      #expect(try await run(command).outputText == "raised true\na\n")
    }
  }

  @Test(
    "a kernel that has no Landlock is told, one that should have it and fails is an error",
    .enabled(if: straceProgram != nil),
    arguments: [
      ("error=ENOSYS", "raised false"), ("error=EOPNOTSUPP", "raised false"), ("retval=1:when=1", "raised false"),
      ("error=EMFILE:when=2", "error cannot make a Landlock ruleset: Too many open files"),
      // This kernel is taken for a newer one, whose flag for all threads it does not know.
      ("retval=8:when=1", "error cannot put every thread behind the fence: Invalid argument"),
    ])
  func unsupported(fault: String, answer: String) async throws {
    if fault.hasPrefix("retval=8") && Fence.kernelVersion >= 8 { return }
    let strace = try #require(straceProgram)
    let options = ["-f", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset"]
    let inject = ["-e", "inject=landlock_create_ruleset:\(fault)"]
    let words = options + inject + [program, "exec", "/dev", "--", "/bin/echo", "on"]
    #expect(try await run(Command(strace, words)).outputText == "\(answer)\non\n")
  }
}
