@testable import Core
import Testing

@Suite("What a host follows is one thing, and tags have the order of versions")
struct FollowedTests {
  static let rising: [[String]] = [
    ["v1.9", "v1.10", "v1.10.1", "v2"],
    ["v1.0.0-alpha", "v1.0.0-alpha.1", "v1.0.0-beta", "v1.0.0-rc.2", "v1.0.0-rc.10", "v1.0.0"],
    ["1.0-1", "1.0-2", "1.0-10"], ["2023-12-31", "2024-01-05", "2024-01-10"], ["release/9", "release/10"],
    ["v9", "v99999999999999999999", "v100000000000000000000"], ["v1.0-rc1", "v1.0", "v1.1-rc1"], ["v", "v1"],
  ]

  @Test(arguments: rising) func `versions rise`(_ names: [String]) {
    for (index, low) in names.enumerated() {
      for high in names[(index + 1)...] {
        #expect(VersionOrder(low) < VersionOrder(high), "\(low) \(high)")
        #expect(!(VersionOrder(high) < VersionOrder(low)), "\(low) \(high)")
      }
    }
  }

  @Test func `leading zeros and what was built count nothing`() {
    #expect(VersionOrder("v1.02") == VersionOrder("v1.2") && VersionOrder("v1.2+a") == VersionOrder("v1.2+b"))
  }

  static let chosen: [(pattern: String, tags: [String], highest: String?)] = [
    ("v*", ["v1.9", "v1.10", "w2", "v1.2"], "v1.10"), ("v*", ["v1.9", "v2.0-rc1"], "v1.9"),
    ("v*-rc*", ["v1.9", "v2.0-rc1", "v2.0-rc2"], "v2.0-rc2"), ("v1.*", ["v1.4", "v2.0"], "v1.4"), ("v*", [], nil),
    ("v*", ["v3.0-beta"], nil), ("prod", ["prod", "v9"], "prod"),
    ("release-*", ["release-9", "release-10"], "release-10"),
    ("v*", ["team/v9", "v1"], "v1"), ("team/v*", ["team/v9", "team/v10", "v99"], "team/v10"),
  ]

  @Test(arguments: chosen) func `the highest tag that fits is followed`(
    _ pattern: String, _ tags: [String], _ highest: String?
  ) {
    #expect(TagPattern(pattern).highest(among: tags) == highest)
    #expect(TagPattern(pattern).highest(among: tags.reversed()) == highest)
  }

  @Test func `a push concerns what is followed`() {
    #expect(Followed.branch("main").concerns("refs/heads/main") && !Followed.branch("main").concerns("refs/tags/main"))
    #expect(Followed.tag("v*").concerns("refs/tags/v1") && !Followed.tag("v*").concerns("refs/heads/v1"))
    #expect(!Followed.tag("v*").concerns("refs/tags/w1") && !Followed.commit("a").concerns("refs/heads/a"))
  }

  private static func parse(_ follow: String) -> Result<Settings, SettingsProblems> {
    Settings.parse(Array("repository: r\n\(follow)\nlive_root: /l\ncheckout: /l/c\n".utf8))
  }

  @Test func `a branch, a tag or a commit can be named`() throws {
    let id = String(repeating: "a1", count: 20)
    #expect(try Self.parse("branch: main").get().follow == .branch("main"))
    #expect(try Self.parse("tag: v*").get().follow == .tag("v*"))
    #expect(try Self.parse("commit: \(id.uppercased())").get().follow == .commit(id))
    #expect(try Self.parse("tag: v*").get().branch == "tag v*")
  }

  static let bad: [(text: String, line: Int, column: Int, message: String)] = [
    ("branch: main\ntag: v*", 3, 6, "exclude each other"),
    ("tag: v*\ncommit: x", 3, 9, "exclude each other"), ("commit: abc1234", 2, 9, "40 hexadecimal digits"),
    ("tag: 'a b'", 2, 6, "a pattern such as v*"), ("tag: refs/tags/v1", 2, 6, "a pattern such as v*"),
    ("tag: []", 2, 6, "tag must be text"),
    ("branch: m\ntrust: {allowed_signers_file: k}", 3, 31, "absolute"),
    ("branch: m\ntrust: {allowed_signers_file: /l/k}", 3, 31, "outside of /l"),
    ("branch: m\ntrust: {revoked_signers_file: /k}", 3, 31, "goes with allowed_signers_file"),
    ("branch: m\ntrust: {}", 3, 8, "trust needs"), ("branch: m\ntrust: {signers: /k}", 3, 9, "unknown key signers"),
  ]

  @Test(arguments: bad) func `a mistake is found at its line and column`(
    _ text: String, _ line: Int, _ column: Int, _ message: String
  ) throws {
    guard case .failure(let problems) = Self.parse(text) else {
      Issue.record("it was taken")
      return
    }
    let found = try #require(problems.all.first { $0.message.contains(message) }, "\(problems.all)")
    #expect(found.line == line && found.column == column, "\(found)")
  }

  @Test func `without anything to follow, all three are named`() {
    guard case .failure(let problems) = Self.parse("") else {
      Issue.record("it was taken")
      return
    }
    #expect(problems.all.map(\.message).joined().contains("`tag: v*`"))
  }

  @Test func `trust is read`() throws {
    let trust = try Self.parse(
      "branch: m\ntrust: {allowed_signers_file: /etc/clup/a, revoked_signers_file: /etc/clup/r, gpg_keyring_file: /etc/clup/k}"
    ).get().trust
    #expect(trust.isOn && trust.allowedSignersFile == "/etc/clup/a" && trust.revokedSignersFile == "/etc/clup/r")
    #expect(trust.gpgKeyringFile == "/etc/clup/k")
    #expect(try !Self.parse("branch: m").get().trust.isOn)
  }
}
