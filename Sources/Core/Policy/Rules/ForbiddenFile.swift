import YAML

extension Rule {
  static let forbiddenFile = Rule(
    id: "forbidden-file", summary: "a tracked file that belongs on the host, not into git",
    why: """
      Secrets, dumps, archives and runtime state come with every clone and stay in the history. A tracked file at a
      protected path would also overwrite what a gateway keeps there. Symbolic links and submodules in managed paths lead
      out of what was validated; of a Git LFS file, git holds only a pointer. A host can have submodules and Git LFS files fetched
      with `git: {submodules: true, lfs: true}`. Encrypted files and templates may be in git; a container is never given ciphertext.
      """,
    fix: """
      Remove it with `git rm --cached FILE`, add it to `.gitignore`, and replace every key and secret that was in it, since \
      it is in the history. The host lets a file be tracked with `policy: {tracked: [{path: FILE, reason: …}]}`.
      """,
    bad: "infra/.env\ninfra/backup.sql.gz\nrunner/id_ed25519",
    good: "infra/.env.example\ninfra/docker-compose.yml"
  ) { subject in subject.encryptedValues }

  /// Names that are never infrastructure or source, with what they are.
  static let neverCommit: [(glob: Glob, what: String)] = [
    (
      ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.ppk", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx"],
      "key material"
    ),
    (
      ["*.dump", "*.pgdump", "*.rdb", "*.sqlite", "*.sqlite3", "*.sql.gz", "*.sql.zst", "*.sql.xz", "*.sql.bz2"],
      "a database dump"
    ),
    (["*.tar", "*.tar.gz", "*.tgz", "*.tar.xz", "*.tar.zst", "*.tar.bz2", "*.zip", "*.7z", "*.rar"], "an archive"),
    (["PG_VERSION", "postmaster.pid", "*.pid", "*.sock", "*.bak.*"], "runtime state"),
    (
      [".netrc", ".pgpass", ".git-credentials", ".htpasswd", ".dockerconfigjson", "rclone.conf"],
      "a file of credentials"
    ),
  ].flatMap { globs, what in globs.map { (Glob("**/\($0)"), what) } }

  /// What else is to be done about a file that is in the history now.
  private static func replacing(_ what: String) -> String {
    switch what {
    case "key material": " and replace the key, since it is in the history"
    case "a file of credentials": " and replace the credentials, since they are in the history"
    default: ""
    }
  }

  /// The key of Android's debug builds, whose password is in the manual.
  private static let everyones: Substring = "debug.keystore"

  /// Finds files of a commit that must not be there by their name, or that the host's list does not allow.
  public static func forbiddenNames(
    in tree: CommitTree, policy: Policy, selection: PathSelection = PathSelection()
  ) -> [Diagnostic] {
    let allowed = policy.allowedFiles.map(Glob.init)
    let lifted = policy.tracked.map { Glob($0.path) }
    return tree.files.compactMap { file in
      let parts = Path.components(file.path)
      if !selection.contains(file.path) || lifted.contains(where: { $0.covers(file.path) }) {
        return nil
      }
      if parts.last != everyones, let (_, what) = neverCommit.first(where: { $0.glob.matches(parts) }) {
        return Diagnostic(
          rule: "forbidden-file", file: file.path, message: "\(file.path) looks like \(what)",
          help: "remove it with `git rm --cached \(file.path)`\(replacing(what)), or allow it on the host: "
            + "`policy: {tracked: [{path: \(file.path), reason: …}]}`")
      }
      if !allowed.isEmpty, !allowed.contains(where: { $0.covers(file.path) }) {
        return Diagnostic(
          rule: "forbidden-file", file: file.path,
          message: "\(file.path) is not among the host's `allowed_files`", help: "remove it, or allow it on the host")
      }
      return nil
    }
  }

  /// Finds secrets in a file's content; Compose files are read by `plaintext-secret`.
  public static func forbiddenContent(of path: String, _ bytes: [UInt8]) -> [Diagnostic] {
    if bytes.prefix(8000).contains(0) { return [] }
    let (isTemplate, isGuide) = (Template.isNamed(path), isGuide(path))
    let sealed = SealedValues(bytes)
    var found: [Diagnostic] = []
    for line in Scan.lines(of: bytes) {
      let text = bytes[line.bytes.lowerBound..<line.bytes.upperBound - (bytes[line.bytes].last == 13 ? 1 : 0)]
      let string = String(decoding: text, as: UTF8.self)
      func add(_ message: String, _ offset: Int) {
        found.append(
          Diagnostic(
            rule: "forbidden-file", file: path, line: line.number, column: offset + 1, message: message,
            help: "keep it in the live `.env` or beside it, and replace the secret, since it is in the history"))
      }
      let isComment = isComment(text)
      var hits = line.hints.contains(.shape) ? Secrets.shaped(string) : []
      // What is no key but stands for one follows on the next line.
      hits.removeAll { hit in
        // Where the line is no UTF-8, its text has other lengths than its bytes.
        let rest = Array(string.utf8.dropFirst(hit.offset + 11)) + bytes[text.endIndex...].prefix(600)
        return hit.isKey && Secrets.isSample(keyAt: rest)
      }
      if line.hints.contains(.address) {
        hits += Secrets.inAddresses(string, isText: true, isGuide: isGuide || isTemplate || isComment)
      }
      for hit in hits { add("the file holds \(hit.what) (\(hit.shown))", hit.offset) }
      guard hits.isEmpty, line.hints.contains(.name), !isTemplate, !isDefault(text), !sealed.contains(line.number),
        let (name, value) = Secrets.assignments(in: string).first(where: { name, value in
          Secrets.isRandom(value) && Secrets.isSecret(name, value) && !(isComment && Secrets.isCounted(value))
        })
      else { continue }
      add("the value of \(name) looks like a secret (\(Secrets.shown(value)))", 0)
    }
    return found
  }

  /// Finds a Compose file among the job files that its name keeps from being judged as one.
  public static func unjudgedJobs(in path: String, _ bytes: [UInt8]) -> [Diagnostic] {
    guard Path.components(path).dropLast().contains(Discovery.jobDirectory[...]) else { return [] }
    return ComposeSource.documents(path: path, bytes: bytes).compactMap { source in
      guard let services = source.document?.entry("services"), services.value.mapping != nil else { return nil }
      return Diagnostic(
        rule: "forbidden-file", at: (path, services.key.start), stack: nil,
        message: "\(path) is a Compose file that is not judged as a job, and whoever starts jobs would find it",
        help: "call it `.yml` or `.yaml`, or keep it elsewhere")
    }.prefix(1).map { $0 }
  }

  /// Returns whether a line is one of an ini file that shows a default, commented out: `;secret_key = …`.
  private static func isDefault(_ line: ArraySlice<UInt8>) -> Bool { line.first { $0 != 0x20 && $0 != 9 } == 0x3b }

  /// Returns whether a line is a comment: of a shell, YAML, an ini file, SQL or C.
  private static func isComment(_ line: ArraySlice<UInt8>) -> Bool {
    let text = line.drop { $0 == 0x20 || $0 == 9 }
    return text.first == 0x23 || text.first == 0x3b || text.starts(with: [0x2f, 0x2f])
      || text.starts(with: [0x2d, 0x2d, 0x20])
  }

  /// Returns whether a file tells people what to write.
  private static func isGuide(_ path: String) -> Bool {
    let lower = path.lowercased()
    return [".md", ".mdx", ".rst", ".adoc", ".txt", ".html"].contains(where: lower.hasSuffix)
      || Path.name(lower).hasPrefix("readme") || Path.components(lower).dropLast().contains { $0 == "docs" }
  }
}

/// The lines of a SealedSecret's `encryptedData:`, which only its cluster can read.
private struct SealedValues {
  private var lines: [ClosedRange<Int>] = []

  init(_ bytes: [UInt8]) {
    guard bytes.holds(Array("SealedSecret".utf8)) else { return }
    var (number, start, level, isSealed) = (0, 0, 0, false)
    func depth(of line: ArraySlice<UInt8>) -> Int? { line.firstIndex { $0 != 0x20 }.map { $0 - line.startIndex } }
    for line in bytes.split(separator: 10, omittingEmptySubsequences: false) {
      number += 1
      if line.starts(with: Array("---".utf8)) { isSealed = false }
      if line.holds(Array("SealedSecret".utf8)) { isSealed = true }
      if start > 0, let own = depth(of: line), own <= level { start = 0 }
      if start > 0 { lines.append(number...number) }
      if isSealed, line.holds(Array("encryptedData:".utf8)) { (start, level) = (number, depth(of: line) ?? 0) }
    }
  }

  func contains(_ line: Int) -> Bool { lines.contains { $0.contains(line) } }
}
