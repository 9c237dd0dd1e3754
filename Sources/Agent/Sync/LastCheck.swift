import Core
import Digests
import Glibc

/// What a sync saw that found nothing to do, kept in the checkout as `checked`. While all of it is the same there is nothing to
/// do again, and nobody need read the commit or the state. It may be removed at any time.
///
/// Files are known by their status (device, inode, size, mode, times), links by their text, containers by what a plan
/// goes by. Whatever is another than it was leads to a whole sync.
struct LastCheck: Sendable {
  private static let schema = "clup.checked/1"

  /// What the host was to be, and by whom that was decided.
  private let basis: [UInt8]
  /// What stood on the disk.
  private let places: PathStates
  private let containers: [UInt8]
  /// How the sync reported the stacks and live paths.
  private let report: [UInt8]

  /// Keeps what a sync saw that found nothing to do; nothing where it saw more than this can keep.
  init?(
    _ report: Report, head: FollowedHead, programs: Programs, settings: Settings, places: PathStates,
    containers: [Container]
  ) {
    let isPlain =
      report.outcome == .unchanged && report.error == nil && report.diagnostics.isEmpty
      && report.links.allSatisfy { $0.action == .keep && $0.backup == nil } && report.stacks.allSatisfy(\.isPlain)
    guard isPlain else { return nil }
    basis = Self.basis(head, programs, settings)
    self.places = places
    self.containers = Self.containers(containers, of: Set(report.stacks.compactMap(\.project)))
    self.report = Self.fields { fields in
      fields += [String(report.stacks.count), String(report.links.count)]
      for stack in report.stacks {
        fields += [stack.name, stack.from ?? "", stack.to ?? "", stack.project ?? "", String(stack.services.count)]
        for service in stack.services { fields += [service.name, service.state, service.health] }
      }
      for link in report.links { fields += [link.live, link.target] }
    }
  }

  /// Whether a head, the configuration and the environment are those of then, and the containers too.
  func isSame(_ head: FollowedHead, _ programs: Programs, _ settings: Settings, _ now: [Container]) -> Bool {
    let projects = Set(stacks.stacks.compactMap(\.project))
    return basis == Self.basis(head, programs, settings) && containers == Self.containers(now, of: projects)
  }

  func isSame(onDiskAt liveRoot: String) -> Bool { places.areSame(at: liveRoot) }

  /// The stacks and live paths as they were reported.
  var stacks: (stacks: [StackReport], links: [LinkReport]) {
    var rest = report.split(separator: 0, omittingEmptySubsequences: false)[...]
    func text() -> String { String(decoding: rest.popFirst() ?? [], as: UTF8.self) }
    func known() -> String? { Optional(text()).flatMap { $0.isEmpty ? nil : $0 } }
    // No list has more elements than there are fields left, whatever the file says.
    func count() -> Int { min(max(0, Int(text()) ?? 0), rest.count) }
    let (stackCount, linkCount) = (count(), count())
    let stacks = (0..<stackCount).map { _ in
      var stack = StackReport(name: text(), outcome: .unchanged)
      (stack.from, stack.to, stack.project) = (known(), known(), known())
      stack.services = (0..<count()).map { _ in
        ServiceReport(name: text(), action: .keep, reason: nil, state: text(), health: text())
      }
      return stack
    }
    return (stacks, (0..<linkCount).map { _ in LinkReport(live: text(), target: text(), action: .keep) })
  }

  /// The commit that all of it is at.
  var commit: String { String(decoding: basis.prefix { $0 != 0 }, as: UTF8.self) }

  /// Whether it was seen with a configuration.
  func isOf(_ settings: Settings) -> Bool {
    basis.split(separator: 0, omittingEmptySubsequences: false).dropFirst(3).first.map { Array($0) }
      == Array(Self.place(of: settings).utf8)
  }

