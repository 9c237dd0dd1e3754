import Core
import Processes

/// Asks a stack's probes, one after the other.
struct Probing: Sendable {
  let programs: Programs

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
        tries += 1
        if tries > probe.retries || ContinuousClock.now + probe.interval >= last {
          return Complaint(
            message: "\(probe): \(complaint.message) (asked \(tries) time\(tries == 1 ? "" : "s"))",
            container: complaint.container)
        }
        do { try await Task.sleep(for: probe.interval) } catch {
          throw Failure(
            .interrupted, "the sync was interrupted", help: "sync again: it goes on where this one ended")
        }
      }
    }
    return nil
  }

  private func ask(_ probe: Probe, of containers: [WatchedContainer], for time: Duration) async throws(Failure)
    -> Complaint?
  {
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
      guard let container = running.first(where: { $0.service == name }) else {
        return Complaint(message: "\(name) has no running container", container: nil)
      }
      let seconds = String(max(1, time.milliseconds / 1000))
      let outcome: Outcome
      do throws(Failure) {
        outcome = try await programs.docker(["exec", container.id] + command, deadline: time)
      } catch {
        if error.kind == .interrupted { throw error }
        return Complaint(message: "it did not end within \(seconds) s", container: container.id)
      }
      if outcome.succeeded { return nil }
      let text = outcome.outputText + "\n" + outcome.errorText
      let line = text.split(separator: "\n").last.map { ": \(String($0.prefix(300)).printable)" } ?? ""
      return Complaint(message: "it \(outcome.status)\(line)", container: container.id)
    }
  }

  private func get(_ url: String, _ wanted: Int?, _ json: JSON?, _ time: Duration) async throws(Failure) -> String? {
    // No settings of a person, no proxy and no redirect: the answer is to come from this host. Its certificate is
    // rarely made out to loopback, and nobody can stand in between.
    let outcome: Outcome
    do throws(Failure) {
      outcome = try await programs.call(
        "curl",
        [
          "-q", "--silent", "--show-error", "--globoff", "--insecure", "--noproxy", "*", "--proto", "=http,https",
          "--max-filesize", "1048576", "--max-time", String(Double(max(time.milliseconds, 100)) / 1000), "--write-out",
          "\n%{http_code}", "--url", url,
        ], deadline: time + .seconds(2))
    } catch {
      // An answer without end is a bad one, not the end of the sync.
      if error.kind == .interrupted { throw error }
      return error.message
    }
    guard outcome.succeeded else {
      let reason = outcome.errorText.firstLine
      return reason.hasPrefix("curl: (") ? String(reason.drop { $0 != ")" }.dropFirst(2)) : reason
    }
    let end = outcome.output.lastIndex(of: 10) ?? outcome.output.startIndex
    let status = Int(String(decoding: outcome.output[end...].dropFirst(), as: UTF8.self)) ?? 0
    return Probe.complaint(status: status, body: Array(outcome.output[..<end]), wanted: wanted, json: json)
  }
}
