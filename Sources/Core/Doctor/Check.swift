/// What `clup doctor` found of one thing that a host needs.
public struct Check: Codable, Sendable, Equatable {
  /// What the thing belongs to.
  public enum Section: String, Codable, Sendable, CaseIterable {
    case host, docker, disks, directories, stacks, socket, access, service
  }

  /// How it is; only what failed makes a host unready.
  public enum Result: String, Codable, Sendable, CaseIterable {
    case good = "ok"
    case warning, failed, skipped
  }

  /// What it belongs to.
  public var section: Section
  /// The stack that it is about.
  @OrNull public var stack: String?
  /// What was looked at, in few words.
  public var name: String
  /// How it is.
  public var result: Result
  /// What was found; nothing where it was not looked at.
  @OrNull public var found: String?
  /// What should be found.
  @OrNull public var expected: String?
  /// How to fix it.
  @OrNull public var help: String?
  /// Why it was not looked at.
  @OrNull public var reason: String?

  /// Tells of something that was looked at.
  public init(
    _ section: Section, _ name: String, stack: String? = nil, _ result: Result, found: String, expected: String? = nil,
    help: String? = nil
  ) {
    (self.section, self.stack, self.name, self.result) = (section, stack, name, result)
    (self.found, self.expected, self.help) = (found, expected, result == .good ? nil : help)
  }

  /// Tells of something that does not fit the host, or could not be looked at.
  public init(_ section: Section, _ name: String, stack: String? = nil, skipped reason: String) {
    (self.section, self.stack, self.name, self.result) = (section, stack, name, .skipped)
    self.reason = reason
  }
}

/// What `clup doctor` found: `clup.doctor/1`.
public struct Diagnosis: Codable, Sendable, Equatable {
  /// The schema's name.
  public var schema = "clup.doctor/1"
  /// The host's name.
  public var host: String
  /// Every check, by section.
  public var checks: [Check]

  /// Orders checks by their sections; within one they keep their order.
  public init(host: String, checks: [Check]) {
    self.host = host
    self.checks = Check.Section.allCases.flatMap { section in checks.filter { $0.section == section } }
  }

  /// Whether nothing failed.
  public var isGood: Bool { !checks.contains { $0.result == .failed } }
}