  /// The configuration's own path, whatever directory it was named from.
  static func place(of settings: Settings) -> String {
    guard !Path.isAbsolute(settings.file), let directory = Files.resolved(".") else { return settings.file }
    return "\(directory)/\(settings.file)"
  }

  /// What decides beside the host itself: another day, since waivers end; the program; where the engine is asked.
  private static func basis(_ head: FollowedHead, _ programs: Programs, _ settings: Settings) -> [UInt8] {
    fields { fields in
      fields += [head.commit, head.tag?.name ?? "", head.tag?.object ?? "", place(of: settings), today()]
      // Where programs are found, a terminal and a service say differently.
      for (name, value) in programs.environment.sorted(by: { $0.key < $1.key }) where name != "PATH" {
        fields.append("\(name)=\(value)")
      }
    }
  }

  /// The ids of those containers that are what they were then, with all of their projects: one may live in the namespaces of another.
  func unchanged(among now: [Container]) -> Set<String> {
    let changed = Set(
      now.filter { containers.firstRange(of: Self.containers([$0], of: [$0.project])) == nil }.map(\.project))
    return Set(now.filter { !changed.contains($0.project) }.map(\.id))
  }

  private static func containers(_ all: [Container], of projects: Set<String>) -> [UInt8] {
    fields { fields in
      for one in all.filter({ projects.contains($0.project) }).sorted(by: { $0.id < $1.id }) {
        fields += [
          one.id, one.name, one.state, one.health, one.isDone ? "done" : "", one.image, one.imageID ?? "", one.project,
          one.service, one.hash, one.directory, one.sharesDeadNetwork == true ? "dead" : "",
        ]
        fields += (one.networks?.sorted() ?? []) + one.endpoints.sorted()
        fields.append("")
      }
    }
  }

  private static func fields(_ fill: (inout [String]) -> Void) -> [UInt8] {
    var (fields, bytes) = ([String](), [UInt8]())
    fill(&fields)
    for field in fields {
      bytes += field.utf8
      bytes.append(0)
    }
    return bytes
  }
}

extension StackReport {
  /// Whether it says no more than that the stack is in place.
  fileprivate var isPlain: Bool {
    outcome == .unchanged && reasons.isEmpty && error == nil && logTail.isEmpty
      && services.allSatisfy { $0.action == .keep && $0.reason == nil }
  }
}

extension LastCheck {
  private static func file(_ checkout: Checkout) -> String { "\(checkout.path)/checked" }

  /// Reads what was kept; nothing where that is not whole.
  init?(of checkout: Checkout) {
    guard let bytes = Files.read(Self.file(checkout)), let end = bytes.firstIndex(of: 10) else { return nil }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
    let sizes = words.dropFirst(2).compactMap { Int($0) }
    let parts = bytes[(end + 1)...]
    guard words.first == Self.schema[...], sizes.count == 4, sizes.allSatisfy({ $0 >= 0 && $0 <= parts.count }),
      sizes.reduce(0, +) == parts.count, words[1] == Self.sum(of: parts)
    else { return nil }
    var start = parts.startIndex
    func next(_ size: Int) -> [UInt8] {
      defer { start += size }
      return Array(parts[start..<(start + size)])
    }
    basis = next(sizes[0])
    places = PathStates(next(sizes[1]))
    containers = next(sizes[2])
    report = next(sizes[3])
  }

  /// Keeps it for the next sync. Its sum tells whether all of it came to the disk.
  func write(to checkout: Checkout) {
    let parts = [basis, places.bytes, containers, report]
    let body = Array(parts.joined())
    let sizes = parts.map { String($0.count) }.joined(separator: " ")
    Files.note(Array("\(Self.schema) \(Self.sum(of: body[...])) \(sizes)\n".utf8) + body, in: Self.file(checkout))
  }

  private static func sum(of bytes: ArraySlice<UInt8>) -> String {
    let digest = SHA256()
    digest.update(Array(bytes))
    return digest.finish() ?? "none"
  }
}
