import CLinux
import Glibc

/// Asks for one run: the command, where the lines of one of its streams go, and whom to tell about its end.
struct Job: Sendable {
  let id: UInt64
  let command: Command
  var tap: LineTap?
  /// Its standard input and output; `nil`: pipes of its own.
  var socket: SharedDescriptor?
  let finish: @Sendable (Result<Outcome, ProcessError>) -> Void
}

/// Follows one started process from its first byte to its last, and its process group to the end.
///
/// It stays unreaped until `finish`: as long as its process id is taken, so is the id of the process group, and a signal
/// to the group cannot reach a stranger.
final class Child {
  enum Source { case input, output, errors, exit }

  private enum Phase { case running, ending, killed }

  /// How long open pipes are still read after the process itself has exited.
  private static let drain: Duration = .milliseconds(200)

  private(set) var job: Job
  private let pid: pid_t
  private let process: Descriptor
  private var input: Descriptor?
  private var output: Descriptor?
  private var errors: Descriptor?
  private var written = 0
  private var keptOutput: Capture
  private var keptErrors: Capture
  private var phase = Phase.running
  private var exited = false
  private var cancelled = false
  private var deadlineExceeded = false
  /// When something is due even if nothing happens; `nil` while SIGKILL does its work.
  private(set) var due: ContinuousClock.Instant?

  init(_ job: Job) throws(ProcessError) {
    var job = job
    let command = job.command
    let output = try Pipe.make()
    let errors = try Pipe.make()
    if let socket = job.socket {
      pid = try spawn(command, input: socket.raw, output: socket.raw, errors: errors.writing.raw)
      input = nil
      job.socket = nil
    } else if command.input.isEmpty {
      let null = try Descriptor(owning: check("cannot open /dev/null") { open("/dev/null", O_RDONLY | O_CLOEXEC) })
      pid = try spawn(command, input: null.raw, output: output.writing.raw, errors: errors.writing.raw)
      input = nil
    } else {
      let pipe = try Pipe.make()
      try pipe.writing.makeNonBlocking()
      pid = try spawn(command, input: pipe.reading.raw, output: output.writing.raw, errors: errors.writing.raw)
      input = .some(pipe.writing)
    }
    Supervisor.note(pid)
    process = try Child.watch(pid)
    self.output = .some(output.reading)
    self.errors = .some(errors.reading)
    self.job = job
    keptOutput = Capture(limit: command.outputLimit)
    keptErrors = Capture(limit: command.outputLimit)
    due = .now.advanced(by: command.deadline)
  }

  private static func watch(_ pid: pid_t) throws(ProcessError) -> Descriptor {
    do {
      return try Descriptor(owning: check("cannot watch a process") { clinux_pidfd_open(pid) })
    } catch {
      kill(-pid, SIGKILL)
      Supervisor.forget(pid)
      _ = try check("cannot reap a process") { waitpid(pid, nil, 0) }
      throw error
    }
  }

  /// Calls `add` with each descriptor that the child waits for.
  func eachAwaited(_ add: (Int32, Int16, Source) -> Void) {
    if !exited { add(process.raw, Int16(POLLIN), .exit) }
    if let raw = input?.raw { add(raw, Int16(POLLOUT), .input) }
    if let raw = errors?.raw { add(raw, Int16(POLLIN), .errors) }
    if let raw = output?.raw { add(raw, Int16(POLLIN), .output) }
  }

  /// Handles a descriptor that is ready.
  func handle(_ source: Source, buffer: inout [UInt8]) {
    switch source {
    case .input: write()
    case .output: readOutput(&buffer)
    case .errors: readErrors(&buffer)
    case .exit: noteExit()
    }
  }

  /// Does what is due at `now`, and tells whether the child has come to its end.
  func advance(to now: ContinuousClock.Instant) -> Bool {
    if exited && output == nil && errors == nil { return true }
    guard let due, now >= due else { return false }
    if exited { return true }
    switch phase {
    case .running:
      deadlineExceeded = true
      terminate(at: now)
    case .ending:
      signalGroup(SIGKILL)
      phase = .killed
      self.due = nil
    case .killed:
      break
    }
    return false
  }

