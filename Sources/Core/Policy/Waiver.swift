import FoundationEssentials

/// One excuse from rules, for a while: an entry of `policy: {waivers: …}`, or of the host's baseline.
public struct Waiver: Sendable, Equatable {
  var rules: [String]
  /// Globs of the stacks that it holds for; every stack when empty.
  var stacks: [String] = []
  /// Globs of the services that it holds for; every service when empty.
  var services: [String] = []
  /// A glob of the files that it holds for; every file when empty.
  var file: String?
  /// The image that the service must run, as the Compose file names it.
  var image: String?
  /// What exactly is excused, in the words of the findings' `option`.
  var options: [String] = []
  /// The commands that the service may run beside those of its image.
  var commands: [String] = []
  var reason: String
  /// The last day on which it holds, `YYYY-MM-DD`.
  var expires: String
  var line: Int
  var column: Int
  /// What it accepts, where it is an entry of the baseline: then it is about one finding alone.
  public var accepted: AcceptedPlace?

  /// Names it for people: `the waiver of no-limits for db`.
  var title: String {
    let subject = [stacks, services].filter { !$0.isEmpty }.map { $0.joined(separator: ", ") }.joined(separator: " ")
    return "the waiver of \(rules.joined(separator: ", "))\(subject.isEmpty ? "" : " for \(subject)")"
  }

  /// The rules that only a waiver for one image of one service can excuse.
  static let bound: Set<String> = ["docker-socket", "privileged"]

  /// Says whether it excuses a finding, whatever the day.
  func covers(_ finding: Diagnostic) -> Bool { names(finding) && gap(to: finding) == nil }

  /// Says whether it is about the place of a finding.
  func names(_ finding: Diagnostic) -> Bool {
    if let accepted {
      return rules == [finding.rule] && stacks.first == finding.stack && services.first == finding.service
        && accepted.text == finding.placeText
    }
    return names(rule: finding.rule, stack: finding.stack, service: finding.service)
      && (file == nil || file.map { Glob($0).covers(finding.file) } == true)
  }

  /// Says whether it is about a rule in a service.
  func names(rule: String, stack: String?, service: String?) -> Bool {
    rules.contains(rule) && Self.holds(stacks, stack) && Self.holds(services, service)
  }

  private static func holds(_ globs: [String], _ name: String?) -> Bool {
    guard let name else { return globs.isEmpty }
    return globs.isEmpty || globs.contains { $0 == name || Glob($0).matches(name) }
  }

  /// Whether it is about one service of one stack.
  var isOfOne: Bool {
    stacks.count == 1 && services.count == 1
      && (accepted != nil || (stacks + services).allSatisfy { Glob($0).isLiteral })
  }

  /// Says what keeps it from covering a finding that it names; nothing when it covers it.
  func gap(to finding: Diagnostic) -> String? {
    guard Self.bound.contains(finding.rule) else { return nil }
    guard let terms = finding.terms else { return "this is never excused" }
    if terms.image.isEmpty, !terms.builds {
      return "nobody knows which image it runs before Compose can resolve the stack"
    }
    if stacks.isEmpty || services.isEmpty {
      return "it names no stack or no service, and excuses one service of one stack"
    }
    if !isOfOne { return "it names several stacks or services, and \(finding.rule) is excused for one at a time" }
    guard let image else { return "name the image that it excuses, `image: \"\(terms.image)\"`" }
    if image != terms.image {
      return
        "it is for the image \(image), and the service \(terms.builds ? "builds" : "runs") \(terms.image)"
    }
    if terms.builds { return "the service builds its image, so nobody knows what runs; build it elsewhere and name it" }
    if !terms.isPlain, !options.contains(terms.option) {
      return "name what it excuses, `options: [\"\(terms.option)\"]`"
    }
    if let mount = terms.mounts.first(where: { !options.contains($0) }) {
      return
        "the service mounts something at \(mount), which may take its program's place; allow it by `options: [\"\(mount)\"]`"
    }
    if let command = terms.commands.first(where: { !commands.contains($0) }) {
      return "the service runs a command beside its image's own; allow it by `commands: [\"\(command)\"]`"
    }
    return nil
  }
}

