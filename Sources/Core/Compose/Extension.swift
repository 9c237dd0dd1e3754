/// What a Compose file says to clup, under its top-level `x-clup`.
public struct Extension: Sendable, Equatable {
  /// The stacks that must be in place first.
  public var after: [String] = []
  /// How long the stack may take to become healthy.
  public var deployTimeout: Duration?
  /// What is asked once Compose calls everything up.
  public var probes: [Probe] = []
  /// What is wrong with it: the keys that lead there, and why.
  private(set) var problems: [Problem] = []

  /// What is wrong at one place.
  public struct Problem: Sendable, Equatable {
    /// The keys from the top level on.
    var keys: [String]
    /// What is wrong.
    var message: String
  }

  static let keys = ["after", "deploy_timeout", "probes", "timeout", "params"]

  /// Reads what Compose resolved.
  init(_ json: JSON?) {
    guard let json, json != .null else { return }
    guard case .object(let members) = json else {
      refuse([], "x-clup must be a mapping of keys to values")
      return
    }
    for key in members.keys.sorted() where !Self.keys.contains(key) {
      refuse([key], "x-clup has no key \(key)\(suggestion(for: key, among: Self.keys))")
    }
    if let value = members["after"], value != .null {
      let names = value.string == nil ? value.array : [value]
      after = names.compactMap(\.string).map(Path.normalized)
      if value.string == nil && value != .array(value.array) || after.count != names.count {
        refuse(["after"], "after must be a list of stacks")
      }
    }
    if let value = members["deploy_timeout"], value != .null {
      deployTimeout = value.string.flatMap { Duration(parsing: $0) }
      if deployTimeout.map({ $0 <= .zero }) ?? true {
        refuse(["deploy_timeout"], "deploy_timeout must be a time such as 30s, 5m or 1h30m")
      } else if deployTimeout.map({ $0 > Self.longestDeploy }) == true {
        refuse(
          ["deploy_timeout"],
          "deploy_timeout may be at most \(Self.longestDeploy.text) in a repository; the host can allow more in its configuration"
        )
        deployTimeout = Self.longestDeploy
      }
    }
    if let value = members["probes"], value != .null {
      if value != .array(value.array) { refuse(["probes"], "probes must be a list") }
      for item in value.array {
        do throws(Probe.Problem) { probes.append(try Probe(item)) } catch {
          refuse(["probes"] + (error.key.map { [$0] } ?? []), error.message)
        }
      }
      bound(probes)
    }
  }

  /// While a stack is asked, nothing else can be done with it.
  private mutating func bound(_ probes: [Probe]) {
    if probes.count > Self.mostProbes {
      refuse(
        ["probes"],
        "a repository may name at most \(Self.mostProbes) probes; the host can name more in its configuration")
    }
    let times: [(String, WritableKeyPath<Probe, Duration>)] = [
      ("interval", \.interval), ("timeout", \.timeout), ("deadline", \.deadline),
    ]
    for index in probes.indices {
      for (key, time) in times where probes[index][keyPath: time] > Self.longestProbe {
        self.probes[index][keyPath: time] = Self.longestProbe
        refuse(
          ["probes", key],
          "\(key) of a probe may be at most \(Self.longestProbe.text) in a repository; the host can allow more in its configuration"
        )
      }
    }
  }

  /// The longest times, and the most probes, that a repository can ask for.
  private static let (longestDeploy, longestProbe, mostProbes) = (Duration.seconds(3600), Duration.seconds(600), 32)

  private mutating func refuse(_ keys: [String], _ message: String) {
    problems.append(Problem(keys: ["x-clup"] + keys, message: message))
  }
}
