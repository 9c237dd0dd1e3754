import Core
import Engine
import FoundationEssentials
import Processes

/// What registries are shown when images are pulled: what `docker login` left, or a file of clup's own.
struct Registries: Sendable {
  /// The file that Compose reads.
  let file: String
  let environment: [String: String]

  init(environment: [String: String]) {
    self.environment = environment
    let directory = environment["DOCKER_CONFIG"] ?? (environment["HOME"] ?? "/root") + "/.docker"
    let named = "\(directory)/config.json"
    // The link that stands for a file of clup's own leads to the name that a person knows.
    file = Files.link(at: named) ?? named
  }

  /// Returns the registry that an image's name leads to; see docker(1).
  static func registry(of reference: String) -> String {
    let first = reference.prefix { $0 != "/" }
    let isHost = first.count < reference.count && (first.contains(".") || first.contains(":") || first == "localhost")
    return isHost ? String(first) : "docker.io"
  }

  /// Says as whom the registries of images are asked, and what to do where that does not suffice.
  func facts(of references: [String]) async -> (text: String, help: String) {
    var texts: [String] = []
    var helps: [String] = []
    for registry in Set(references.map(Self.registry)).sorted() {
      if let user = await user(at: registry) {
        texts.append("clup asked \(registry) as \(user) (login from \(file))")
        helps.append("check that \(user) may pull it from \(registry), and that the password has not changed")
      } else {
        texts.append("clup asked \(registry) without a login: \(file) has no user for it")
        helps.append(
          "if \(registry) requires a login: `docker login \(registry)`, or give clup a file of its own with "
            + "`credentials: {registry_auth_file: …}`")
      }
    }
    return (texts.joined(separator: "; "), helps.joined(separator: "; "))
  }

  /// What the file says; see `docker login` for its form.
  fileprivate var content: JSON? { Files.read(file, limit: 1 << 20).flatMap { try? JSON(parsing: $0) } }

  /// Finds who is named for a registry.
  private func user(at registry: String) async -> String? {
    guard let json = content else { return nil }
    let names = Self.names(of: registry)
    for name in names {
      if let helper = json["credHelpers"]?[name]?.string { return await user(at: names, askingFor: helper) }
      guard let entry = json["auths"]?[name] else { continue }
      if let user = entry["username"]?.string { return user }
      if let auth = entry["auth"]?.string, var login = Data(base64Encoded: auth).map(Array.init) {
        defer { wipe(&login) }
        return String(decoding: login.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
      }
    }
    guard let store = json["credsStore"]?.string else { return nil }
    return await user(at: names, askingFor: store)
  }

  /// Returns what a registry is shown when an image is pulled from it; nothing where nobody has logged in there.
  func login(at registry: String) async -> RegistryLogin? {
    guard let json = content else { return nil }
    Memory.forbidDumps()
    for name in Self.names(of: registry) {
      if let helper = json["credHelpers"]?[name]?.string { return await login(at: name, askingFor: helper) }
      guard let entry = json["auths"]?[name], let text = entry["auth"]?.string,
        var login = Data(base64Encoded: text).map(Array.init)
      else { continue }
      defer { wipe(&login) }
      let user = String(decoding: login.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
      if let token = entry["identitytoken"]?.string {
        return RegistryLogin(user: user, secret: token, isToken: true, server: name)
      }
      let password = String(decoding: login.drop { $0 != UInt8(ascii: ":") }.dropFirst(), as: UTF8.self)
      return RegistryLogin(user: user, secret: password, isToken: false, server: name)
    }
    guard let store = json["credsStore"]?.string else { return nil }
    return await login(at: Self.names(of: registry)[0], askingFor: store)
  }

  /// Asks a credential helper for name and password; see docker-credential-helpers(1).
  private func login(at server: String, askingFor helper: String) async -> RegistryLogin? {
    guard let known = await ask(helper, to: "get", server), let secret = known["Secret"]?.string else { return nil }
    let user = known["Username"]?.string ?? ""
    return RegistryLogin(user: user, secret: secret, isToken: user == "<token>", server: server)
  }

  private func ask(_ helper: String, to verb: String, _ input: String = "") async -> JSON? {
    guard let program = Processes.find("docker-credential-\(helper)", in: environment["PATH"] ?? ""),
      let outcome = try? await run(
        Command(
          program, [verb], environment: environment, directory: "/", input: Array(input.utf8), deadline: .seconds(10))),
      outcome.succeeded
    else { return nil }
    return try? JSON(parsing: outcome.output)
  }

  private static func names(of registry: String) -> [String] {
    registry == "docker.io" ? ["https://index.docker.io/v1/", "index.docker.io", registry] : [registry]
  }

  /// Asks a credential helper whom it knows; it tells names, and no passwords.
  private func user(at names: [String], askingFor helper: String) async -> String? {
    guard let known = await ask(helper, to: "list") else { return nil }
    return names.compactMap { known[$0]?.string ?? known["https://\($0)"]?.string }.first
  }
}

extension Programs {
  /// Returns the programs that show registries what the configuration names, and nothing else.
  func showing(_ written: String, settings: Settings, environment own: [String: String], _ checkout: Checkout)
    throws(Failure) -> Programs
  {
    let place = try HostFile(written, settings: settings, environment: own)
    let names = try SecretFile.read(place, isLine: false).withBytes { bytes in
      let json = try? JSON(parsing: bytes)
      return ["auths", "credHelpers", "credsStore"].contains { json?[$0] != nil }
    }
    guard names else {
      throw Failure(
        .configuration, "\(place.path) names no registry",
        help: "let docker write it: `docker --config DIR login REGISTRY`")
    }
    // The directory that names registries names the engine as well, and there must be one engine only.
    let usual = Registries(environment: environment)
    let context = own["DOCKER_CONTEXT"] ?? usual.content?["currentContext"]?.string
    if own["DOCKER_HOST"] == nil, let context, context != "default" {
      throw Failure(
        .configuration, "registry_auth_file does not go together with the docker context \(context)",
        help: "set DOCKER_HOST to that context's address: `docker context inspect \(context)`")
    }
    let directory = "\(checkout.path)/docker"
    try Files.makeDirectories(directory, mode: 0o700)
    let link = "\(directory)/config.json"
    if Files.link(at: link) != place.path { try Files.link(link, to: place.path) }
    return with(["DOCKER_CONFIG": directory])
  }
}
