import Encoding

/// A container of Compose's as it runs on a host that clup does not look after yet.
public struct RunningService: Sendable, Equatable {
  var service: String
  var image: String
  /// The project directory, absolute.
  public var directory: String
  /// The Compose files that it was made from, absolute.
  public var files: [String]
  /// The paths of the host that it mounts, absolute.
  public var mounts: [String]

  /// Describes a container.
  public init(
    service: String, image: String, directory: String, files: [String], mounts: [String]
  ) {
    (self.service, self.image) = (service, image)
    (self.directory, self.files, self.mounts) = (directory, files, mounts)
  }
}

/// A configuration for a host, from what a look at it and at a repository shows.
public struct Proposal: Sendable, Equatable {
  /// The repository's URL or path.
  var repository: String
  var branch: String
  /// The directory that the host runs from.
  public var liveRoot: String
  /// The directory for clup.
  public var checkout: String
  /// What to know of single keys, by key.
  public var remarks: [String: String] = [:]
  /// Compose files that run here and are a stack each.
  public var files: [String] = []
  /// The Compose files that are laid over each other here, by directory.
  public var composeFiles: [String: [String]] = [:]
  /// What runs here of a repository that may be for several hosts.
  public var part: HostPart?
  /// What could go under `stacks:`, and runs nowhere here.
  public var choice = UnmanagedFile.Choice()
  /// The submodules that stacks use.
  public var submodules: [String] = []
  /// The directories beyond the live root that containers mount.
  public var bindRoots: [String] = []
  /// What holds the Docker socket, by stack.
  public var socketHolders: [(stack: String, service: RunningService)] = []
  /// What was found and needs no key, a line each.
  public var found: [String] = []

  /// Begins with the four keys that are needed. A login in the URL is left out: others may read the file.
  public init(repository: String, branch: String, liveRoot: String, checkout: String) {
    (self.repository, self.branch, self.liveRoot, self.checkout) = (repository, branch, liveRoot, checkout)
    if let plain = RepositoryURL(repository)?.withoutLogin {
      self.repository = plain
      remarks["repository"] = "the login in its URL is left out: see credentials"
    }
  }

  /// Whether both write the same configuration.
  public static func == (one: Proposal, other: Proposal) -> Bool { one.text(on: "") == other.text(on: "") }

  /// Writes the configuration; `day` is today, `YYYY-MM-DD`.
  public func text(on day: String) -> String {
    func line(_ key: String, _ value: String) -> String {
      "\(key): \(value.yaml)" + (remarks[key].map { "   # \($0)" } ?? "")
    }
    var lines = ["# Written by `clup init` on \(day). The README explains each key."]
    lines += found.map { "# \($0)" }
    lines += [
      line("repository", repository), line("branch", branch), line("live_root", liveRoot), line("checkout", checkout),
    ]
    switch RepositoryURL(repository)?.scheme {
    case .ssh:
      lines.append(
        "# credentials: {ssh_key_file: /root/.ssh/id_ed25519}   # a key that the repository's server accepts")
    case .https, .http: lines.append("# credentials: {token_file: /etc/clup/token}   # for a private repository")
    default: break
    }
    if !submodules.isEmpty {
      lines.append("git: {submodules: true}   # stacks use \(submodules.listed(4))")
    }
    lines += stacks + policy(day)
    return lines.joined(separator: "\n") + "\n"
  }

  /// Writes a section: what counts, and below it what is only proposed, as comments that need no more than to lose their
  /// sign. Without anything that counts all of it is a comment.
  private static func section(_ name: String, _ lines: [String], proposed: [String]) -> [String] {
    if lines.isEmpty { return proposed.isEmpty ? [] : ["", "# \(name):"] + proposed.map { "# \($0)" } }
    return ["", "\(name):"] + lines + proposed.map { "  # \($0.dropFirst(2))" }
  }

  private var stacks: [String] {
    var lines: [String] = []
    if !files.isEmpty {
      lines.append(
        "  files: [\(files.map(\.yaml).joined(separator: ", "))]   # each is a stack of its own, and runs here")
    }
    for (directory, files) in composeFiles.sorted(by: { $0.key < $1.key }) {
      let list = files.map(\.yaml).joined(separator: ", ")
      lines.append("  \(directory.yaml): {compose_files: [\(list)]}   # what runs was made from these")
    }
    var proposed: [String] = []
    if let part {
      let globs = part.include.map(\.yaml).joined(separator: ", ")
      proposed.append(
        "  include: [\(globs)]   # this host's part, if \(part.others.joined(separator: ", ")) belongs to another host")
    }
    proposed += choice.lines.map { "  \($0)   # Compose files that belong together, and run nowhere here" }
    let more = choice.files.map(\.yaml).joined(separator: ", ")
    if !more.isEmpty {
      let reason = "# look like Compose files, and run nowhere here"
      proposed.append(files.isEmpty ? "  files: [\(more)]   \(reason)" : "  more for `files`: \(more)   \(reason)")
    }
    if !choice.others.isEmpty {
      let others = choice.others.sorted { $0.key < $1.key }
      proposed.append(
        "  exclude: [\(others.map(\.key.yaml).joined(separator: ", "))]   # "
          + others.map { "\($0.key): \($0.value)" }.joined(separator: "; "))
    }
    return Self.section("stacks", lines, proposed: proposed)
  }

