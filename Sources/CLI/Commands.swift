/// One command with its options and its help.
struct CommandHelp: Sendable {
  let summary: String
  var switches: Set<String> = []
  var options: Set<String> = []
  var operands = 0
  /// What the configuration is for; nothing for a command that reads none.
  var configuration: String? = "the configuration (default: CLUP_CONFIG, or /etc/clup/clup.yaml)"
  var outputs: [Arguments.Output] = [.text, .json]
  let text: String
}

enum Commands {
  static let order = [
    "init", "baseline", "sync", "rollback", "resume", "status", "history", "validate", "verify", "doctor", "explain",
    "known-host", "serve", "completions", "help",
  ]
  static let all: [String: CommandHelp] = [
    "sync": CommandHelp(
      summary: "fetch, validate and deploy the commit that the host follows",
      switches: ["--dry-run", "--diff", "--retry"], options: ["--stack", "--commit", "--accept-rewrite"],
      outputs: [.text, .json, .ndjson],
      text: """
        usage: clup sync [--dry-run] [--diff] [--stack S]… [--commit REV] [--retry] [--accept-rewrite COMMIT]

        Fetches the repository and validates every stack that changed before it deploys any of them. For each stack, clup
        keeps what is at a live path as <path>.bak.<timestamp>, replaces it with a link into the release, runs
        `docker compose up -d` in the live directory, and waits until every service runs, or is healthy if it has a
        health check.

        A stack that fails is rolled back to its last good commit and images. The failed commit is held for that stack:
        clup does not try it again until something that the stack depends on changes.

          --dry-run                 show what would be done, and change nothing
          --diff                    show what changes in the files, and in what Compose resolves from them
          --stack S                 only this stack; repeat it for more
          --commit REV              deploy this commit of the branch instead of its head
          --retry                   try again what failed before
          --accept-rewrite COMMIT   accept a rewritten branch, if its head is exactly COMMIT
        """),
    "init": CommandHelp(
      summary: "write a configuration for this host, and show what a first sync would do",
      switches: ["--print", "--yes"], options: ["--repository", "--branch", "--live-root", "--checkout"], operands: 1,
      outputs: [.text],
      text: """
        usage: clup init [REPOSITORY|DIR] [--branch B] [--live-root DIR] [--checkout DIR] [--print] [--yes]

        Looks at the repository (a URL, or the directory of a clone) and at the containers of this host: which Compose
        files they were made from and where, what they mount, who holds the Docker socket. Writes a configuration with
        comments to --config, and ends with a dry run of the first sync: what is taken over as it is, what would be
        recreated, what is refused and what it needs. Without REPOSITORY, takes the clone that the containers were
        made from.

        Overwrites nothing, and starts, stops or links nothing.

          --repository URL   the same as the operand
          --branch B         the branch to follow (default: the clone's, or the repository's)
          --live-root DIR    the directory that the host runs from (default: where the containers were started)
          --checkout DIR     the directory for clup (default: `clup` in the live root)
          --print            print the configuration, and write nothing
          --yes              do not ask before writing
        """),
    "rollback": CommandHelp(
      summary: "go back to an earlier commit and stay there",
      switches: ["--dry-run", "--diff", "--all"], options: ["--stack"], operands: 1,
      outputs: [.text, .json, .ndjson],
      text: """
        usage: clup rollback [REV] [--stack S]… [--all] [--dry-run] [--diff]

        Brings the named stacks, or all of them, to REV: a commit id or its beginning, HEAD~2, or a tag. Without REV, each
        stack goes back to the commit and images that it ran before. The repository does not have to be reachable.

        The stacks are then pinned: no sync moves them until `clup resume`.

          --stack S   only this stack; repeat it for more
          --all       every stack; required if more than one would go back and none is named
          --dry-run   show what would be done, and change nothing
          --diff      show what changes in the files, and in what Compose resolves from them
        """),
    "resume": CommandHelp(
      summary: "unpin stacks after a rollback, and sync",
      options: ["--stack"], outputs: [.text, .json, .ndjson],
      text: """
        usage: clup resume [--stack S]…

        Removes the pins that a rollback has set, then syncs, so that these stacks follow the repository again. Without
        --stack, removes every pin.

          --stack S   only this stack; repeat it for more
        """),
    "status": CommandHelp(
      summary: "show each stack: commit, health, drift, last result",
      switches: ["--exit-code"],
      text: """
        usage: clup status [--exit-code]

        Compares what was deployed with what the host runs now, and says why the last sync was refused or failed.
        Asks Docker Engine, but not the repository.

          --exit-code   exit with 1 if something is not in place or was refused
        """),
    "history": CommandHelp(
      summary: "show past syncs",
      options: ["-n", "--stack"],
      text: """
        usage: clup history [-n N] [--stack S]

          -n N        the last N syncs (default: 10)
          --stack S   only syncs that touched this stack
        """),
    "validate": CommandHelp(
      summary: "run the checks of a sync on a work tree, without a host",
      options: ["--live-root", "--env-file", "--changed-since"], operands: 1,
      configuration: "apply the policy of this host configuration, and its choice of stacks",
      outputs: [.text, .json, .sarif, .github],
      text: """
        usage: clup validate [DIR] [--live-root DIR] [--env-file FILE]… [--changed-since REV]

        Needs Compose, but no Docker Engine, no configuration and no `.env`: a variable without a value gets a
        placeholder, so that everything else is still checked. Exits with 3 if a sync would refuse the commit.

          --live-root DIR       take values from the `.env` files in this live root of a host
          --env-file FILE       take more values, NAME=value, from this file; repeat it for more
          --changed-since REV   check only what changed since this commit
        """),
    "baseline": CommandHelp(
      summary: "accept today's findings, so that only new ones are refused",
      switches: ["--dry-run", "-n", "--prune"], options: ["--include"],
      text: """
        usage: clup baseline [--include RULE]… [--dry-run] | clup baseline --prune [--dry-run]

        Checks every stack of the commit that the host follows, as a dry run of a sync does, and accepts the findings
        that refuse it, for 90 days. Writes them to baseline.yaml beside the configuration: an entry for each rule, stack,
        service and text at its place, which may move to another line. Entries that are still valid keep their expiry
        date; expired ones are accepted for another 90 days. After its expiry date, a finding refuses new commits again,
        and containers keep running.

        Never accepts that a stack cannot be deployed (`compose`, missing files). Rules that protect data, the Docker socket
        or the host need --include, and docker-socket and privileged are accepted for the service's image and commands as
        they are. Exits with 3 if the commit is still refused, without --prune.

          --include RULE   also accept what this rule finds, although it protects data or only warns; repeat it for more
          --prune          accept nothing, and drop what was fixed
          -n, --dry-run    show what would be done, and write nothing
        """),
    "verify": CommandHelp(
      summary: "show who signed the new commits, and whether a sync would trust them", operands: 1,
      text: """
        usage: clup verify [REV]

        Fetches what the host follows, without accepting it, and checks the signatures that a sync would check: every
        commit since the last trusted one, or only the head if nothing is trusted yet. If the host follows tags, the tag
        itself is checked. Exits with 3 if a sync would refuse, and with 4 if the repository could not be reached.

        With REV (an id, HEAD~2, a tag), checks a commit that was fetched before, without asking the repository.
        """),
    "doctor": CommandHelp(
      summary: "check whether this host is ready, and show how to fix problems",
      text: """
        usage: clup doctor

        Looks at the system, Docker and Compose, the disks and directories, what runs of each stack, who reaches the Docker
        socket, access to the repository and the registries, and clup itself. Says of each what was found, what was expected
        and how to fix it; checks that do not apply to this host are skipped. Runs probes and health checks in containers,
        and changes nothing. Exits with 1 if a check failed.
        """),
    "explain": CommandHelp(
      summary: "show what a rule checks, why, and how to fix or waive it", operands: 1, configuration: nil,
      text: """
        usage: clup explain [RULE]

        Without RULE, lists every rule with its severity.
        """),
    "known-host": CommandHelp(
      summary: "show the keys of an ssh server, and trust them", switches: ["--write"], options: ["--fingerprint"],
      operands: 1,
      text: """
        usage: clup known-host [HOST[:PORT]] [--write] [--fingerprint SHA256:…]

        Asks the repository's ssh server, or HOST, for its keys, and shows which of them are already trusted. Compare the
        fingerprints with those that the server's owner publishes: someone in between could send other keys.

          --write                  add the keys to the configuration's known_hosts_file
          --fingerprint SHA256:…   add only the key with this fingerprint
        """),
    "serve": CommandHelp(
      summary: "run the daemon: sync on webhooks and by timer; status page, API, metrics", outputs: [.text],
      text: """
        usage: clup serve

        Starts a sync when a webhook reports a push, when the interval has passed, when a request with the API token asks
        for one, and when someone changes something on the host by hand. Each sync is a `clup sync` process of its own.
        Listens on `serve: {listen: …}` of the configuration (default: 127.0.0.1:18890), or on sockets from systemd.
        SIGHUP makes it read the configuration again; if that cannot be used, the last valid one stays in use.

        POST /webhook, /api/v1/sync · GET /, /api/v1/status, /api/v1/history, /api/v1/runs/ID, /healthz, /readyz, /metrics
        """),
    "completions": CommandHelp(
      summary: "print the completions of a shell", operands: 1, configuration: nil, outputs: [.text],
      text: """
        usage: clup completions bash|zsh|fish

        Prints what the shell needs to complete commands, options and their values, for example
        `clup completions bash > /usr/share/bash-completion/completions/clup`.
        """),
    "help": CommandHelp(
      summary: "show this help, or the help of a command", operands: 1, configuration: nil, outputs: [.text],
      text: "usage: clup help [COMMAND]"),
    "version": CommandHelp(
      summary: "show the version", configuration: nil, outputs: [.text], text: "usage: clup --version"),
  ]

