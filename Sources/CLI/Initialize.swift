import Agent
import Core
import FoundationEssentials
import Glibc

/// `clup init`: look, write, and show what a first sync would do.
extension CLI {
  static func initialize(
    _ arguments: Arguments, _ file: String, _ environment: [String: String]
  ) async throws(Failure) -> ExitStatus {
    var request = InitRequest()
    request.source = arguments.operands.first ?? arguments.values["--repository"]?.last
    request.branch = arguments.values["--branch"]?.last
    request.liveRoot = arguments.values["--live-root"]?.last
    request.checkout = arguments.values["--checkout"]?.last
    let (prints, isAgreed) = (arguments.switches.contains("--print"), arguments.switches.contains("--yes"))
    // What was taken over already has no clone to be found by any more.
    if prints, request.source == nil, access(file, F_OK) == 0 {
      request.follow(try load(file).get().settings)
    }
    try check(request, file, prints: prints, isAgreed: isAgreed)
    let proposal = try await Init(request, environment: environment, say: { tell($0) }).propose()
    let day = String(Date().formatted(.iso8601).prefix(10))
    let text = proposal.text(on: day)
    if prints {
      print(String(text.dropLast()))
      return .success
    }
    for line in Render.proposal(text, width: width(of: 2)) { tell(line) }
    if !isAgreed, !asked("write this to \(file)? [y/N] ") {
      tell("nothing was written; `clup init --print` prints it, `clup init --yes` writes it without asking")
      return .failed
    }
    for line in try Init.write(proposal, to: file, day: day) { tell(line) }
    return try await firstSync(file, environment)
  }

  /// Finds what cannot be done before anything is looked at.
  private static func check(
    _ request: InitRequest, _ file: String, prints: Bool, isAgreed: Bool
  ) throws(Failure) {
    for (option, path) in [("--live-root", request.liveRoot), ("--checkout", request.checkout)] {
      if let path, !path.hasPrefix("/") {
        throw Failure(.configuration, "\(option) takes an absolute path, not \(path)", help: "clup help init")
      }
    }
    if prints { return }
    if access(file, F_OK) == 0 { throw Init.exists(file) }
    if !isAgreed, isatty(0) != 1 {
      throw Failure(
        .configuration, "cannot ask for confirmation without a terminal before \(file) is written",
        help: "add --yes to write it, or --print to see it")
    }
  }

  private static func asked(_ question: String) -> Bool {
    write(question, to: 2)
    return ["y", "yes"].contains((readLine() ?? "").lowercased())
  }

  /// Plans the first sync; nothing live is changed.
  private static func firstSync(_ file: String, _ environment: [String: String]) async throws(Failure) -> ExitStatus {
    var request = SyncRequest()
    request.dryRun = true
    let ended = await Sync(
      settings: try load(file).get().settings, request: request, environment: environment,
      tell: { tell(messageOf: $0) }
    ).run()
    if let failure = ended.failure {
      tell("\(file) is written, but a first sync would not get far:")
      throw failure
    }
    let found = ended.report.diagnostics.filter { $0.refuses || !Rule.hygiene.contains($0.rule) }
    for line in Findings.text(found, ended.excerpts, width: width) { print(line) }
    for line in Render.takeover(ended.report, width: width) { print(line) }
    if ended.report.outcome != .refused { return .success }
    tell("help: fix what is refused, or accept today's findings for 90 days: `clup baseline`")
    return .refused
  }
}
