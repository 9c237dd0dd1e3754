import YAML

extension Rule {
  static let forbiddenFile = Rule(
    "forbidden-file", summary: "a tracked file that belongs on the host, not into git",
    why: """
      Secrets, dumps, archives and runtime state come with every clone and stay in the history. A tracked file at a
      protected path would also overwrite what a gateway keeps there. Symbolic links and submodules in managed paths lead
      out of what was validated.
      """,
    fix: "Remove it with `git rm --cached FILE`, add it to `.gitignore`, and change every secret that was in it.",
    bad: "infra/.env\ninfra/backup.sql.gz\nrunner/id_ed25519",
    good: "infra/.env.example\ninfra/docker-compose.yml")

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
    ([".netrc", ".pgpass", ".git-credentials", ".htpasswd", ".dockerconfigjson"], "a file of credentials"),
  ].flatMap { globs, what in globs.map { (Glob("**/\($0)"), what) } }

  /// Finds files of a commit that must not be there by their name, or that the host's list does not allow.
  public static func forbiddenNames(in tree: CommitTree, policy: Policy) -> [Diagnostic] {
    let allowed = policy.allowedFiles.map(Glob.init)
    return tree.files.compactMap { file in
      let parts = file.path.split(separator: "/")
      if let (_, what) = neverCommit.first(where: { $0.glob.matches(parts) }) {
        return Diagnostic(
          rule: "forbidden-file", file: file.path, message: "\(file.path) looks like \(what)",
          help: "remove it with `git rm --cached \(file.path)`, or waive it on the host with `file:`")
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
    var found: [Diagnostic] = []
    for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated()
    where line.count <= 4000 {
      let line = String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
      func add(_ message: String, _ offset: Int) {
        found.append(
          Diagnostic(
            rule: "forbidden-file", file: path, line: index + 1, column: offset + 1, message: message,
            help: "take it out, change the secret, and keep it in the live `.env` or beside it"))
      }
      let hits = Secrets.shaped(line) + Secrets.inAddresses(line)
      for hit in hits { add("the file holds \(hit.what) (\(hit.shown))", hit.offset) }
      guard hits.isEmpty, let (name, value) = Secrets.assignment(in: line), value.count >= 16 else { continue }
      let plain = value.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+/_=.-".contains($0)) }
      let mixed = value.contains(where: \.isNumber) && value.contains(where: \.isLetter)
      if plain, mixed, Secrets.isSecretName(name), Secrets.isWrittenOut(value), Secrets.entropy(value) >= 3.5,
        !value.contains(".") || value.contains(where: \.isUppercase)
      {
        add("the value of \(name) looks like a secret (\(Secrets.shown(value)))", 0)
      }
    }
    return found
  }

  /// Finds a Compose file among the job files that its name keeps from being judged as one.
  public static func unjudgedJobs(in path: String, _ bytes: [UInt8]) -> [Diagnostic] {
    guard path.split(separator: "/").dropLast().contains(Discovery.jobDirectory[...]) else { return [] }
    return ComposeSource.documents(path: path, bytes: bytes).compactMap { source in
      guard let services = source.document?.entry("services"), services.value.mapping != nil else { return nil }
      return Diagnostic(
        rule: "forbidden-file", file: path, line: services.key.start.line, column: services.key.start.column,
        message: "\(path) is a Compose file that is not judged as a job, and whoever starts jobs would find it",
        help: "call it `.yml` or `.yaml`, or keep it elsewhere")
    }.prefix(1).map { $0 }
  }
}
