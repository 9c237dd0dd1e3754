import Core
import Engine
import Glibc
import Processes

/// The docker command, the Compose plugin and the engine of this host.
public struct Programs: Sendable {
  let docker: String
  /// The engine that they ask, too.
  let engine: EngineClient
  let compose: [String]
  let version: ComposeVersion
  private(set) var environment: [String: String]
  /// Where programs are looked for: as whoever runs clup has it.
  let searchPath: String

  /// The variables that children see of clup's own environment, beside PATH: a Compose file can interpolate each of them, so
  /// that none may hold a secret.
  public static let passed: Set<String> = [
    "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION", "DOCKER_BUILDKIT", "DOCKER_DEFAULT_PLATFORM",
  ]

  /// Reports that the registries' passwords in clup's own environment are not used; nothing where there are none.
  public static func unused(_ own: [String: String]) -> String? {
    own["DOCKER_AUTH_CONFIG"] == nil
      ? nil
      : "DOCKER_AUTH_CONFIG is not passed to Compose, because any Compose file could name it: use `docker login`"
  }

  /// Finds them. Children see what is listed in `passed`, nothing else of clup's own environment, and a PATH that is the same
  /// for everyone. `versionFile` keeps which Compose it is.
  public init(environment own: [String: String], versionFile: String? = nil) throws(Failure) {
    version = ComposeVersion(keptIn: versionFile)
    let usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    let path = own["PATH"] ?? usual
    searchPath = path
    var kept = own.filter { Self.passed.contains($0.key) }
    // A Compose file may name them: who runs clup, by `sudo` or a timer, and from where, must not decide what a stack mounts.
    kept["PATH"] = usual
    if let home = own["HOME"], kept["DOCKER_CONFIG"] == nil { kept["DOCKER_CONFIG"] = home + "/.docker" }
    let root = geteuid() == 0 ? getpwuid(0).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) } : nil
    kept["HOME"] = root ?? own["HOME"]
    // A Compose file from a git server or a registry is another thing at each look.
    kept["COMPOSE_EXPERIMENTAL_GIT_REMOTE"] = "false"
    kept["COMPOSE_EXPERIMENTAL_OCI_REMOTE"] = "false"
    // A stack's `.env` must not have it remove what clup does not know.
    kept["COMPOSE_REMOVE_ORPHANS"] = "false"
    guard let docker = Processes.find("docker", in: path) else {
      throw Failure(
        .host, "there is no docker command in \(path)",
        help: "install Docker Engine: https://docs.docker.com/engine/install")
    }
    self.docker = docker
    // Helpers for logins lie next to a docker command of its own place.
    if !usual.split(separator: ":").contains(Path.parent(docker)[...]) {
      kept["PATH"] = usual + ":" + Path.parent(docker)
    }
    environment = kept
    engine = Self.client(docker: docker, environment: kept)
    let home = own["HOME"].map { $0 + "/.docker" }
    let places: [String] =
      ((own["DOCKER_CONFIG"] ?? home).map { [$0 + "/cli-plugins"] } ?? [])
      + ["/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"].map { $0 + "/docker/cli-plugins" }
    let plugin: String? = places.map { directory in directory + "/docker-compose" }.first { access($0, X_OK) == 0 }
    compose = plugin.map { [$0] } ?? [docker, "compose"]
  }

  /// The programs as whoever runs clup would call them: helpers for logins are found where that one has them.
  var asCalled: Programs { with(["PATH": searchPath]) }

  func with(_ variables: [String: String]) -> Programs {
    var same = self
    same.environment.merge(variables) { _, new in new }
    return same
  }

  /// The home directory of whoever runs clup, and so Compose.
  var home: String { environment["HOME"] ?? "/" }

  /// What a program may take at the most.
  struct Limits {
    var deadline: Duration
    /// The bytes of memory that it may hold; nothing for as many as it likes.
    var memory: Int?

    /// For reading files: one stack's trouble must not become that of the host.
    static let reading = Limits(deadline: .seconds(30), memory: 1 << 30)
  }

  /// Ends every program that runs, with all that it started, before clup itself ends at once.
  public static func endAll() { killChildren() }

  /// A Go program spends much of its short life on collecting garbage. Whoever hands variables on to a stack must not see
  /// these.
  static let goTuning = ["GOGC": "off", "GOMEMLIMIT": "256MiB"]

  /// Runs Compose in a directory, as a person would who stands there.
  func compose(
    _ arguments: [String], in directory: String, variables own: [String: String] = [:], input: [UInt8] = [],
    limits: Limits = Limits(deadline: .seconds(120)), tap: LineTap? = nil
  ) async throws(Failure) -> Outcome {
    var variables = environment.merging(own) { kept, _ in kept }
    variables["PWD"] = directory
    let present = composeVersion
    let outcome = try await start(
      compose[0], compose.dropFirst() + arguments, variables, directory: directory, input: input, limits, tap)
    // Without the plugin the docker command takes these words for its own.
    if compose.count > 1, !outcome.succeeded,
      try await !start(docker, ["compose", "version"], variables, directory: "/", input: [], limits).succeeded
    {
      throw Failure(
        .host, "the docker command has no Compose plugin",
        help: "install it: https://docs.docker.com/compose/install/linux")
    }
    if let refusal = ComposeVersion.refusal(of: await present.value) { throw refusal }
    return outcome
  }

  /// Returns what hides the values that Compose takes from a directory's `.env`.
  func mask(for directory: String, options: [String] = [], variables own: [String: String] = [:]) async -> Mask {
    // The stack's own files may be what is broken.
    let listing = try? await compose(
      options + ["--project-directory", directory, "-f", "-", "config", "--environment"], in: directory, variables: own,
      input: Array("services: {}\n".utf8), limits: .reading)
    return Mask(
      assignments: (listing?.outputText ?? "").split(separator: "\n"), all: true,
      except: Set(environment.keys).union(own.keys).union(["PWD"]))
  }

  /// Returns what hides the secrets that a container was given.
  func mask(ofContainer id: String) async -> Mask {
    let seen = try? await engine.inspection(ofContainer: id, as: JSON.self)
    let variables = seen["Config"]["Env"].array
    return Mask(assignments: variables.compactMap { $0.string.map { $0[...] } }, all: false)
  }

  func start(
    _ program: String, _ arguments: [String], _ variables: [String: String], directory: String, input: [UInt8],
    _ limits: Limits, _ tap: LineTap? = nil
  ) async throws(Failure) -> Outcome {
    let outcome: Outcome
    do throws(ProcessError) {
      outcome = try await run(
        Command(
          program, arguments, environment: variables, directory: directory, input: input,
          deadline: limits.deadline, outputLimit: 16 << 20, memoryLimit: limits.memory), tap: tap)
    } catch {
      if Task.isCancelled { throw Failure.interrupted }
      throw Failure(.host, error.message, help: "check that \(program) can be run")
    }
    if Task.isCancelled { throw Failure.interrupted }
    let subcommand = Self.subcommand(of: arguments)
    let call = "`docker compose \(subcommand)` in \(directory)"
    if outcome.deadlineExceeded {
      throw Failure(
        .timeout, "\(call) did not end within \(Int(limits.deadline.components.seconds)) s and was stopped",
        help: subcommand == "config"
          ? "check whether a file that it reads is very large, or the disk is slow"
          : "check whether Docker Engine answers: `docker ps`")
    }
    if outcome.truncated {
      let whole = ([program] + arguments).map(\.quoted).joined(separator: " ")
      throw Failure(
        .refused, "\(call) printed more than 16 MiB, and clup stopped reading",
        help: "see what it prints: `cd \(directory.quoted) && \(whole)`")
    }
    return outcome
  }

  /// Finds the subcommand in the arguments of Compose: each option that clup gives before it has a value.
  private static func subcommand(of arguments: [String]) -> String {
    var rest = arguments.first == "compose" ? arguments.dropFirst() : arguments[...]
    while rest.first?.hasPrefix("-") == true { rest = rest.dropFirst(2) }
    return rest.first ?? ""
  }
}