  /// Ends the process group early.
  func cancel(at now: ContinuousClock.Instant) {
    cancelled = true
    if phase == .running && !exited { terminate(at: now) }
  }

  /// Ends what is left of the process group, reaps the process and tells its outcome.
  func finish() {
    signalGroup(SIGKILL)
    Supervisor.forget(pid)
    keep([], at: .output, isLast: true)
    keep([], at: .errors, isLast: true)
    var status: Int32 = 0
    var signalled: Int32 = 0
    do {
      try check("cannot reap \(job.command.executable)") { clinux_reap(process.raw, &status, &signalled) }
    } catch {
      job.finish(.failure(error))
      return
    }
    if cancelled {
      let message = "\(job.command.executable) was ended: the task was cancelled"
      job.finish(.failure(ProcessError(kind: .cancelled, message: message)))
      return
    }
    job.finish(
      .success(
        Outcome(
          status: signalled != 0 ? .signalled(status) : .exited(status),
          output: keptOutput.bytes,
          errors: keptErrors.bytes,
          deadlineExceeded: deadlineExceeded,
          truncated: keptOutput.truncated || keptErrors.truncated)))
  }

  private func terminate(at now: ContinuousClock.Instant) {
    signalGroup(SIGTERM)
    // A stopped process gets SIGTERM only once it goes on.
    signalGroup(SIGCONT)
    phase = .ending
    due = now.advanced(by: job.command.grace)
  }

  private func signalGroup(_ signal: Int32) {
    kill(-pid, signal)
  }

  private func noteExit() {
    exited = true
    input = nil
    // What was asked to end has the whole grace for the rest of its group too.
    if phase != .ending { due = .now.advanced(by: Child.drain) }
  }

  private func write() {
    guard let raw = input?.raw else { return }
    let bytes = job.command.input
    do {
      written += try check("write") {
        bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress.map { $0 + written }, $0.count - written) }
      }
      if written == bytes.count { input = nil }
    } catch {
      // Typically EPIPE: the process does not want the rest, which is its own affair.
      if error.kind != .system(EAGAIN) { input = nil }
    }
  }

  private func readOutput(_ buffer: inout [UInt8]) {
    guard let raw = output?.raw else { return }
    let bytes = read(raw, &buffer)
    if bytes.isEmpty { output = nil } else { keep(bytes, at: .output) }
  }

  private func readErrors(_ buffer: inout [UInt8]) {
    guard let raw = errors?.raw else { return }
    let bytes = read(raw, &buffer)
    if bytes.isEmpty { errors = nil } else { keep(bytes, at: .errors) }
  }

  /// Keeps what came of a stream, but for the lines that are taken out.
  private func keep(_ bytes: ArraySlice<UInt8>, at stream: LineTap.Stream, isLast: Bool = false) {
    var staying = bytes
    let lineLimit = job.command.outputLimit
    if job.tap?.stream == stream {
      staying = (job.tap?.append(bytes, lineLimit: lineLimit) ?? [])[...]
      if isLast { staying += job.tap?.end() ?? [] }
    }
    switch stream {
    case .output: keptOutput.append(staying)
    case .errors: keptErrors.append(staying)
    }
  }

  /// Reads once from a ready pipe; empty at its end, or when it fails.
  private func read(_ raw: Int32, _ buffer: inout [UInt8]) -> ArraySlice<UInt8> {
    let count = try? check("read") { buffer.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress, $0.count) } }
    return buffer[..<(count ?? 0)]
  }
}

/// Keeps the first bytes of a stream.
private struct Capture {
  let limit: Int
  var bytes: [UInt8] = []
  var truncated = false

  init(limit: Int) {
    self.limit = limit
  }

  mutating func append(_ more: ArraySlice<UInt8>) {
    let room = max(0, limit - bytes.count)
    bytes.append(contentsOf: more.prefix(room))
    if more.count > room { truncated = true }
  }
}