  /// The help of the options that several commands have, as far as this one has them.
  private static func common(of command: CommandHelp) -> [String] {
    let configuration = command.configuration.map { ["  --config FILE        \($0)"] } ?? []
    let outputs = command.outputs.compactMap { output in
      switch output {
      case .text: command.outputs.contains(.json) ? "  --output text|json   text for people, or JSON for programs" : nil
      case .json: nil
      case .ndjson: "  --output ndjson      one line of JSON for each event, and the report as the last line"
      case .sarif: "  --output sarif       SARIF 2.1.0, for code scanning"
      case .github: "  --output github      annotations for GitHub Actions"
      }
    }
    return configuration + outputs
  }

  static func help(_ name: String) -> String? {
    guard let command = all[name] else { return nil }
    let common = common(of: command)
    return common.isEmpty ? command.text : "\(command.text)\n\n\(common.joined(separator: "\n"))"
  }

  static var overview: String {
    let lines = order.map { "  " + $0 + String(repeating: " ", count: 12 - $0.count) + (all[$0]?.summary ?? "") }
    // What most commands have.
    let common = common(of: CommandHelp(summary: "", text: ""))
    return """
      clup keeps a Docker host equal to a git repository of Compose files.

      usage: clup COMMAND [OPTION]…

      \(lines.joined(separator: "\n"))

      \(common.joined(separator: "\n"))

      Exit status: 0 in sync · 1 a stack or the host failed · 2 wrong usage or configuration · 3 refused ·
      4 the repository could not be reached · 5 another sync is working on every stack that was asked for, or
      something holds clup's records.
      """
  }
}
