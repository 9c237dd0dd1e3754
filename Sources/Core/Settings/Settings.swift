import YAML

/// The host's configuration, `/etc/clup/clup.yaml`, after its text was checked.
public struct Settings: Sendable, Equatable {
  /// The repository's URL or path; the first of them where there are several.
  public var repository: String
  /// Where else the repository can be fetched from when the first cannot be reached, in order.
  public var mirrors: [RepositorySource] = []
  /// What the host shows to whoever keeps the repository.
  public var credentials = Credentials()
  /// A file with what registries are shown, as `docker login` writes it.
  public var registryAuthFile: String?
  /// What the host follows there.
  public var follow: Followed
  /// What the host follows, as it is called in reports.
  public var branch: String { follow.name }
  /// Whose signatures commits need.
  public var trust = TrustSettings()
  /// The directory whose tree the host runs from; absolute, normalized.
  public var liveRoot: String
  /// The directory that clup owns; absolute, normalized.
  public var checkout: String
  /// Globs added to the built-in protected ones.
  var protected: [String] = [] { didSet { protectPaths() } }
  /// The protected globs, built-in and added.
  public private(set) var protectedPaths = ProtectedPaths()
  /// Live paths beside the stacks' own.
  public var links: [HostLink] = []
  /// Globs of what this host takes of the repository; everything where there are none.
  public var include: [String] = []
  /// Globs of stacks and files that are left alone.
  public var exclude: [String] = []
  /// Globs of Compose files that are a stack of their own each.
  public var files: [String] = []
  /// What the host says of single stacks, by stack name.
  public var stacks: [String: StackSettings] = [:]
  /// What rules weigh, and what is excused.
  public var policy = Policy() { didSet { if policy.tracked != oldValue.tracked { protectPaths() } } }
  /// Where the configuration was read from.
  public var file = "clup.yaml"
  /// What is fetched that git itself does not hold.
  public var git = GitSettings()
  /// How a sync goes.
  public var sync = SyncSettings()
  /// How `clup serve` is reached.
  public var serve = ServeSettings()
  /// Programs that are given reports.
  public var notify: [Notify] = []

  /// Starts with the four keys that are needed; paths are absolute and normalized.
  public init(repository: String, branch: String, liveRoot: String, checkout: String) {
    self.repository = repository
    follow = .branch(branch)
    self.liveRoot = liveRoot
    self.checkout = checkout
  }

  /// Every place that the repository can be fetched from, in order.
  public var sources: [RepositorySource] { [RepositorySource(url: repository, credentials: credentials)] + mirrors }

  /// The settings for these stacks, whose own directories are no runtime state whatever they are called.
  public func sparing(_ stacks: [StackSource]) -> Settings {
    var other = self
    other.protectedPaths = protectedPaths.sparing(stacks.map(\.place.directory))
    return other
  }

  private mutating func protectPaths() {
    protectedPaths = ProtectedPaths(adding: protected, lifting: policy.tracked.map(\.path))
  }
}

/// One entry of `links:`.
public struct HostLink: Sendable, Equatable {
  /// How the repository's file reaches the live path.
  public enum Mode: String, Sendable, CaseIterable { case link, copy }
  /// A path in the repository.
  public var from: String
  /// A path under the live root.
  public var to: String
  /// A link unless the host says `copy`.
  public var mode: Mode
}

/// One entry of `stacks:`; `after`, `probes` and `deploy_timeout` may also stand under `x-clup:` in the Compose file.
public struct StackSettings: Sendable, Equatable {
  /// The stacks that must be in place first.
  public var after: [String]?
  /// Where the configuration says so.
  var afterMark: Mark?
  /// How long the stack may take to become healthy.
  public var deployTimeout: Duration?
  /// What is asked once Compose calls everything up.
  public var probes: [Probe]?
  /// The Compose files, relative to the stack's directory, each laid over those before it.
  public var composeFiles: [String]?
  /// Where the configuration says so.
  var composeFilesMark: Mark?

  /// What stands for a stack's healthSettings in the text that `Hold` keeps.
  public var healthSettings: String {
    let probes = probes.map { probes in
      probes.map { "\($0) \($0.retries) \($0.interval.text) \($0.timeout.text) \($0.deadline.text)" }
    }
    return "\(deployTimeout?.text ?? "") \(probes.map { "\($0)" } ?? "")"
  }
}

/// The section `sync:`.
public struct SyncSettings: Sendable, Equatable {
  /// What a failed deploy leads to.
  public enum OnFailure: String, Sendable, CaseIterable { case rollback, stay }
  /// What a container that differs from the plan leads to.
  public enum Drift: String, Sendable, CaseIterable { case repair, report }
  /// What one refused stack holds back.
  public enum Gate: String, Sendable, CaseIterable { case commit, stack }
  /// What becomes of a stack that is gone from the repository.
  public enum Prune: String, Sendable, CaseIterable { case report, remove }

  /// The time between two polls.
  public var interval: Duration = .seconds(60)
  /// How many stacks are deployed at once.
  public var concurrency = 4
  /// How long a stack may take to become healthy.
  public var deployTimeout: Duration = .seconds(300)
  /// How long the images of a stack may take to be pulled or built.
  public var pullTimeout: Duration = .seconds(1800)
  /// How long the repository may take to answer, and to send what is new.
  public var fetchTimeout: Duration = .seconds(300)
  /// How long a whole sync may take.
  public var timeout: Duration = .seconds(7200)
  /// What a failed deploy leads to.
  public var onFailure = OnFailure.rollback
  /// What drift leads to.
  public var drift = Drift.repair
  /// What one refused stack holds back.
  public var gate = Gate.commit
  /// What becomes of a stack that is gone from the repository.
  public var prune = Prune.report
  /// How many releases stay at least.
  public var keepReleases = 10
}

/// The section `serve:`.
public struct ServeSettings: Sendable, Equatable {
  /// Where it listens: `ADDRESS:PORT`, `[ADDRESS]:PORT` or `unix:PATH`.
  public var listen = ["127.0.0.1:18890"]
  /// The names that it answers for beside `localhost` and IP addresses, in lower case.
  public var hosts: [String] = []
  /// A file with the secret that webhooks are signed with; two of them, a line each, while one takes over from the other.
  public var webhookSecretFile: String?
  /// A file with the token that `POST /api/v1/sync` asks for.
  public var apiTokenFile: String?
  /// Files with a certificate and its key, in PEM; none for plain HTTP.
  public var certificateFile: String?
  /// See `certificateFile`.
  public var keyFile: String?
}

/// One entry of `notify:`.
public struct Notify: Sendable, Equatable {
  /// An executable; a relative path is taken from the configuration file's directory.
  public var run: String
  /// The events that it is run for.
  public var on: Set<Report.Event>
  /// How long it may take.
  public var timeout: Duration

  /// What it is run for where nothing is said.
  static let usual: Set<Report.Event> = [.failed, .rolledBack, .refused, .waiting, .recovered]
  /// How long it may take at most.
  static let longest = Duration.seconds(300)
}

/// What is wrong at one place of the configuration.
public struct SettingsProblem: Error, Sendable, Equatable {
  /// The line, from 1, or 0 when no place applies.
  public var line: Int
  /// The column, from 1, or 0 when no place applies.
  public var column: Int
  /// What is wrong.
  public var message: String

  init(at mark: Mark?, _ message: String) {
    (line, column, self.message) = (mark?.line ?? 0, mark?.column ?? 0, message)
  }
}
