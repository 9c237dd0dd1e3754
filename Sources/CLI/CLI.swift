import Agent
import Core
import Daemon
import Dispatch
import FoundationEssentials
import Glibc

/// The command line.
public enum CLI {
  /// Runs a command to its end and gives the exit status.
  public static func run(_ words: [String], environment: [String: String]) async -> ExitStatus {
    switch Arguments.parse(words) {
    case .failure(let usage):
      tell("clup: \(usage.message)")
      tell("help: `clup help` lists the commands and their options")
      return .usage
    case .success(let arguments):
      // A reader that goes away must not end a deploy.
      signal(SIGPIPE, SIG_IGN)
      let (reloads, reloader) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
      let task = Task(executorPreference: WorkExecutor()) {
        await run(arguments, environment: environment, reloads)
      }
      let signals = [SIGINT, SIGTERM, SIGHUP].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
          // A terminal that closes ends no daemon.
          if number == SIGHUP, arguments.command == "serve" { return _ = reloader.yield() }
          // Whoever asks a second time does not want to wait. The next sync goes on from there.
          if task.isCancelled {
            Programs.endAll()
            _exit(128 + number)
          }
          task.cancel()
        }
        source.resume()
        return source
      }
      defer { signals.forEach { $0.cancel() } }
      return await task.value
    }
  }

  private static func run(
    _ arguments: Arguments, environment: [String: String], _ reloads: AsyncStream<Void>
  ) async -> ExitStatus {
    do throws(Failure) { return try await perform(arguments, environment, reloads) } catch { return end(error) }
  }

  private static func perform(
    _ arguments: Arguments, _ environment: [String: String], _ reloads: AsyncStream<Void>
  ) async throws(Failure) -> ExitStatus {
    switch arguments.command {
    case "version":
      print("clup \(version)")
      return .success
    case "help":
      guard let topic = arguments.operands.first else {
        print(Commands.overview)
        return .success
      }
      guard let text = Commands.help(topic) else {
        tell("clup: there is no command \(topic)\nhelp: `clup help` lists the commands")
        return .usage
      }
      print(text)
      return .success
    case "explain": return try explain(arguments)
    case "completions": return completions(arguments)
    case "validate": return try await validate(arguments, environment)
    default: break
    }
    let file = arguments.configuration ?? environment["CLUP_CONFIG"] ?? "/etc/clup/clup.yaml"
    if arguments.command == "init" { return try await initialize(arguments, file, environment) }
    let read = environment[Configuration.inputVariable] == "1" ? readInput() : nil
    let (settings, text) = try load(file, text: read).get()
    switch arguments.command {
    case "sync", "rollback", "resume": return try await sync(arguments, settings, environment)
    case "status": return try await status(arguments, settings, environment)
    case "serve":
      let configuration = Configuration(.init(settings, text: text)) {
        load(file).map { Configuration.Source($0.settings, text: $0.text) }
      }
      try await serve(configuration, reloads, environment)
      return .success
    case "known-host": return try await knownHost(arguments, settings, environment)
    case "baseline": return try await baseline(arguments, settings, environment)
    case "verify": return try await verify(arguments, settings, environment)
    case "doctor": return await doctor(arguments, settings, environment)
    default: return try history(arguments, settings)
    }
  }

  private static func sync(
    _ arguments: Arguments, _ settings: Settings, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    var request = SyncRequest()
    request.dryRun = arguments.switches.contains("--dry-run")
    request.diff = arguments.switches.contains("--diff")
    request.stacks = arguments.values["--stack"] ?? []
    request.commit = arguments.values["--commit"]?.last
    request.acceptRewrite = arguments.values["--accept-rewrite"]?.last
    request.retry = arguments.switches.contains("--retry")
    request.resume = arguments.command == "resume"
    if arguments.switches.contains("--all"), !request.stacks.isEmpty {
      throw Failure(
        .configuration, "--all and --stack exclude each other", help: "name the stacks, or take all of them")
    }
    if arguments.command == "rollback" {
      request.rollback = RollbackRequest(to: arguments.operands.first, all: arguments.switches.contains("--all"))
    }
    if arguments.command != "sync" { request.trigger = arguments.command }
    // `clup serve` says in this way what made it start a sync, and what it has given up to put right.
    if let trigger = environment["CLUP_TRIGGER"], Trigger(rawValue: trigger) != nil { request.trigger = trigger }
    request.isRepair = environment["CLUP_REPAIR"] == "1"
    request.leaveDrift = Set((environment["CLUP_LEAVE_DRIFT"] ?? "").split(separator: "\n").map(String.init))
    let progress = Progress(json: arguments.output == .ndjson, environment: environment)
    let ended = await Sync(
      settings: settings, request: request, environment: environment, tell: { progress.take($0) }
    ).run()
    await progress.end()
    if arguments.output != .text {
      print(encode(ended.report))
      for text in ended.diffs { write(text.printableLines + "\n", to: 2) }
    } else {
      for line in Render.diff(ended.diffs, .output(environment)) { print(dyed: line) }
      // What is usual in many stacks would bury what matters; `validate` tells it.
      let (accepted, found) = ended.report.diagnostics.parted { $0.acceptedUntil != nil }
      let (usual, told) = found.parted { $0.severity == .warning && Rule.hygiene.contains($0.rule) }
      for line in Findings.text(told, ended.excerpts, width: width) { print(line) }
      if !usual.isEmpty {
        let rules = Set(usual.map(\.rule)).sorted().joined(separator: ", ")
        print("\(usual.count.counted("warning")) of \(rules): `clup validate` in a clone lists them")
      }
      if let first = accepted.compactMap(\.acceptedUntil).min() {
        let count = accepted.count.counted("finding")
        print("\(count) accepted by the baseline, until \(first) or later: `clup baseline -n` lists them")
      }
      for line in Render.report(ended.report, help: ended.failure?.help, ink: .output(environment), width: width) {
        print(dyed: line)
      }
    }
    guard let failure = ended.failure else { return ExitStatus(ended.report) }
    return arguments.output == .text ? ExitStatus(failure) : end(failure)
  }

  private static func validate(
    _ arguments: Arguments, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    var request = ValidateRequest()
    request.directory = arguments.operands.first ?? "."
    request.liveRoot = arguments.values["--live-root"]?.last
    request.environmentFiles = arguments.values["--env-file"] ?? []
    request.changedSince = arguments.values["--changed-since"]?.last
    if let file = arguments.configuration { request.settings = try load(file).get().settings }
    let ended = try await Validate(request, environment: environment).run()
    let found = ended.validation.diagnostics
    switch arguments.output {
    case .json, .ndjson: print(encode(ended.validation))
    case .sarif: print(Findings.sarif(found))
    case .github: Findings.github(found).forEach { print($0) }
    case .text:
      Findings.text(found, ended.excerpts, width: width).forEach { print($0) }
      for note in ended.notes { tell(note) }
      print(fitted: [Render.summary(ended)])
    }
    return found.contains(where: \.refuses) ? .refused : .success
  }

  private static func verify(
    _ arguments: Arguments, _ settings: Settings, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    let verification = try await VerifySignatures(settings: settings, environment: environment, say: { tell($0) })
      .run(arguments.operands.first)
    if arguments.output == .json {
      print(encode(verification))
    } else {
      Render.verification(verification).forEach { print($0) }
    }
    return verification.accepted ? .success : .refused
  }

  private static func serve(
    _ configuration: Configuration, _ reloads: AsyncStream<Void>, _ environment: [String: String]
  ) async throws(Failure) {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let program = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try await Serve(
      configuration: configuration, reloads: reloads, program: program, version: version, environment: environment,
      say: { tell($0) }
    ).run()
  }

  private static func knownHost(
    _ arguments: Arguments, _ settings: Settings, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    let fingerprint = arguments.values["--fingerprint"]?.last
    let writes = arguments.switches.contains("--write") || fingerprint != nil
    var host = try await KnownHost.look(at: arguments.operands.first, settings: settings, environment: environment)
    if writes { try host.write(only: fingerprint) }
    if arguments.output == .json { print(encode(host)) } else { Render.knownHost(host).forEach { print($0) } }
    return .success
  }

  private static func status(
    _ arguments: Arguments, _ settings: Settings, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    let status = try await Status.look(settings: settings, environment: environment)
    if arguments.output == .json { print(encode(status)) } else { print(fitted: Render.status(status)) }
    return arguments.switches.contains("--exit-code") && !status.isGood ? .failed : .success
  }

  private static func doctor(_ arguments: Arguments, _ settings: Settings, _ environment: [String: String]) async
    -> ExitStatus
  {
    let found = await Doctor(settings: settings, environment: environment).run()
    if arguments.output == .json {
      print(encode(found))
    } else {
      Render.diagnosis(found, width: width, ink: .output(environment)).forEach { print(dyed: $0) }
    }
    return found.isGood ? .success : .failed
  }

  private static func history(_ arguments: Arguments, _ settings: Settings) throws(Failure) -> ExitStatus {
    let wanted = arguments.values["-n"]?.last ?? "10"
    guard let count = Int(wanted), count > 0 else {
      throw Failure(.configuration, "-n takes a number above 0, not \(wanted)", help: "clup history -n 10")
    }
    let stack = arguments.values["--stack"]?.last
    let shown = Agent.history(of: settings, last: count, stack: stack)
    if let gap = Agent.foreignHistory(of: settings, last: count) { tell("clup: \(gap)\nhelp: that version shows them") }
    if let stack, shown.isEmpty, let newest = Agent.history(of: settings, last: 1).first {
      let known = newest.stacks.map(\.name)
      throw Failure(
        .configuration, "the history has no stack \(stack)",
        help: known.isEmpty
          ? "see `clup history`" : "stacks of the last sync: \(known.sorted().joined(separator: ", "))")
    }
    if arguments.output == .json {
      print(encode(shown))
    } else if shown.isEmpty {
      print("no sync was recorded yet")
    } else {
      print(fitted: Render.history(shown))
    }
    return .success
  }
}
