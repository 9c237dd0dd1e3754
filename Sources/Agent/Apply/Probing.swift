import Core
import Engine

/// Asks a stack's probes, one after the other.
struct Probing: Sendable {
  let programs: Programs
  /// Whether somebody else works on the stack now, which ends the questions.
  var isOvertaken: @Sendable () -> Bool = { false }

  /// What a probe found wrong, and the container to look at.
  struct Complaint: Sendable {
    let message: String
    let container: String?
  }

  /// Asks until each has had its good answer; gives the first complaint that stays.
  func ask(
    _ probes: [Probe], of containers: [WatchedContainer], in services: [String], until end: ContinuousClock.Instant
  ) async throws(Failure) -> Complaint? {
    for probe in probes {
      if let name = probe.service, !services.contains(name) {
        return Complaint(message: "\(probe): the stack has no service \(name)", container: nil)
      }
      let last = min(end, .now + probe.deadline)
      var tries = 0
      while true {
        let left = max(ContinuousClock.now.duration(to: last), .milliseconds(100))
        guard let complaint = try await ask(probe, of: containers, for: min(probe.timeout, left)) else { break }
        if isOvertaken() { return nil }
        tries += 1
        if tries > probe.retries || ContinuousClock.now + probe.interval >= last {
          return Complaint(
            message: "\(probe): \(complaint.message) (asked \(tries.counted("time")))",
            container: complaint.container)
        }
        do { try await Task.sleep(for: probe.interval) } catch { throw Failure.interrupted }
      }
    }
    return nil
  }

  /// Asks one once; gives what is wrong with the answer.
  func ask(_ probe: Probe, of containers: [WatchedContainer], for time: Duration) async throws(Failure) -> Complaint? {
    let running = containers.filter { $0.state == "running" }
    switch probe.question {
    case .http(let url, let status, let json):
      let complaint = try await get(url, status, json, time)
      return complaint.map { Complaint(message: $0, container: running.first?.id ?? containers.first?.id) }
    case .exec(let service, let command):
      let names = Set(containers.map(\.service))
      guard let name = service ?? (names.count == 1 ? names.first : nil) else {
        return Complaint(message: "it names no service, and the stack has \(names.count)", container: nil)
      }
      let own = running.filter { $0.service == name }
      if own.isEmpty { return Complaint(message: "\(name) has no running container", container: nil) }
      for container in own {
        if let complaint = try await call(command, in: container.id, time) { return complaint }
      }
      return nil
    }
  }

  private func call(_ command: [String], in container: String, _ time: Duration) async throws(Failure) -> Complaint? {
    let answer: (status: Int, output: ContainerOutput)
    do throws(EngineError) {
      answer = try await programs.engine.execute(command, in: container, deadline: time)
    } catch {
      switch error.kind {
      case .late:
        let seconds = max(1, time.milliseconds / 1000)
        return Complaint(message: "it did not end within \(seconds) s", container: container)
      case .unreadable: return Complaint(message: "it printed more than 16 MiB", container: container)
      // The container has ended, or is about to.
      case .status(404), .status(409): return Complaint(message: error.message, container: container)
      default: throw Failure(error)
      }
    }
    if answer.status == 0 { return nil }
    let ended = "exited with status \(answer.status)"
    let text = String(decoding: answer.output.output + [10] + answer.output.errors, as: UTF8.self)
    guard let line = text.split(separator: "\n").last else {
      return Complaint(message: "it \(ended)", container: container)
    }
    let mask = await programs.mask(ofContainer: container)
    return Complaint(message: "it \(ended): \(mask.hide(String(line.prefix(300)).printable))", container: container)
  }

  private func get(_ url: String, _ wanted: Int?, _ json: JSON?, _ time: Duration) async throws(Failure) -> String? {
    do throws(EngineError) {
      let answer = try await WebAnswer.get(url, deadline: max(time, .milliseconds(100)))
      return Probe.complaint(status: answer.status, body: answer.body, wanted: wanted, json: json)
    } catch {
      if error.kind == .cancelled { throw Failure(error) }
      return error.message
    }
  }
}