/// What a waiver of a bound rule has to agree with.
struct WaiverTerms: Sendable, Hashable {
  /// The service's image, as the Compose file names it.
  var image: String
  /// Whether the service builds its image.
  var builds: Bool
  /// What the finding is about, such as `cap_add NET_ADMIN` or `/var/run/docker.sock`.
  var option: String
  /// Whether a waiver covers it without naming it: the Docker socket's own file.
  var isPlain: Bool
  /// Every command that the service runs beside its image's own.
  var commands: [String]
  /// Every path in the container at which something else than the Docker socket is mounted.
  var mounts: [String] = []
}

extension Subject {
  /// What a waiver has to agree with to excuse a finding; nothing where a waiver needs no more than its place.
  func terms(for finding: Finding) -> WaiverTerms? {
    guard let option = finding.option, let service = finding.service, let json = model["services"]?[service] else {
      return nil
    }
    let image = json["image"]?.string ?? ""
    let built = others.values.reduce(into: belongings.builds) { $0.formUnion($1.builds) }
    return WaiverTerms(
      image: image, builds: json["build"] != nil || built.contains(Image(image).reference), option: option,
      isPlain: finding.isPlain, commands: commands(of: service, json),
      mounts: mountPoints(of: json, seen: [service]))
  }

  /// Every path at which something else than the socket is mounted, also what comes from other services with
  /// `volumes_from`; a container of somebody else stands for itself.
  private func mountPoints(of json: JSON, seen: Set<String>) -> [String] {
    let volumes = json["volumes"].array.filter { volume in
      volume["type"]?.string != "tmpfs" && !DockerSocket.isMounted(by: volume, paths)
    }
    let own = (volumes + json["configs"].array + json["secrets"].array).map {
      $0["target"]?.string ?? $0["source"]?.string ?? $0.string ?? ""
    }
    return own
      + json["volumes_from"].strings.flatMap { from -> [String] in
        let giver = String(from.prefix { $0 != ":" })
        guard !from.hasPrefix("container:"), let other = model["services"]?[giver] else {
          return ["volumes_from \(from)"]
        }
        // What its image makes of a volume comes along as well.
        return seen.contains(giver) ? [] : ["volumes_from \(from)"] + mountPoints(of: other, seen: seen.union([giver]))
      }
  }

  /// Every command that a service runs beside its image's own, its words with a space between.
  func commands(of service: String, _ json: JSON) -> [String] {
    func words(_ value: JSON?) -> String? {
      let text = value?.string ?? value?.array.compactMap(\.text).joined(separator: " ") ?? ""
      return text.isEmpty ? nil : text
    }
    var found = [words(json["entrypoint"]), words(json["command"])].compactMap { $0 }
    if json["healthcheck"]?["disable"]?.bool != true, let test = json["healthcheck"]?["test"] {
      let parts = test.array.compactMap(\.text).filter { !["CMD", "CMD-SHELL", "NONE"].contains($0) }
      if let text = words(test.string == nil ? .array(parts.map(JSON.string)) : test) { found.append(text) }
    }
    for key in ["pre_start", "post_start", "pre_stop"] {
      found += json[key].array.compactMap { words($0["command"]) }
    }
    let only = services.count == 1 ? services.first?.name : nil
    for probe in Extension(model["x-clup"]?.undollared).probes where (probe.service ?? only) == service {
      if case .exec(_, let command) = probe.question { found.append(command.joined(separator: " ")) }
    }
    return found
  }
}

/// A day of the calendar.
struct Day {
  private let start: Date

  /// Reads `YYYY-MM-DD`.
  init?(_ text: String) {
    guard let date = try? Date(text, strategy: .iso8601.year().month().day()) else { return nil }
    start = date
  }

  /// The day as text, so many days later.
  func text(in days: Int) -> String {
    start.addingTimeInterval(Double(days) * 86_400).formatted(.iso8601.year().month().day())
  }

  /// The days from an earlier day to this one.
  func days(since other: Day?) -> Int? {
    other.map { Int((start.timeIntervalSince($0.start) / 86_400).rounded()) }
  }
}
