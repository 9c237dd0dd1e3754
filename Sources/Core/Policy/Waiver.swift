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

  /// Returns whether it excuses a finding, whatever the day.
  func covers(_ finding: Diagnostic) -> Bool { names(finding) && reasonNotCovered(finding) == nil }

  /// Returns whether it is about the place of a finding.
  func names(_ finding: Diagnostic) -> Bool {
    if let accepted {
      return rules == [finding.rule] && stacks.first == finding.stack && services.first == finding.service
        && accepted.text == finding.placeText
    }
    return names(rule: finding.rule, stack: finding.stack, service: finding.service)
      && (file == nil || file.map { Glob($0).covers(finding.file) } == true)
  }

  /// Returns whether it is about a rule in a service.
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

  /// Returns what keeps it from covering a finding that it names, all of it; nothing when it covers it. `kin` are the findings of
  /// the same rule in the same service, which it has to excuse as well before the service can run.
  func reasonNotCovered(_ finding: Diagnostic, among kin: [Diagnostic] = []) -> String? {
    guard Self.bound.contains(finding.rule) else { return nil }
    guard let terms = finding.terms else { return "this is never excused" }
    if terms.builds { return WaiverTerms.building }
    if terms.image.isEmpty { return "clup does not know which image it runs before Compose can resolve the stack" }
    if stacks.isEmpty || services.isEmpty {
      return "it names no stack or no service, and excuses one service of one stack"
    }
    if !isOfOne { return "it names several stacks or services, and \(finding.rule) is excused for one at a time" }
    if image == terms.image, missingTerms(of: terms).isEmpty { return nil }
    let all = missingTerms(of: terms.joined(with: kin.compactMap(\.terms)))
    let name = image == nil ? ["the image that it excuses, `image: \(terms.image.inQuotes)`"] : []
    let list = (name + all).joined(separator: ", ")
    let other = image.flatMap {
      $0 == terms.image ? nil : "it is for the image \($0), and the service runs \(terms.image)"
    }
    return [other, list.isEmpty ? nil : "name \(list)"].compactMap { $0 }.joined(separator: "; ")
  }

  /// What it does not name of what it has to, beside the image.
  private func missingTerms(of terms: WaiverTerms) -> [String] {
    let own = terms.needed.filter { !options.contains($0) }
    let shown = zip(terms.commands, terms.shown ?? terms.commands).filter { !commands.contains($0.0) }.map(\.1)
    return (own.isEmpty ? [] : ["what it excuses and what is mounted, `options: \(own.quotedList)`"])
      + (shown.isEmpty ? [] : ["the commands beside those of its image, `commands: \(shown.quotedList)`"])
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
  /// What the findings of the same rule in the same service are about beside this one.
  var others: [String] = []
  /// The variables that `socket-proxy` wants the same waiver to name.
  var variables: [String] = []
  /// Whether `socket-proxy` refuses the service all the same, so that the waiver has to be of that rule as well.
  var needsProxyWaiver = false
  /// The commands for people, where a value of them is not to be shown.
  var shown: [String]?

  static let building = "its image is built here, and the waiver cannot say what runs; build it elsewhere and name it"

  /// What a waiver names as `options`, each once.
  fileprivate var needed: [String] {
    ((isPlain ? [] : [option]) + others + mounts).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// Adds what other findings are about, in their order.
  fileprivate func joined(with kin: [WaiverTerms]) -> WaiverTerms {
    var all = self
    if kin.isEmpty { return all }
    all.others = kin.filter { !$0.isPlain }.map(\.option)
    all.mounts += variables
    all.isPlain = true
    return all
  }

  /// The rules of the waiver, as it writes them.
  fileprivate func rules(beside rule: String) -> String {
    needsProxyWaiver && rule == Rule.dockerSocket.id ? "[\(rule), \(Rule.socketProxy.id)]" : rule
  }

  /// Names the variables again for which values were made up.
  mutating func hide(by mask: Mask) {
    (image, option) = (mask.hide(image), mask.hide(option))
    (commands, mounts) = (commands.map(mask.hide), mounts.map(mask.hide))
  }
}

extension Diagnostic {
  /// Hides the values of a host in what is shown.
  public mutating func hide(by mask: Mask) {
    (message, help) = (mask.hide(message), mask.hide(help))
    guard var terms else { return }
    terms.shown = (terms.shown ?? terms.commands).map(mask.hide)
    self.terms = terms
  }

  /// Says how the host excuses a finding of a bound rule: by one waiver for all that its service is refused for by the rule,
  /// written out with the first of them; `kin` are these.
  mutating func offerWaiver(with kin: [Diagnostic]) {
    guard severity == .error, let terms, let service, let stack else { return }
    if terms.image.isEmpty, !terms.builds {
      help += "; a waiver names the image, which clup does not know before Compose can resolve the stack"
    } else if terms.builds {
      help += "; no waiver is for it: \(WaiverTerms.building)"
    } else if kin.contains(where: { $0.precedes(self) }) {
      if !terms.isPlain { help += "; its waiver names `options: [\(terms.option.inQuotes)]`" }
    } else {
      let all = terms.joined(with: kin.compactMap(\.terms))
      let options = all.needed.isEmpty ? "" : "options: \(all.needed.quotedList), "
      let commands = all.commands.isEmpty ? "" : "commands: \((all.shown ?? all.commands).quotedList), "
      help +=
        "; or waive it on the host: `policy: {waivers: [{rule: \(all.rules(beside: rule)), stack: \(stack), service: \(service), "
        + "image: \(all.image.inQuotes), \(options)\(commands)reason: …, expires: …}]}`"
    }
  }
}

extension String {
  /// The text as YAML and JSON write it.
  fileprivate var inQuotes: String {
    "\"" + replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}

extension [String] {
  fileprivate var quotedList: String { "[" + map(\.inQuotes).joined(separator: ", ") + "]" }
}

extension Subject {
  /// What a waiver has to agree with to excuse a finding; nothing where a waiver needs no more than its place.
  func terms(for finding: Finding) -> WaiverTerms? {
    guard let option = finding.option, let service = finding.service, let json = model["services"]?[service] else {
      return nil
    }
    let image = json["image"]?.string ?? ""
    let built = others.values.reduce(into: belongings.builds) { $0.formUnion($1.builds) }
    let (mounts, variables) = (
      mountPoints(of: json, seen: [service]), holdsSocket(service, json) ? ownVariables(json) : []
    )
    var terms = WaiverTerms(
      image: image, builds: json["build"] != nil || built.contains(Image(image).reference), option: option,
      isPlain: finding.isPlain, commands: commands(of: service, json), mounts: mounts, variables: variables)
    if needsProxyWaiver(service, json, Set(mounts + variables)) {
      (terms.needsProxyWaiver, terms.variables) = (true, [])
    }
    return terms
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
    for probe in Extension(model["x-clup"]?.unescaped).probes where (probe.service ?? only) == service {
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
