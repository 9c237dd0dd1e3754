@testable import Core
import Testing

@Suite("The configuration is read whole, and what is wrong is said with its place")
struct SettingsTests {
  static let least = "repository: r\nbranch: main\nlive_root: /srv/live/\ncheckout: /srv/live/clup\n"

  @Test func `the least configuration has the defaults`() throws {
    let settings = try Settings.parse(Array(Self.least.utf8)).get()
    #expect(settings.liveRoot == "/srv/live")
    #expect(settings.sync == SyncSettings())
    #expect(settings.sync.interval == .seconds(60) && settings.sync.concurrency == 4)
    #expect(settings.sync.deployTimeout == .seconds(300) && settings.sync.keepReleases == 10)
    #expect(settings.protectedPaths.glob(protecting: "a/.env") == "**/.env")
  }

  @Test func `a document without a value says nothing, and names are read in lower case`() throws {
    let settings = try Settings.parse(Array("---\n---\n\(Self.least)serve: {hosts: [Clup.Example.org]}\n---\n".utf8))
      .get()
    #expect(settings.serve.hosts == ["clup.example.org"])
  }

  @Test func `every section is read`() throws {
    let text =
      Self.least + """
        protected: [mine]
        links:
          - {from: bin/tool, to: tool, mode: copy}
          - {from: a, to: b}
        stacks:
          include: [hosts/nas/**, common/**]
          exclude: ["old-*"]
          files: ["apps/*.yml"]
          gw: {after: [infra], deploy_timeout: 90s, compose_files: [compose.yaml, ../common/x.yaml]}
        policy: {tracked: [{path: gw/data/*.sql, reason: only test data}]}
        sync: {interval: 5m, concurrency: 2, deploy_timeout: 1m, on_failure: stay, drift: report, gate: stack, keep_releases: 3}
        notify: [{run: tell, on: [failed], timeout: 5s}]
        """
    let settings = try Settings.parse(Array(text.utf8)).get()
    #expect(settings.protected == ["mine"])
    #expect(
      settings.links == [
        HostLink(from: "bin/tool", to: "tool", mode: .copy), HostLink(from: "a", to: "b", mode: .link),
      ])
    #expect(settings.policy.tracked == [TrackedFile(path: "gw/data/*.sql", reason: "only test data")])
    #expect(settings.protectedPaths.glob(protecting: "gw/data/a.sql") == nil)
    #expect(settings.protectedPaths.glob(protecting: "gw/data/rows") == "**/data")
    #expect(settings.include == ["hosts/nas/**", "common/**"] && settings.exclude == ["old-*"])
    #expect(settings.files == ["apps/*.yml"])
    #expect(settings.stacks["gw"]?.composeFiles == ["compose.yaml", "../common/x.yaml"])
    #expect(settings.stacks["gw"]?.after == ["infra"])
    #expect(settings.stacks["gw"]?.deployTimeout == .seconds(90))
    #expect(settings.sync.onFailure == .stay && settings.sync.drift == .report && settings.sync.gate == .stack)
    #expect(settings.notify == [Notify(run: "tell", on: [.failed], timeout: .seconds(5))])
  }

  @Test func `a hook is run for what needs a person, unless it says what for`() throws {
    let some = try Settings.parse(Array("\(Self.least)notify: [{run: tell}]\n".utf8)).get()
    #expect(
      some.notify == [
        Notify(run: "tell", on: [.failed, .rolledBack, .refused, .waiting, .recovered], timeout: .seconds(30))
      ])
    guard case .failure(let wrong) = Settings.parse(Array("\(Self.least)notify: [{run: tell, on: [fail]}]\n".utf8))
    else {
      Issue.record("it was taken")
      return
    }
    #expect(
      wrong.all.map(\.message) == [
        "on must list some of \(Report.Event.allCases.map(\.rawValue).joined(separator: ", "))"
      ])
  }

  @Test func `what is fetched beside the repository is said by yes or no`() throws {
    #expect(try !Settings.parse(Array(Self.least.utf8)).get().git.isOn)
    let both = try Settings.parse(Array("\(Self.least)git: {submodules: true, lfs: false}\n".utf8)).get()
    #expect(both.git.submodules && !both.git.lfs)
    guard case .failure(let problems) = Settings.parse(Array("\(Self.least)git: {lfs: yes, submodule: true}\n".utf8))
    else {
      Issue.record("it was taken")
      return
    }
    #expect(problems.all.map(\.message).contains { $0.contains("lfs must be true or false") })
    #expect(problems.all.map(\.message).contains { $0.contains("did you mean submodules?") })
  }

  @Test func `a token goes only to the host that it was written for`() throws {
    let text = """
      repository:
        - https://git.example.org/a.git
        - https://GIT.example.org/b.git
        - https://mirror.example.org/a.git
        - {url: "https://other.example.org/a.git", credentials: {token_file: other}}
      branch: main
      live_root: /l
      checkout: /l/clup
      credentials: {username: u, token_file: t, ca_file: ca, registry_auth_file: r}
      sync: {fetch_timeout: 10s}
      """
    let settings = try Settings.parse(Array(text.utf8)).get()
    #expect(settings.repository == "https://git.example.org/a.git" && settings.registryAuthFile == "r")
    #expect(settings.sources.map(\.credentials.tokenFile) == ["t", "t", nil, "other"])
    #expect(settings.sources.map(\.credentials.caFile) == ["ca", "ca", "ca", nil])
    #expect(settings.sync.fetchTimeout == .seconds(10))
  }

  static let urls: [(String, String)] = [
    ("https://git.example.org/a/b.git", "https nil nil git.example.org nil /a/b.git"),
    ("https://u@h:8443/x", "https u nil h 8443 /x"), ("https://u:p@h/x", "https u p h nil /x"),
    ("https://u:p/w@h/x", "https u p/w h nil /x"), ("https://h/x@y:z", "https nil nil h nil /x@y:z"),
    ("git@h:a/b.git", "ssh git nil h nil a/b.git"), ("ssh://git@[::1]:2222/x", "ssh git nil ::1 2222 /x"),
    ("/srv/git/a:b", "file nil nil  nil /srv/git/a:b"), ("file:///srv/a", "file nil nil  nil /srv/a"),
    ("r", "file nil nil  nil r"),
  ]

  @Test(arguments: urls) func `a URL is taken apart`(_ text: String, _ parts: String) throws {
    let url = try #require(RepositoryURL(text))
    let port = url.port.map { "\($0)" }
    #expect(
      "\(url.scheme) \(url.user ?? "nil") \(url.password ?? "nil") \(url.host) \(port ?? "nil") \(url.path)" == parts)
  }

  struct Bad: Sendable, CustomTestStringConvertible {
    let text: String
    let line: Int
    let column: Int
    let message: String
    var testDescription: String { message }
    init(_ text: String, _ line: Int, _ column: Int, _ message: String, alone: Bool = false) {
      (self.text, self.line, self.column, self.message) = (alone ? text : least + text, line, column, message)
    }
  }

  static let rest = "branch: b\nlive_root: /l\ncheckout: /c\n"
  static let bad = [
    Bad("", 0, 0, "the file is empty", alone: true), Bad("- a\n", 1, 1, "must be a mapping", alone: true),
    Bad("branch: main\nlive_root: /l\ncheckout: /c\n", 1, 1, "repository is missing", alone: true),
    Bad("---\nsync: {prune: remove}\n", 6, 1, "a second document begins here"),
    Bad("serve: {hosts: [ok.example, 'https://x.example']}\n", 5, 29, "hosts must be names"),
    Bad("serve: {hosts: ['x.example:80']}\n", 5, 17, "hosts must be names"),
    Bad("brunch: x\n", 5, 1, "unknown key brunch in the configuration; did you mean branch?"),
    Bad("sync:\n  intervall: 5m\n", 6, 3, "did you mean interval?"), Bad("sync: {interval: 60}\n", 5, 18, "interval"),
    Bad("sync: {concurrency: 0}\n", 5, 21, "concurrency"), Bad("sync: {drift: ignore}\n", 5, 15, "drift"),
    Bad("links: [{from: ../x, to: y}]\n", 5, 16, "from must be a relative path such as dir/file, without .., not ../x"),
    Bad("links: [{from: ., to: y}]\n", 5, 16, "from must be a relative path such as dir/file, without .., not ."),
    Bad(
      "repository: /r\nbranch: b\nlive_root: /\ncheckout: /c\n", 3, 12,
      "live_root must be an absolute path below /, not /", alone: true),
    Bad("links: [{from: a, to: /etc/passwd}]\n", 5, 23, "to must be a relative path"),
    Bad("policy: {tracked: [{path: data/x.sql}]}\n", 5, 20, "reason is missing"),
    Bad("policy: {tracked: [{reason: r}]}\n", 5, 20, "path is missing"),
    Bad("links: {from: a}\n", 5, 8, "links must be a list"), Bad("protected: [[a]]\n", 5, 13, "must be text"),
    Bad("branch: again\n", 5, 1, "branch"), Bad("trust: {allowed_signers: /k}\n", 5, 9, "unknown key allowed_signers"),
    Bad("a: [\n", 6, 1, "node content"),
    Bad("credentials: {tokenfile: t}\n", 5, 15, "did you mean token_file?"),
    Bad("credentials: {ssh_agent: agent.sock}\n", 5, 26, "ssh_agent must be true"),
    Bad("credentials: {ssh_passphrase_file: p}\n", 5, 36, "needs ssh_key_file"),
    Bad("credentials: {token_file: t, helper: h}\n", 5, 14, "name one of them"),
    Bad("credentials: {proxy: 'http://u:p@proxy:3128'}\n", 5, 22, "without a user's name and password"),
    Bad("repository: https://u:pw@h/x\n" + rest, 1, 13, "holds a password", alone: true),
    Bad("repository: https://ghp_abcdefghijklmnopqrstuvwxyz0123456789@h/x\n" + rest, 1, 13, "a token", alone: true),
    Bad("repository: ssh://-oProxyCommand=x/y\n" + rest, 1, 13, "repository must be", alone: true),
    Bad("repository: ftp://h/x\n" + rest, 1, 13, "repository must be", alone: true),
    Bad("repository: http://h/x\n" + rest + "credentials: {token_file: t}\n", 5, 14, "unencrypted", alone: true),
    Bad("repository: [a, {url: b, link: b}]\n" + rest, 1, 26, "unknown key link", alone: true),
    Bad("repository: []\n" + rest, 1, 13, "at least one URL", alone: true),
    Bad("repository: r\nbranch: b\nlive_root: live\ncheckout: /c\n", 3, 12, "absolute", alone: true),
    Bad("repository: r\nbranch: b\nlive_root: /\ncheckout: /c\n", 3, 12, "absolute", alone: true),
    Bad("repository: r\nbranch: b\nlive_root: /l\ncheckout: /l\n", 4, 11, "live root itself", alone: true),
    Bad("repository: r\nbranch: b\nlive_root: /l/m\ncheckout: /l\n", 4, 11, "must not hold", alone: true),
  ]

  @Test(arguments: bad) func `a mistake is found at its line and column`(_ bad: Bad) throws {
    guard case .failure(let problems) = Settings.parse(Array(bad.text.utf8)) else {
      Issue.record("it was taken")
      return
    }
    let first = try #require(problems.all.first)
    #expect(first.line == bad.line && first.column == bad.column, "\(first)")
    #expect(first.message.contains(bad.message), "\(first)")
  }

  @Test func `all mistakes are told at once, in the order of the file`() {
    guard case .failure(let problems) = Settings.parse(Array((Self.least + "z: 1\ny: 2\n").utf8)) else {
      Issue.record("it was taken")
      return
    }
    #expect(problems.all.map(\.line) == [5, 6])
  }
}
