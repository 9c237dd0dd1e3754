/// Says which paths of the host a stack may have: one idea of ownership for all that reads or writes there.
extension Subject {
  /// Why a stack may not have a path.
  struct Objection: Equatable, Sendable {
    /// The words that follow the path.
    let words: String
    /// Whether it is about another stack's tracked file, which everybody who reads the repository knows.
    var isTracked = false
    /// What the host can do to let the stack have it.
    var remedy = Remedy.share
  }

  /// How a host lets a stack have a path: it names a root, shares a path of the live root, or can do no more than waive the rule.
  enum Remedy: Equatable, Sendable { case root, share, waiver }

  /// Whose a path below the live root is.
  enum Ownership: Equatable, Sendable {
    /// The stack's own, or given to it by the host.
    case free
    /// The repository's, beside the stacks: everybody may read it.
    case common
    /// Another stack's.
    case foreign(String)
    /// Another stack's file that the commit holds.
    case tracked(String)
    /// It holds the directory of another stack.
    case holds(String)
    /// No stack's directory holds it, and the commit does not have it.
    case nobody
  }

  /// The directory that is the stack's own.
  var home: String { kind == .job ? Discovery.jobDirectory(of: stack) : directory }

  /// Returns why a stack may not have a path, if it may not.
  func objection(to path: String, readOnly: Bool) -> Objection? {
    paths.forms(path).lazy.compactMap { objection(toForm: $0, readOnly: readOnly) }.first
  }

  private func objection(toForm form: String, readOnly: Bool) -> Objection? {
    if form.hasPrefix(Placeholder.path) { return nil }
    if readOnly, Self.isHarmless(form) { return nil }
    if form == "/" { return Objection(words: "the whole host", remedy: .waiver) }
    let roots = (policy.bindRoots + [paths.liveRoot]).flatMap(paths.forms)
    let inside = roots.contains { Path.relative(form, to: $0) != nil }
    if let root = Self.system.first(where: { Path.relative(form, to: $0) != nil }), !inside {
      return Objection(words: "which belongs to the system (\(root))", remedy: .waiver)
    }
    if let root = Self.system.first(where: { Path.relative($0, to: form) != nil }) {
      return Objection(words: "which holds what belongs to the system (\(root))", remedy: .waiver)
    }
    if let words = reserved(form) { return Objection(words: words, remedy: .waiver) }
    if let relative = Path.relative(form, to: paths.liveRoot) { return objection(toLive: relative, readOnly: readOnly) }
    if paths.holds(form, paths.liveRoot) { return Objection(words: "which holds the live root", remedy: .waiver) }
    if !inside, paths.isHost || paths.knowsRoots || !policy.bindRoots.isEmpty {
      return Objection(words: "which is outside of \(roots.joined(separator: ", "))", remedy: .root)
    }
    return nil
  }

  /// What belongs to clup and to the engine is nobody else's, whatever the bind roots say.
  private func reserved(_ form: String) -> String? {
    if let checkout = paths.checkout {
      if Path.relative(form, to: checkout) != nil { return "which is in clup's own directory" }
      if Path.relative(checkout, to: form) != nil { return "which holds clup's own directory" }
    }
    for place in paths.engine.sorted() {
      if Path.relative(form, to: place) != nil { return "which is in the engine's own directory \(place)" }
      if Path.relative(place, to: form) != nil { return "which holds the engine's own \(place)" }
    }
    for place in paths.own.sorted() {
      if Path.relative(form, to: place) != nil { return "which is clup's own configuration" }
      if Path.relative(place, to: form) != nil { return "which holds clup's own configuration" }
    }
    return nil
  }

  private func objection(toLive relative: String, readOnly: Bool) -> Objection? {
    if relative == ".", home != "." { return Objection(words: "the whole live root", remedy: .waiver) }
    switch ownership(of: relative) {
    case .free: return nil
    case .common:
      return readOnly ? nil : Objection(words: "which the repository keeps for all stacks, to be read and not written")
    case .foreign(let owner): return Objection(words: "which belongs to the stack \(owner)")
    case .tracked(let owner): return Objection(words: "a file of the stack \(owner)", isTracked: true)
    case .holds(let other): return Objection(words: "which holds the directory of the stack \(other)")
    case .nobody:
      let used = paths.used.contains { Path.relative(relative, to: $0) != nil }
      let exists = paths.isHost && !paths.missing.contains(Path.join(paths.liveRoot, relative))
      return used || !exists && kind == .stack
        ? nil : Objection(words: "which is there already and belongs to no stack")
    }
  }

  /// Returns whose a path below the live root is.
  func ownership(of path: String) -> Ownership {
    if policy.shares(path: path, with: stack) || isJobCache(path) { return .free }
    let others = paths.stacks.filter { $0.value != home && $0.value != "." }
    let held = others.filter { Path.relative($0.value, to: path) != nil }.min { $0.key < $1.key }
    if let held { return held.value == path ? .foreign(held.key) : .holds(held.key) }
    // What lies next to the only stack of a directory is that stack's.
    if home != ".", Path.relative(home, to: path) != nil { return .free }
    let tracked = paths.tree?[path].map { $0.kind != .directory || !paths.mixed.contains(path) } ?? false
    let around = paths.stacks.filter { $0.value != "." && Path.relative(path, to: $0.value) != nil }
      .max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }
    let isHome = home != "." && Path.relative(path, to: home) != nil
    if let owner = around, owner.value != home, !(isHome && owner.value.count < home.count) {
      return tracked && !isFileOfValues(path) ? .tracked(owner.key) : .foreign(owner.key)
    }
    if isHome || around != nil { return .free }
    if tracked { return home == "." ? .free : .common }
    // What lies next to the only stack of a part of the live root is that stack's.
    let top = Path.components(path).first.map(String.init) ?? path
    let neighbours = paths.stacks.filter { Path.relative($0.value, to: top) != nil && $0.value != "." }
    if Set(neighbours.values).count == 1, let owner = neighbours.min(by: { $0.key < $1.key }) {
      return owner.value == home ? .free : .foreign(owner.key)
    }
    return home == "." ? .free : .nobody
  }

  private func isFileOfValues(_ path: String) -> Bool { Path.name(path).hasPrefix(".env") }

  /// The one directory that jobs may write to.
  func isJobCache(_ path: String) -> Bool { kind == .job && path == "runner/gradle" }

  private static let system = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin", "/sys",
    "/usr", "/var/lib/containerd", "/var/lib/docker", "/var/run", "/var/spool/cron", "/var/log", "/var/lib/systemd",
  ]
  /// Whether a path belongs to the system, so that no stack is given it.
  static func isSystem(_ path: String) -> Bool {
    system.contains { Path.overlap(path, $0) }
  }

  /// Whether a path of the system may be seen by any container.
  static func isHarmless(_ path: String) -> Bool {
    commonDevices.contains(path) || harmless.contains { Path.relative(path, to: $0) != nil }
  }

  /// Read by many an image, and telling nothing.
  private static let harmless = [
    "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/etc/hostname", "/etc/os-release", "/usr/lib/os-release",
    "/etc/ssl/certs", "/usr/share/ca-certificates", "/lib/modules", "/usr/lib/modules",
  ]

  /// The devices that every container has anyway. Mounted, each is the host's own, whose mode root could change.
  static let commonDevices: Set<String> = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]
}
