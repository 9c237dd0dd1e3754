import Core
import Encoding
import FoundationEssentials
import Glibc

/// The directory that clup owns.
struct Checkout: Sendable {
  let path: String

  var mirror: String { "\(path)/repo.git" }
  var releases: String { "\(path)/releases" }
  var pointers: String { "\(path)/stacks" }
  /// The repositories of submodules.
  var modules: String { "\(path)/modules" }
  /// The files that Git LFS keeps, as blobs.
  var largeFiles: String { "\(path)/lfs.git" }
  /// What there is of these.
  var stores: [String] {
    Files.names(in: modules).filter { $0.hasSuffix(".git") }.map { "\(modules)/\($0)" }
      + (Files.status(largeFiles) == nil ? [] : [largeFiles])
  }

  /// Makes what is missing; refuses a directory that holds something else.
  func prepare() throws(Failure) {
    if let found = Files.status(path), !Files.isDirectory(found) {
      throw Failure(.configuration, "the checkout \(path) is not a directory", help: "name another `checkout:`")
    }
    // The lock is the first thing that clup makes there, and is never removed.
    if Files.status("\(path)/lock") == nil, Files.status("\(path)/.git") != nil {
      throw Failure(
        .configuration, "the checkout \(path) is an existing git clone, but clup needs its own directory",
        help:
          "move the clone aside (`mv \(path) \(path)-clone`): live paths that lead into it then get their files from the "
          + "repository, and containers keep running; or name another `checkout:`")
    }
    if Files.status("\(path)/lock") == nil, !isOwn, let first = Files.names(in: path).first {
      throw Failure(
        .configuration, "the checkout \(path) holds something else already: \(first)",
        help: "name an empty or new directory as `checkout:`; clup owns that directory alone")
    }
    try Files.makeDirectories(path)
    let lock = open("\(path)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw Files.failure("cannot open \(path)/lock") }
    close(lock)
  }

  /// Whether it shows that clup made it: nobody else has a mirror of that name beside what leads live paths.
  var isOwn: Bool {
    Files.status("\(mirror)/HEAD") != nil
      && [stateFile, pointers, releases, locks].contains { Files.status($0) != nil }
  }

  /// Names a directory for what is needed only for a moment. What a killed sync leaves of it, the next one removes.
  func scratch() -> String { "\(path)/view.\(randomName())" }

  /// Room that is kept for writing down what went wrong, and how it was put back, on a full disk.
  var reserve: Reserve { Reserve(path: "\(path)/reserve") }

  /// Reads the commit that a stack's pointer names.
  ///
  /// A pointer whose release is gone counts as missing.
  func commit(of stack: String) -> String? {
    guard Files.followed(pointer(of: stack)) != nil else { return nil }
    return Files.link(at: pointer(of: stack)).map(Path.name)
  }

  /// Leads a stack, or the host's own links, to a commit's release.
  func point(_ stack: String, to commit: String) throws(Failure) {
    try Files.makeDirectories(pointers)
    try Files.link(pointer(of: stack), to: "../releases/\(commit)")
  }

  func removePointer(of stack: String) {
    Files.remove(pointer(of: stack))
    Files.flush(pointers)
  }

  /// The link that leads a stack.
  func pointer(of stack: String) -> String {
    "\(pointers)/\(LinkPlanning.fileName(of: stack))"
  }

  var stateFile: String { "\(path)/state.json" }
  var historyFile: String { "\(path)/history.jsonl" }

  /// Where it is kept which Compose was asked last; it may be removed at any time.
  var composeVersionFile: String { "\(path)/compose-version" }

  /// Whose time of change says when the repository answered last; it may be removed at any time.
  private var reachedFile: String { "\(path)/reached" }

  /// Notes that the repository answers.
  func noteReached() {
    let descriptor = open(reachedFile, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    futimens(descriptor, nil)
    close(descriptor)
  }

  /// When the repository answered last, in seconds since 1970; nothing where that is not known.
  var reached: Double? { Files.status(reachedFile).map { Double($0.st_mtim.tv_sec) } }

  /// Adds a report to the history, after cutting off a torn last line; one that lacks only its end is completed.
  func append(_ report: Report) throws(Failure) {
    try withRecords { () throws(Failure) in try add(report) }
  }

  private func add(_ report: Report) throws(Failure) {
    let name = historyFile
    let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Files.failure("cannot write \(name)") }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    var whole = end
    var last: UInt8 = 10
    while whole > 0, pread(descriptor, &last, 1, whole - 1) == 1, last != 10 { whole -= 1 }
    var line = encode(report) + [10]
    if whole < end {
      let tail = Files.read(name, limit: .max, from: Int(whole), to: Int(end)) ?? []
      if (try? JSON(parsing: tail)) != nil || (try? JSONDecoder().decode(Report.self, from: Data(tail))) != nil {
        line.insert(10, at: 0)
      } else if ftruncate(descriptor, whole) != 0 {
        throw Files.failure("cannot cut off the torn end of \(name)")
      }
    }
    try reserve.givingRoom { () throws(Failure) in
      let end = lseek(descriptor, 0, SEEK_END)
      if Files.write(line, to: descriptor), fsync(descriptor) == 0 { return }
      let problem = Files.failure("cannot write \(name)")
      ftruncate(descriptor, end)
      throw problem
    }
  }

  /// The last report of a sync of the branch.
  var newest: Report? { history(last: 1) { $0.trigger != "rollback" }.first }

  /// Reads the last reports that match, oldest first.
  func history(last count: Int, where matches: (Report) -> Bool) -> [Report] {
    var reports: [Report] = []
    readHistory { line in
      if let report = try? JSONDecoder().decode(Report.self, from: Data(line)), report.schema == Report.schema,
        matches(report)
      {
        reports.append(report)
      }
      return reports.count < count
    }
    return reports.reversed()
  }

  /// Counts the lines that another version of clup wrote among the last of the history, by their schema; those before the
  /// last `count` reports of this version are not looked at.
  func foreignHistory(last count: Int) -> [String: Int] {
    var (found, own): ([String: Int], Int) = ([:], 0)
    readHistory { line in
      let schema = (try? JSON(parsing: line))?["schema"]?.string
      if schema == Report.schema { own += 1 } else if let schema { found[schema, default: 0] += 1 }
      return own < count
    }
    return found
  }

  /// Returns each line of the history, the last one first, for as long as it is wanted; the file's length does not matter.
  private func readHistory(_ wants: ([UInt8]) -> Bool) {
    guard let found = Files.status(historyFile), Files.isRegular(found) else { return }
    var start = Int(found.st_size)
    // The beginning of a line whose end was read already.
    var rest: [UInt8] = []
    while start > 0 {
      let end = start
      start = max(0, start - 256 << 10)
      guard let bytes = Files.read(historyFile, limit: .max, from: start, to: end) else { break }
      var lines = (bytes + rest).split(separator: 10, omittingEmptySubsequences: false)
      rest = start > 0 ? Array(lines.removeFirst()) : []
      for line in lines.reversed() where !line.isEmpty {
        if !wants(Array(line)) { return }
      }
    }
  }
}

/// Returns a value as one line of JSON with sorted keys.
public func encode(_ value: some Encodable) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return (try? encoder.encode(value)).map(Array.init) ?? []
}
