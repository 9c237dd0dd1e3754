import Core
import Engine

extension Doctor {
  /// Asks each probe of a stack once, and where it has none what clup knows of its services.
  func probes(of stack: SeenStack, _ programs: Programs) async -> [Check] {
    let probes = settings.stacks[stack.name]?.probes ?? stack.model?.own.probes ?? []
    let services = Set(stack.containers.map(\.service))
    var checks: [Check] = []
    for probe in probes { checks.append(await ask(probe, of: stack, programs)) }
    for container in stack.containers where container.isRunning {
      let isAsked = probes.contains { probe in
        if case .exec(let service, _) = probe.question {
          (service ?? services.first) == container.service
        } else {
          false
        }
      }
      if !isAsked, let command = health(of: container) {
        checks.append(await ask(command, in: container, of: stack.name, programs))
      }
      let isReached = probes.contains { if case .http = $0.question { true } else { false } }
      if !isReached, container.engineAddress != nil, let port = container.ports.min(by: { $0.port < $1.port }) {
        checks.append(await healthz(of: container, at: port, of: stack.name, probes))
      }
    }
    return checks
  }

  private func ask(_ probe: Probe, of stack: SeenStack, _ programs: Programs) async -> Check {
    let (name, expected) = (Self.name(of: probe), "a good answer within \(probe.timeout.text)")
    func check(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(.stacks, name, stack: stack.name, result, found: found, expected: expected, help: help)
    }
    let watched = stack.containers.map { WatchedContainer($0) }
    do throws(Failure) {
      guard let complaint = try await Probing(programs: programs).ask(probe, of: watched, for: probe.timeout) else {
        return check(.good, "a good answer")
      }
      let asked = stack.containers.first { $0.id == complaint.container }.map(\.name)
      return check(
        .failed, complaint.message,
        asked.map { "`docker logs --tail 50 \($0)` says why; `docker restart \($0)` if it hangs" }
          ?? "`clup sync --stack \(stack.name)` starts what is missing")
    } catch { return check(.failed, error.message, error.help) }
  }

  /// The question for people, without what may be a secret in it.
  private static func name(of probe: Probe) -> String {
    switch probe.question {
    case .http(let url, _, _): "GET \(url.prefix { $0 != "?" })"
    case .exec(let service, let command): "\(command.first ?? "probe") in \(service ?? "its service")"
    }
  }

  /// What tells the health of a program that clup knows by the place of its state: the container's own check, or the program's.
  private func health(of container: InspectedContainer) -> [String]? {
    let root = Files.resolved(settings.liveRoot) ?? settings.liveRoot
    let places = container.mounts.compactMap { mount in
      Path.relative(mount.source, to: settings.liveRoot) ?? Path.relative(mount.source, to: root)
    }
    guard let known = KnownService.all.first(where: { known in places.contains { known.state.matches($0) } }) else {
      return nil
    }
    return container.healthCommand.isEmpty ? known.health : container.healthCommand
  }

  private func ask(_ command: [String], in container: InspectedContainer, of stack: String, _ programs: Programs) async
    -> Check
  {
    let name = "health in \(container.name)"
    let expected = "exits with 0"
    do throws(EngineError) {
      let answer = try await programs.engine.execute(command, in: container.id, deadline: .seconds(15), limit: 1 << 20)
      switch answer.status {
      case 0: return Check(.stacks, name, stack: stack, .good, found: "exited with 0", expected: expected)
      case 126, 127:
        return Check(.stacks, name, stack: stack, skipped: "the container has no program \(command.first ?? "")")
      default:
        return Check(
          .stacks, name, stack: stack, .failed, found: "exited with \(answer.status)", expected: expected,
          help:
            "`docker exec \(container.name) \(StackChecks.shell(command))` says what is wrong; `docker logs --tail 50 "
            + "\(container.name)`")
      }
    } catch {
      if case .status(400) = error.kind {
        return Check(.stacks, name, stack: stack, skipped: "the container has no program \(command.first ?? "")")
      }
      return Check(
        .stacks, name, stack: stack, .failed, found: error.kind == .late ? "did not end within 15 s" : error.message,
        expected: expected,
        help: "`docker logs --tail 50 \(container.name)`; `docker restart \(container.name)` if it hangs")
    }
  }

  /// Asks `/healthz` of a service that lets the engine do something for others; one without it is none of clup's affair.
  private func healthz(
    of container: InspectedContainer, at port: InspectedContainer.Port, of stack: String, _ probes: [Probe]
  ) async -> Check {
    let url = "http://\(port.reachable)/healthz"
    func check(_ result: Check.Result, _ found: String) -> Check {
      Check(
        .stacks, "GET \(url)", stack: stack, result, found: found, expected: "200",
        help: "`docker logs --tail 50 \(container.name)`; `docker restart \(container.name)` if it hangs")
    }
    do throws(EngineError) {
      let answer = try await WebAnswer.get(url, deadline: .seconds(5))
      let complaint = Probe.complaint(status: answer.status, body: answer.body, wanted: nil, json: nil)
      if (400..<500).contains(answer.status) {
        let probe = probes.first.map { "the probe “\(Self.name(of: $0))” checks its health" }
        return Check(
          .stacks, "GET \(url)", stack: stack,
          skipped: "\(container.name) answers \(answer.status): it has no /healthz there; "
            + (probe ?? "a probe of its health can be set under `x-clup: {probes: …}`"))
      }
      let isBad = (try? JSON(parsing: answer.body))?["ok"]?.bool == false
      return check(
        complaint == nil && !isBad ? .good : .failed, complaint ?? (isBad ? "ok is false" : "\(answer.status)"))
    } catch {
      if error.kind == .unreadable {
        return Check(.stacks, "GET \(url)", stack: stack, skipped: "\(container.name) does not speak HTTP there")
      }
      return check(.failed, error.message)
    }
  }
}
