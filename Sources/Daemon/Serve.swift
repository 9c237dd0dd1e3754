import Agent
import Core
import Dispatch
import FoundationEssentials
import HTTPServer
import Processes

/// The daemon: it waits for triggers, and starts `clup sync` for each.
public struct Serve: Sendable {
  let configuration: Configuration
  /// Each element asks to read the configuration again.
  let reloads: AsyncStream<Void>
  let program: String
  let version: String
  let environment: [String: String]
  let say: @Sendable (String) -> Void

  private var settings: Settings { configuration.settings }

  /// Prepares a daemon; each of `reloads` asks to read the configuration again, `program` is clup's own path,
  /// `environment` its own, `say` takes lines for the log.
  public init(
    configuration: Configuration, reloads: AsyncStream<Void>, program: String, version: String,
    environment: [String: String], say: @escaping @Sendable (String) -> Void
  ) {
    self.configuration = configuration
    self.reloads = reloads
    self.program = program
    self.version = version
    self.environment = environment
    self.say = say
  }

  /// Serves until the task is cancelled.
  public func run() async throws(Failure) {
    Memory.settle()
    let runStore = try RunStore(settings, file: "runs.json")
    let runQueue = try RunQueue(runStore, say: say)
    let children = ChildProcesses(
      program: program, configuration: configuration, environment: environment, runStore: runStore)
    let (counters, statusCache) = (Counters(), StatusCache(children))
    let drift = Drift(
      children: children, runQueue: runQueue, statusCache: statusCache, counters: counters, say: say)
    let routes = Routes(
      version: version, runQueue: runQueue, statusCache: statusCache, counters: counters, children: children,
      started: Date().timeIntervalSince1970)
    complain()
    if let unused = Programs.unused(environment) { say("warning: \(unused)") }
    let executor = WorkExecutor()
    let credentials = try tls()
    let server: HTTPServer
    do throws(HTTPServerError) {
      server = try HTTPServer(listen: endpoints(), tls: credentials, limits: HTTPLimits()) { request in
        let response = await Task(executorPreference: executor) { await routes.answer(request) }.value
        Memory.trim()
        return response
      }
    } catch {
      throw Failure(.configuration, error.message, help: "see `serve: {listen: …}` in \(settings.file)")
    }
    let manager = ServiceManager(environment: environment)
    say("serving on \(server.endpoints.map(\.description).joined(separator: ", "))")
    manager.tell("READY=1", "STATUS=serving \(settings.shownRepository)")
    await runQueue.enqueueInternal(.start)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await work(runQueue, children, counters, statusCache, drift, manager) }
      group.addTask { await drift.follow() }
      group.addTask {
        for await _ in reloads {
          manager.reloading()
          reload()
          manager.tell("READY=1", "STATUS=serving \(settings.shownRepository)")
          await runQueue.enqueueInternal(.reload)
        }
      }
      if let pause = manager.watchdog {
        group.addTask {
          // Only a daemon whose queue still answers is alive.
          while (try? await Task.sleep(for: pause)) != nil {
            _ = await runQueue.isIdle
            manager.tell("WATCHDOG=1")
          }
        }
      }
      await group.waitForAll()
    }
    manager.tell("STOPPING=1")
    server.stop()
  }

  /// Reads the configuration again, and says what came of it.
  private func reload() {
    let news = configuration.reload()
    if news.isEmpty { return }
    news.forEach(say)
    complain()
  }

  /// Complains about files with secrets that others can read.
  private func complain() {
    for path in [settings.serve.webhookSecretFile, settings.serve.apiTokenFile] {
      if let complaint = path.flatMap(SecretFile.complaint) { say("warning: \(complaint)") }
    }
  }

  /// Does what was asked for, one run after the other; the timer asks when nobody else has for an interval.
  private func work(
    _ runQueue: RunQueue, _ children: ChildProcesses, _ counters: Counters, _ statusCache: StatusCache, _ drift: Drift,
    _ manager: ServiceManager
  ) async {
    var pace = PollDelay(interval: settings.sync.interval)
    var timer: Task<Void, Never>?
    defer { timer?.cancel() }
    while let run = try? await runQueue.begin() {
      reload()
      pace.interval = settings.sync.interval
      counters.change { $0.running += 1 }
      manager.tell("STATUS=syncing, asked by \(run.trigger.rawValue)")
      var result = SyncResult()
      do throws(ProcessError) {
        let paused = await drift.repairPaused
        result = try await children.sync(run, leaving: Set(paused))
      } catch {
        // The run stays as it is, and is taken up by the next daemon.
        if Task.isCancelled { return }
        result.error = error.message
      }
      await runQueue.end(result)
      counters.note(result, at: Date().timeIntervalSince1970)
      pace.note(reached: !result.ended(with: .unreachable))
      let what = result.outcome?.rawValue ?? "failed"
      if result.outcome != .unchanged || !result.ended(with: .success) {
        say("\(run.trigger.rawValue): \(what)\((result.error ?? result.stacks).map { ": \($0)" } ?? "")")
      }
      let unwritten = await runQueue.trouble.map { "; \($0.message)" } ?? ""
      manager.tell("STATUS=\(what) at \(result.commit.map { String($0.prefix(7)) } ?? "no commit")\(unwritten)")
      await statusCache.forget()
      await drift.look(after: .milliseconds(300))
      let pause = pace.pause(chance: .random(in: 0...20))
      timer?.cancel()
      timer = Task(executorPreference: WorkExecutor()) {
        guard (try? await Task.sleep(for: pause)) != nil else { return }
        await runQueue.enqueueInternal(.timer)
      }
    }
  }

  private func endpoints() throws(HTTPServerError) -> [Endpoint] {
    let inherited = inheritedDescriptors(in: environment)
    if !inherited.isEmpty { return inherited.map { .inherited(descriptor: $0) } }
    return settings.serve.listen.map { text in
      if text.hasPrefix("unix:") { return .unixSocket(path: String(text.dropFirst(5)), mode: 0o660) }
      let colon = text.lastIndex(of: ":") ?? text.endIndex
      let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
      return .address(host: host, port: UInt16(text[colon...].dropFirst()) ?? 0)
    }
  }

  private func tls() throws(Failure) -> TLSCredentials? {
    guard let certificate = settings.serve.certificateFile, let key = settings.serve.keyFile else { return nil }
    func read(_ key: String, _ path: String) throws(Failure) -> [UInt8] {
      guard let data = try? Data(contentsOf: URL(filePath: path)) else {
        throw Failure(
          .configuration, "cannot read \(path), which `serve: {\(key): …}` names",
          help: "check that the file exists and that clup may read it, or name another in \(settings.file)")
      }
      return Array(data)
    }
    return TLSCredentials(certificate: try read("certificate_file", certificate), key: try read("key_file", key))
  }
}
