import Core
import Engine
import FoundationEssentials
import Git
import Glibc

extension Doctor {
  /// Asks each place that the repository can be fetched from what it has, with the configured credentials.
  func repositories() async -> [Check] {
    guard let scratch = Scratch(environment) else {
      return [Check(.access, "repository", skipped: "there is no directory for temporary files")]
    }
    defer { scratch.remove() }
    var checks: [Check] = []
    // libgit2 knows some of what it is told for the whole process: one after the other.
    for (index, source) in settings.sources.enumerated() {
      let name = index == 0 ? "repository" : "repository, mirror \(index)"
      checks.append(await repository(source, name, scratch))
    }
    return checks
  }

  private func repository(_ source: RepositorySource, _ name: String, _ scratch: Scratch) async -> Check {
    var alone = settings
    (alone.repository, alone.credentials, alone.mirrors) = (source.url, source.credentials, [])
    alone.sync.fetchTimeout = min(settings.sync.fetchTimeout, .seconds(20))
    let place = Checkout(path: scratch.path)
    let fetch = Fetch(settings: alone, checkout: place, environment: environment, say: { _ in })
    let url = redacted(source.url)
    let expected = "shows \(settings.follow.phrase) to these credentials"
    do throws(Failure) {
      let head = try await fetch.listed()
      if let directory = shallowClone(source.url) {
        return Check(
          .access, name, .warning, found: "\(url): \(head), in a shallow clone", expected: "the whole history",
          help: "`git -C \(directory) fetch --unshallow`: a host that has none of it cannot fetch it as it is")
      }
      return Check(.access, name, .good, found: "\(url): \(head)", expected: expected)
    } catch {
      return Check(.access, name, .failed, found: error.message, expected: expected, help: error.help)
    }
  }

  /// Asks the registry of each image that the host has pulled, or has yet to, through the engine and with the logins that a
  /// pull would use.
  func registries(_ state: State, _ engine: SeenEngine) async -> [Check] {
    let name = "registries"
    if let skipped = engine.skipped(.access, name) { return [skipped] }
    guard var programs = engine.programs else { return [] }
    if let file = settings.registryAuthFile {
      guard let scratch = Scratch(environment) else { return [] }
      defer { scratch.remove() }
      do throws(Failure) {
        programs = try programs.showing(
          file, settings: settings, environment: environment, Checkout(path: scratch.path))
      } catch {
        return [
          Check(
            .access, name, .failed, found: error.message, expected: "a readable registry_auth_file", help: error.help)
        ]
      }
      return await ask(state, programs)
    }
    return await ask(state, programs)
  }

  private func ask(_ state: State, _ programs: Programs) async -> [Check] {
    let services = state.standing.values.flatMap(\.services)
    let references = Set(services.filter { !$0.isBuilt && !$0.image.isEmpty }.map(\.image)).sorted()
    var byRegistry: [String: String] = [:]
    for reference in references where byRegistry[Registries.registry(of: reference)] == nil {
      if await Self.isPulled(reference, programs) { byRegistry[Registries.registry(of: reference)] = reference }
    }
    if byRegistry.isEmpty {
      return [Check(.access, "registries", skipped: "no image of the stacks comes from a registry")]
    }
    let asked = try? await each(byRegistry.sorted { $0.key < $1.key }, atOnce: 4) { entry throws(Failure) in
      await Self.registry(entry.key, entry.value, programs)
    }
    return asked ?? []
  }

  /// Whether an image came from a registry, or must come from one.
  private static func isPulled(_ reference: String, _ programs: Programs) async -> Bool {
    do throws(EngineError) {
      guard let digests = try await programs.engine.digests(of: reference) else {
        return !reference.hasSuffix(":local")
      }
      return !digests.isEmpty
    } catch { return false }
  }

  private static func registry(_ name: String, _ reference: String, _ programs: Programs) async -> Check {
    let registries = Registries(environment: programs.asCalled.environment)
    let login = await registries.login(at: name)
    let expected = "gives \(reference) to \(login.map { "\($0.user)" } ?? "anybody")"
    let facts = await registries.facts(of: [reference])
    func check(_ result: Check.Result, _ found: String, _ help: String = "") -> Check {
      Check(.access, name, result, found: found, expected: expected, help: help)
    }
    do throws(EngineError) {
      try await programs.engine.askRegistry(for: reference, login: login, deadline: .seconds(20))
      return check(.good, "answers")
    } catch {
      switch error.kind {
      case .status(401), .status(403), .status(404):
        return check(.failed, "refuses: \(error.message.printable)", facts.help)
      case .late: return check(.failed, "did not answer within 20 s", Self.network(name))
      default: return check(.failed, error.message.printable, Self.network(name))
      }
    }
  }

  private static func network(_ name: String) -> String {
    "check that this host resolves and reaches it (`getent hosts \(name.prefix { $0 != ":" })`), and the engine's proxy "
      + "(`docker info`); running containers are not touched"
  }
}

extension Fetch {
  /// Returns what the repository has of what is followed; a commit is only fetched, and need not be a branch's head.
  fileprivate func listed() async throws(Failure) -> String {
    if isFixed {
      let deadline = settings.sync.fetchTimeout
      _ = try await sources.first { (source, access) throws(GitError) in
        try await Mirror.remoteTags(of: source.url, access: access, deadline: deadline)
      }
      return "answers"
    }
    let head = try await head().value
    return "\(settings.follow.phrase) is at \(head.commit.prefix(7))"
  }
}

/// A directory for what libgit2 and docker can only be shown as files; it holds no secret, and goes when all is seen.
struct Scratch: Sendable {
  let path: String

  init?(_ environment: [String: String]) {
    var name = Array("\(environment["TMPDIR"] ?? "/tmp")/clup-doctor.XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { return nil }
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func remove() { Files.remove(path) }
}
