extension Rule {
  /// The usual hygiene, of which a sync tells the number only.
  public static let hygiene: Set<String> = Set([floatingTag, noRestart, noHealthcheck, noLimits].map(\.id))

  static let floatingTag = Rule(
    id: "floating-tag", severity: .warning, summary: "an image whose tag moves",
    why:
      """
      `latest`, `stable`, `main`, `nightly`, or no tag, may be a different image tomorrow: the same commit then
      means something else, and clup cannot go back to it.
      """,
    fix: "Name a version, best with its digest.",
    bad: "services: {web: {image: nginx}}", good: #"services: {web: {image: "nginx:1.27.2"}}"#
  ) { subject in
    each(subject) { service, json in
      guard let text = json["image"]?.string, json["build"] == nil, !text.contains("$") else { return nil }
      let image = Image(text)
      guard image.digest == nil, image.tag.map(moves) ?? true else { return nil }
      return Finding(
        service: service, place: subject.place(service, ["image"]),
        message: "\(service) uses \(image.full), which moves",
        help: "name a version: `\(image.name):1.2.3`")
    }
  }

  /// Returns whether a tag is one that is moved on: `latest-alpine`, `amd64-latest`, `nightly`, and not `1.2-stable` or
  /// `main-3f2a91c`.
  static func moves(_ tag: String) -> Bool {
    let parts = tag.lowercased().split { $0 == "-" || $0 == "_" }
    let isOneBuild = parts.contains { $0.count >= 6 && $0.contains(where: \.isNumber) && $0.allSatisfy(\.isHexDigit) }
    if isOneBuild { return false }
    if parts.contains("latest") { return true }
    let isVersion = parts.contains { ($0.hasPrefix("v") ? $0.dropFirst() : $0).first?.isNumber == true }
    return !isVersion && parts.contains { movingTags.contains(String($0)) }
  }

  private static let movingTags: Set<String> = [
    "stable", "unstable", "testing", "nightly", "daily", "weekly", "main", "master", "trunk", "dev", "devel", "develop",
    "development", "edge", "release", "rolling", "canary", "mainline", "next", "snapshot", "head", "lts", "beta",
    "alpha",
    "preview", "prod", "production", "staging",
  ]

  static let noRestart = Rule(
    id: "no-restart", severity: .warning, summary: "a service without a restart policy",
    why: "After a crash or a reboot of the host it stays down, and nobody is told.",
    fix: "Write `restart: unless-stopped`, or `restart: \"no\"` for a one-shot service.",
    bad: #"services: {web: {image: "nginx:1.27"}}"#,
    good: #"services: {web: {image: "nginx:1.27", restart: unless-stopped}}"#
  ) { subject in
    let oneShots = subject.oneShots
    return each(subject) { service, json in
      if json["restart"] != nil || json["deploy"]?["restart_policy"] != nil || oneShots.contains(service) { return nil }
      return Finding(
        service: service, place: subject.place(service), message: "\(service) is not started again when it ends",
        help: "add `restart: unless-stopped`, or `restart: \"no\"` for a one-shot")
    }
  }

  static let noHealthcheck = Rule(
    id: "no-healthcheck", severity: .warning, summary: "a service that names no health check",
    why: "Without one, clup only sees that the process runs, not that it answers.",
    fix: "Add a `healthcheck:` that asks the service itself.",
    bad: #"services: {web: {image: "nginx:1.27"}}"#,
    good: #"services: {web: {image: "nginx:1.27", healthcheck: {test: [CMD, curl, -fs, "http://localhost/"]}}}"#
  ) { subject in
    let oneShots = subject.oneShots
    return each(subject) { service, json in
      if json["healthcheck"] != nil || oneShots.contains(service) || Subject.ends(service, json) { return nil }
      return Finding(
        service: service, place: subject.place(service), message: "\(service) names no health check",
        help:
          "add a `healthcheck:`; clup does not check whether the image brings one: if it does, this rule can be switched "
          + "off on the host")
    }
  }

  static let noLimits = Rule(
    id: "no-limits", severity: .warning, summary: "a service without a memory limit",
    why: "One service that leaks takes the whole host down with it.",
    fix: "Write `mem_limit:` or `deploy: {resources: {limits: {memory: …}}}`.",
    bad: #"services: {web: {image: "nginx:1.27"}}"#, good: #"services: {web: {image: "nginx:1.27", mem_limit: 256m}}"#
  ) { subject in
    each(subject) { service, json in
      if json["mem_limit"] != nil || json["deploy"]?["resources"]?["limits"]?["memory"] != nil { return nil }
      return Finding(
        service: service, place: subject.place(service), message: "\(service) has no memory limit",
        help: "add `mem_limit: 512m`, or as much as it needs")
    }
  }

  private static func each(_ subject: Subject, _ check: (String, JSON) -> Finding?) -> [Finding] {
    subject.kind == .stack ? subject.services.compactMap { check($0.name, $0.json) } : []
  }
}

extension Subject {
  /// The services whose end others wait for.
  fileprivate var oneShots: Set<String> {
    Set(
      services.flatMap { _, json in
        json["depends_on"].object.filter { $0.value["condition"]?.string == "service_completed_successfully" }.keys
      })
  }

  /// Whether a service is to end by itself: nothing starts it again, or only a failure does and it is called after what is done
  /// once, or ends with that.
  fileprivate static func ends(_ service: String, _ json: JSON) -> Bool {
    let policy = json["deploy"]?["restart_policy"]?["condition"]?.string ?? json["restart"]?.string ?? ""
    if policy == "no" || policy == "none" { return true }
    guard policy.hasPrefix("on-failure") else { return false }
    func words(_ text: some StringProtocol) -> [String] {
      text.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
    }
    if words(service).contains(where: onceNamed.contains) { return true }
    let command = json["command"]?.string ?? json["command"].array.compactMap(\.text).joined(separator: " ")
    let last = words(command.split { ";&|\n".contains($0) }.last ?? "")
    return last.contains(where: onceRun.contains) || last.contains("alembic") && last.contains("upgrade")
  }

  private static let onceRun: Set<String> = ["migrate", "migration", "migrations", "initdb"]
  private static let onceNamed = onceRun.union(["init", "setup", "seed", "bootstrap", "provision", "migrator"])
}
