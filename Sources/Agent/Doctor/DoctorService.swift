import Core
import Engine
import Processes

extension Doctor {
  /// Looks how clup itself runs here: its units, its daemon, its last sync.
  func service() async -> [Check] {
    let units = await units()
    let trouble = checkout.newest
    return units.checks + (await daemon(isActive: units.isDaemon))
      + [ServiceChecks.lastSync(trouble, trouble.flatMap(Trouble.init))] + hooks()
  }

  /// Looks whether the programs of `notify:` could be run.
  private func hooks() -> [Check] {
    settings.notify.map { hook in
      let name = "notify: \(hook.run)"
      do throws(Failure) {
        return Check(.service, name, .good, found: try NotifyHooks.program(of: hook, settings))
      } catch {
        return Check(.service, name, .failed, found: error.message, help: error.help)
      }
    }
  }

  private func units() async -> (checks: [Check], isDaemon: Bool) {
    guard Files.status("/run/systemd/system") != nil else {
      return ([Check(.service, "unit", skipped: "systemd does not run here")], false)
    }
    guard let program = Processes.find("systemctl", in: environment["PATH"] ?? "/usr/bin:/bin") else {
      return ([Check(.service, "unit", skipped: "there is no systemctl command")], false)
    }
    let properties = ["--property=\(ServiceChecks.properties.joined(separator: ","))"]
    let command = Command(
      program, ["show"] + properties + ServiceChecks.units,
      environment: ["PATH": environment["PATH"] ?? "/usr/bin:/bin"],
      directory: "/", deadline: .seconds(10))
    guard let outcome = try? await Processes.run(command), outcome.succeeded else {
      return ([Check(.service, "unit", skipped: "systemctl does not answer")], false)
    }
    let shown = ServiceChecks.parse(outcome.outputText)
    let isInside = Path.relative(settings.checkout, to: settings.liveRoot) != nil
    let places = [settings.liveRoot] + (isInside ? [] : [settings.checkout])
    return (ServiceChecks.judge(shown, places: places), shown["clup.service"]?["ActiveState"] == "active")
  }

  /// Asks the daemon where the configuration lets it listen. Where no unit says that it runs, silence is no fault.
  private func daemon(isActive: Bool) async -> [Check] {
    let name = "daemon"
    guard let listen = settings.serve.listen.first(where: { !$0.hasPrefix("unix:") }) else {
      return [Check(.service, name, skipped: "it listens on a Unix socket only")]
    }
    let address = listen.replacing("0.0.0.0:", with: "127.0.0.1:").replacing("[::]:", with: "[::1]:")
    let scheme = settings.serve.certificateFile == nil ? "http" : "https"
    let health = await Self.get("\(scheme)://\(address)/healthz")
    if case .failure = health, !isActive {
      return [Check(.service, name, skipped: "nothing listens at \(address), and no unit says that it should")]
    }
    return ServiceChecks.daemon(at: address, health: health, ready: await Self.get("\(scheme)://\(address)/readyz"))
  }

  private static func get(_ url: String) async -> Result<Int, ServiceChecks.Complaint> {
    do throws(EngineError) { return .success(try await WebAnswer.get(url, deadline: .seconds(5)).status) } catch {
      return .failure(ServiceChecks.Complaint(error.message))
    }
  }
}
