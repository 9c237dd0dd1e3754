import Core
import Engine
import Glibc
import Processes

/// Looks whether a host is ready for clup and for what it runs.
///
/// It changes nothing, and every question has a deadline: what does not answer is what it found.
public struct Doctor: Sendable {
  let settings: Settings
  let environment: [String: String]
  let checkout: Checkout

  /// Prepares to look at the host of a configuration.
  public init(settings: Settings, environment: [String: String]) {
    (self.settings, self.environment) = (settings, environment)
    checkout = Checkout(path: settings.checkout)
  }

  /// Looks at everything.
  public func run() async -> Diagnosis {
    async let repositories = repositories()
    async let service = service()
    let engine = await engine()
    let (records, unreadable) = records()
    let stacks = await stacks(records, engine)
    async let registries = registries(records, engine)
    async let running = running(stacks, engine)
    async let unused = unusedSettings()
    var checks = system() + engine.checks + (await disks(stacks, engine)) + directories(stacks)
    checks += unreadable + (await unused) + (await running) + (await socket(stacks, engine))
    if let programs = engine.programs, engine.problem == nil { checks += await pings(stacks, engine, programs) }
    checks += (await repositories) + (await registries)
    checks += (await service) + ServiceChecks.waivers(settings.policy, today: today())
    return Diagnosis(host: hostName(), checks: checks)
  }

  private static var kernelRelease: String {
    var names = utsname()
    guard uname(&names) == 0 else { return "" }
    return withUnsafeBytes(of: names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private func system() -> [Check] {
    [
      HostChecks.system(Files.text("/etc/os-release") ?? Files.text("/usr/lib/os-release")),
      HostChecks.kernel(Self.kernelRelease),
      HostChecks.landlock(Fence.kernelVersion, isSupported: Fence.isSupported),
      HostChecks.clock(
        isSynchronised: HostClock.isSynchronised, now: text(of: time(nil), as: "%Y-%m-%d %H:%M %Z"),
        isOthers: Self.isContained && !Self.keepsTime),
    ]
  }

  /// Whether this is a container of Docker, Podman or systemd, which leave these for programs to see.
  private static var isContained: Bool {
    ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"].contains { Files.status($0) != nil }
  }

  private static var keepsTime: Bool {
    Files.names(in: "/proc").contains { name in
      guard name.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let text = Files.text("/proc/\(name)/comm") else {
        return false
      }
      return HostChecks.timeServices.contains(String(text.prefix { !$0.isNewline }))
    }
  }

  /// Reads what clup remembers of the host.
  private func records() -> (State, [Check]) {
    do throws(Failure) {
      let state = try checkout.state()
      return (
        state,
        state.lost.texts.map {
          Check(
            .stacks, "records", .warning, found: $0, expected: "readable records in \(checkout.path)",
            help: "restore it from a backup before the next sync; otherwise that takes over the running containers")
        }
      )
    } catch {
      return (
        State(),
        [
          Check(
            .stacks, "records", .failed, found: error.message, expected: "readable records in \(checkout.stateFile)",
            help: error.help)
        ]
      )
    }
  }
}

/// Waits for an answer no longer than this.
func within<Answer: Sendable>(
  _ limit: Duration, _ work: @escaping @Sendable () async -> Answer
) async -> Answer? {
  await withTaskGroup(of: Answer?.self) { group in
    group.addTask { await work() }
    group.addTask {
      try? await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    return await group.next() ?? nil
  }
}
