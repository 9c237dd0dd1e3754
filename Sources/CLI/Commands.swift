/// One command with its options and its help.
struct CommandHelp: Sendable {
  let summary: String
  var switches: Set<String> = []
  var options: Set<String> = []
  var operands = 0
  var outputs: [Arguments.Output] = [.text, .json]
  let text: String
}

/// Every command.
enum Commands {
  static let order = [
    "sync", "rollback", "resume", "status", "history", "validate", "verify", "explain", "known-host", "serve", "help",
  ]
  static let all: [String: CommandHelp] = [
    "sync": CommandHelp(
      summary: "bring the host to the commit that the repository names",
      switches: ["--dry-run", "--diff", "--retry"], options: ["--stack", "--commit", "--accept-rewrite"],
      outputs: [.text, .json, .ndjson],
      text: """
        usage: clup sync [--dry-run] [--diff] [--stack S]… [--commit REV] [--retry] [--accept-rewrite COMMIT]

        Fetches the branch, validates every stack that changed, and only then deploys them: what stands at a live
        path is kept as <path>.bak.<timestamp>, the path becomes a link into the release, `docker compose up -d` runs in
        the live directory, and clup watches until every service runs, or is healthy where it has a health check.

        A stack that fails goes back to its last good commit and images. The commit that failed is held for that stack:
        it is not tried again until something that the stack depends on changes.

          --dry-run                 show what would be done, and change nothing
          --diff                    show what changes in the files
          --stack S                 only this stack; may be given again
          --commit REV              this commit of the branch instead of its head
          --retry                   try again what failed before
          --accept-rewrite COMMIT   accept a rewritten branch whose head is exactly COMMIT
        """),
    "rollback": CommandHelp(
      summary: "go back to an earlier commit, and stay there",
      switches: ["--dry-run", "--diff", "--all"], options: ["--stack"], operands: 1,
      outputs: [.text, .json, .ndjson],
      text: """
        usage: clup rollback [REV] [--stack S]… [--all] [--dry-run] [--diff]

        Brings the named stacks, or all of them, to REV: an id, the beginning of one, HEAD~2 or a tag. Without REV each goes
        back to what it ran before, with the images of that time. The repository is not needed for it.

        The stacks are pinned: no sync moves them until `clup resume`.

          --stack S   only this stack; may be given again
          --all       every stack; asked for where more than one would go back and none is named
          --dry-run   show what would be done, and change nothing
          --diff      show what changes in the files
        """),
    "resume": CommandHelp(
      summary: "lift pins, and sync what was pinned",
      options: ["--stack"], outputs: [.text, .json, .ndjson],
      text: """
        usage: clup resume [--stack S]…

        Without --stack, lifts every pin. Then syncs, so that what was pinned is at the branch's head.

          --stack S   only this stack; may be given again
        """),
    "status": CommandHelp(
      summary: "show each stack: commit, health, drift, last result",
      switches: ["--exit-code"],
      text: """
        usage: clup status [--exit-code]

        Compares what was deployed with what stands on the host now, and says why the last sync was refused or came to
        nothing. Asks Docker Engine, but not the repository.

          --exit-code   end with 1 when something is not in place, or was refused
        """),
    "history": CommandHelp(
      summary: "show past syncs",
      options: ["-n", "--stack"],
      text: """
        usage: clup history [-n N] [--stack S]

          -n N        the last N syncs (10)
          --stack S   only those that touched this stack
        """),
    "validate": CommandHelp(
      summary: "check a work tree as a sync would, without a host",
      options: ["--live-root", "--env-file", "--changed-since"], operands: 1, outputs: [.text, .json, .sarif, .github],
      text: """
        usage: clup validate [DIR] [--live-root DIR] [--env-file FILE]… [--changed-since REV]

        Needs Compose, but no engine, no configuration and no `.env`: variables without a value get a placeholder, so
        that all the rest is checked. Ends with 3 when something would refuse the commit.

          --live-root DIR       a host's live root, whose `.env` files give the values
          --env-file FILE       further values, NAME=value; may be given again
          --config FILE         a host's configuration, for its policy
          --changed-since REV   only what changed since this commit
          --output FORMAT       text, json, sarif or github
        """),
    "verify": CommandHelp(
      summary: "show who signed the new commits, and whether a sync would trust them", operands: 1,
      text: """
        usage: clup verify [REV]

        Fetches what the host follows, accepts nothing, and checks the signature of each commit that a sync would check:
        those since the last trusted one, or the head alone where nothing is trusted yet. A followed tag is checked itself.
        Ends with 3 when a sync would refuse, and with 4 when the repository could not be reached.

        With REV (an id, HEAD~2, a tag) it looks at a commit that is here already, without asking the repository.
        """),
    "explain": CommandHelp(
      summary: "show what a rule checks, why, and the way out", operands: 1,
      text: """
        usage: clup explain [RULE]

        Without a rule, lists all of them with their weight.
        """),
    "known-host": CommandHelp(
      summary: "show the keys of an ssh server, and trust them", switches: ["--write"], options: ["--fingerprint"],
      operands: 1,
      text: """
        usage: clup known-host [HOST[:PORT]] [--write] [--fingerprint SHA256:…]

        Asks the repository's ssh server, or HOST, for its keys, and shows their fingerprints beside what is known. Compare
        them with what the server's owner publishes: whoever stands in between could show others.

          --write                  add them to the configuration's known_hosts_file
          --fingerprint SHA256:…   add only the key with this fingerprint
        """),
    "serve": CommandHelp(
      summary: "sync by webhook and by timer; status page, metrics", outputs: [.text],
      text: """
        usage: clup serve

        Syncs when a forge tells of a push, when the interval is over, when somebody with the token asks, and when something
        is changed on the host by hand. Each sync is a `clup sync` of its own. Listens where the configuration's
        `serve: {listen: …}` says (127.0.0.1:18890), or on the sockets that systemd hands over.

        POST /webhook, /api/v1/sync · GET /, /api/v1/status, /api/v1/history, /api/v1/runs/ID, /healthz, /readyz, /metrics
        """),
    "help": CommandHelp(
      summary: "show this, or the help of a command", operands: 1, text: "usage: clup help [COMMAND]"),
    "version": CommandHelp(summary: "show the version", text: "usage: clup --version"),
  ]

  private static let common = """
      --config FILE        the configuration (CLUP_CONFIG, or /etc/clup/clup.yaml)
      --output text|json   for people or for programs
    """

  private static let events = """
      --output ndjson      a line of JSON for each thing that happens, and the report as the last one
    """

  static func help(_ name: String) -> String? {
    guard let command = all[name] else { return nil }
    return ["help", "version", "validate", "explain"].contains(name)
      ? command.text
      : "\(command.text)\n\n\(common)" + (command.outputs.contains(.ndjson) ? "\n\(events)" : "")
  }

  static var overview: String {
    let lines = order.map { "  " + $0 + String(repeating: " ", count: 12 - $0.count) + (all[$0]?.summary ?? "") }
    return """
      clup keeps a Docker host equal to a git repository of Compose files.

      usage: clup COMMAND [OPTION]…

      \(lines.joined(separator: "\n"))

      \(common)

      Exit status: 0 in sync · 1 a stack or the host failed · 2 usage or configuration · 3 refused ·
      4 the repository could not be reached · 5 another sync works on what was asked for.
      """
  }
}