  private func policy(_ day: String) -> [String] {
    let roots = bindRoots.map(\.yaml).joined(separator: ", ")
    let end = (Int(day.prefix(4)).map { "\($0 + 1)" } ?? "YYYY") + day.dropFirst(4)
    let waivers = socketHolders.map { stack, holder in
      "    - {rule: docker-socket, stack: \(stack.yaml), service: \(holder.service.yaml), image: \(holder.image.yaml), "
        + "reason: …, expires: \(end)}"
    }
    return Self.section(
      "policy", bindRoots.isEmpty ? [] : ["  bind_roots: [\(roots)]   # mounted by containers that run here"],
      proposed: waivers.isEmpty
        ? []
        : ["  waivers:   # they hold the Docker socket, and with it the host: each needs a reason of yours"] + waivers)
  }
}

extension Proposal {
  /// Finds the directory from which most of a repository's Compose files run; `files` are those files.
  public static func liveRoot(of services: [RunningService], files: Set<String>) -> String? {
    var votes: [String: Set<String>] = [:]
    for running in Set(services.flatMap(\.files)) {
      for file in files where running.hasSuffix("/" + file) {
        let root = String(running.dropLast(file.count + 1))
        if Path.isAbsolute(root) { votes[root, default: []].insert(file) }
      }
    }
    func weight(_ root: String) -> (Int, Int) {
      let files = votes[root] ?? []
      return (files.count, files.reduce(0) { $0 + $1.utf8.count })
    }
    return votes.keys.sorted().max { weight($0) < weight($1) }
  }

  /// Chooses what to allow beyond the live root: the directories that are mounted, without those below others, and without
  /// what no stack is given.
  public static func bindRoots(of mounts: Set<String>, isDirectory: (String) -> Bool, beyond liveRoot: String)
    -> [String]
  {
    let wanted = Set(
      mounts.filter { Path.isAbsolute($0) && Path.relative($0, to: liveRoot) == nil && !Subject.isSystem($0) }
        .map { isDirectory($0) ? $0 : Path.parent($0) }
    ).filter { !Subject.isSystem($0) && $0 != "/" && Path.relative(liveRoot, to: $0) == nil }
    return wanted.filter { path in !wanted.contains { $0 != path && Path.relative(path, to: $0) != nil } }.sorted()
  }

  /// Takes what runs here of a repository: files under names of their own, and files that are laid over each other.
  public mutating func take(_ services: [RunningService], of discovery: Discovery, unmanaged: Set<String>) {
    for call in Set(services.map(\.files)) {
      let paths = call.compactMap { Path.relative($0, to: liveRoot) }
      guard let first = paths.first, paths.count == call.count else { continue }
      let directory = Path.parent(first)
      let own = discovery.stacks.first { $0.name == directory }
      if paths == own?.composeFiles { continue }
      if paths.count == 1, unmanaged.contains(first), own != nil || !isAlone(first, among: unmanaged) {
        files.append(first)
      } else if paths.allSatisfy({ Path.relative($0, to: directory) != nil }),
        unmanaged.contains(first) || own != nil
      {
        composeFiles[directory] = paths.map { Path.relative($0, to: directory) ?? $0 }
      }
    }
    // A stack of a file is called after it: of those that are called alike, the directories tell them apart.
    for (_, alike) in Dictionary(grouping: files, by: Discovery.project(of:)) where alike.count > 1 {
      for file in alike {
        let directory = Path.parent(file)
        if composeFiles[directory] != nil || discovery.stacks.contains(where: { $0.name == directory }) { continue }
        composeFiles[directory] = [Path.name(file)]
        files.removeAll { $0 == file }
      }
    }
    files.sort()
  }

  /// The files for which there is a line, with the names of their projects.
  public var projects: [String: String] {
    let laid = composeFiles.flatMap { directory, files in
      files.map { (Path.join(directory, $0), Path.name(directory).asProjectName) }
    }
    return Dictionary(laid + files.map { ($0, Discovery.project(of: $0)) }) { first, _ in first }
  }

  private func isAlone(_ file: String, among unmanaged: Set<String>) -> Bool {
    unmanaged.filter { Path.parent($0) == Path.parent(file) }.count == 1
  }
}

extension String {
  /// The text as a scalar of YAML, in quotes where it needs them.
  var yaml: String {
    let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-@:+"
    let isPlain =
      !isEmpty && allSatisfy(plain.contains) && !hasSuffix(":")
      && !["-", ".", ":", "@", "+"].contains { hasPrefix($0) }
      && contains { $0.isLetter || $0 == "/" }
      && !["true", "false", "null", "yes", "no", "on", "off"].contains(lowercased())
    if isPlain { return self }
    return String(decoding: JSON.string(self).canonical, as: UTF8.self).unicodeScalars.reduce(into: "") {
      text, scalar in
      switch scalar.value {
      // YAML takes these only as escapes, and some turn the direction of what follows.
      case 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF, 0xFFFE, 0xFFFF:
        text += "\\u" + UInt16(truncatingIfNeeded: scalar.value).hexadecimal
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}
