import Foundation
import Testing

@testable import Agent
@testable import Core
@testable import Daemon

@Suite("Nothing that anybody wrote acts on the status page, and no secret is on it")
struct PageSafetyTests {
  /// A host whose every text is the same one.
  static func seen(_ text: String) -> StatusPageModel {
    var seen = Scenes.empty()
    (seen.host, seen.repository, seen.branch, seen.version) = (text, text, text, text)
    (seen.statusError, seen.reached, seen.unreachable, seen.repairPaused) = (text, text, text, [text])
    let service = ServiceReport(name: text, action: .create, reason: text, state: text, health: text)
    seen.status = Status(
      commit: text,
      stacks: [
        Status.Stack(
          name: text, outcome: text, commit: text, message: text, committed: text, pin: text, pinnedSince: text,
          behind: 1, held: text, heldSince: text, project: text, health: text, error: text, drift: [text],
          services: [service])
      ], fence: false, error: text)
    seen.reports = [report(text)]
    for stage in [Run.Stage.running, .ended] {
      var run = Run(id: text, trigger: .webhook, requested: text)
      (run.stage, run.started, run.ended, run.commit, run.error) = (stage, text, text, text, text)
      seen.runs.append(run)
    }
    return seen
  }

  static func report(_ text: String) -> Report {
    var report = Report(
      id: text, trigger: text, dryRun: false, host: text, repository: text, branch: text, started: text)
    (report.outcome, report.commit, report.error, report.fence) = (.failed, text, text, false)
    var stack = StackReport(name: text, outcome: .failed)
    (stack.from, stack.to, stack.project, stack.error) = (text, text + "2", text, text)
    (stack.reasons, stack.logTail) = ([text + "3"], [text])
    stack.services = [ServiceReport(name: text, action: .create, reason: text, state: text, health: text)]
    report.stacks = [stack, StackReport(name: text, outcome: .unchanged)]
    report.links = [
      LinkReport(live: text, target: text, action: .replace, backup: text),
      LinkReport(live: text, target: text, action: .keep),
    ]
    report.diagnostics = [
      Diagnostic(rule: text, file: text, line: 1, stack: text, service: text, message: text, help: text)
    ]
    return report
  }

  static func pages(_ text: String) -> [String] {
    let line = text.replacing("\n", with: " ")
    let body = ["-", "+", " "].flatMap { sign in Shown.split(text).map { sign + $0 } }.joined(separator: "\n")
    let diff = "diff --git a/\(line) b/\(line)\n@@ -1 +1 @@ \(line)\n\(body)\n"
    var unread = seen(text)
    unread.status = nil
    return (PageTests.pages(seen(text), report: report(text), diff: diff) + [Page.overview(unread)]).map(PageTests.text)
  }

  /// The tags of a page with the names of their attributes.
  static func tags(_ page: String) -> [String] {
    page.replacing(/(?s)<(style|script)>.*?<\/\1>/, with: "").replacing(/"[^"]*"/, with: "")
      .matches(of: /<[^>]*>/).map { String($0.output) }
  }

  static let hostile = [
    "<script>alert(1)</script>", "</title><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)", "\" onfocus=\"alert(1)\" autofocus=\"", "</main></code></pre><h1>all is well</h1>",
    "<!-- ", "]]><svg/onload=alert(1)>", "javascript:alert(1)", "&lt;b&gt;&#60;",
    "a\u{0}b\u{8}<b>\u{1b}[31m<i>\u{1b}[0m",
    "\u{202e}evil\u{2066}", "\u{7f}\u{85}<u>", String(decoding: [0xef, 0xbf, 0xbf, 0x3c], as: UTF8.self),
    "{{7*7}}${7*7}", "+<b>", "../../etc/passwd?x=<y>#z",
  ]

  @Test(arguments: hostile) func `a page has the same tags whatever its texts say`(_ text: String) {
    for (page, harmless) in zip(Self.pages(text), Self.pages("harmless")) {
      #expect(Self.tags(page) == Self.tags(harmless))
      #expect(page.ranges(of: "<script>").count == 1)
      let odd = page.unicodeScalars.filter { $0.value < 0x20 && $0.value != 10 || (0x7f...0x9f).contains($0.value) }
      #expect(odd.isEmpty)
      #expect(!page.contains("\u{202e}") && !page.unicodeScalars.contains { $0.value == 0xffff })
    }
  }

  @Test func `what is shown can be read back`() {
    #expect(PageTests.text(("\("a<b>&\"'\r\n\tü" )" as HTML).bytes) == "a&lt;b&gt;&amp;&quot;&#39;\n\tü")
    #expect(PageTests.text(("\("\u{202e}x\u{1b}[1;31mred")" as HTML).bytes) == "⟨U+202E⟩xred")
    #expect(PageTests.text(("\(String(repeating: "x", count: 5000))" as HTML).bytes).count == Shown.longest + 1)
  }

  @Test func `an id becomes part of an address, and different names different anchors`() {
    #expect(Shown.segment("a/../b?c#d e%") == "a%2F..%2Fb%3Fc%23d%20e%25")
    #expect(Shown.anchor("runner/compose") == "runner/compose")
    #expect(Set(["a b", "a_20b", "a\tb", "ä", "a"].map(Shown.anchor)).count == 5)
  }

  static let secrets = [
    "POSTGRES_PASSWORD=marked-4f8a1c", "api_token: \"marked-4f8a1c\"", "https://psy:marked-4f8a1c@github.com/x.git",
    "Bearer ghp_marked4f8a1c0123456789ABCDEFGHIJKLMNOPQ", "first line\nDB_PASSWORD: marked-4f8a1c\nlast line",
    "\u{1b}[31mDB_PASSWORD\u{1b}[0m=marked-4f8a1c", "clientSecret=marked-4f8a1c",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nmarked4f8a1c\n-----END OPENSSH PRIVATE KEY-----",
    "marked4f8a1cAAAAB3NzaC1yc2EAAAADAQABAAABgQC7vbqajDwn0c9ojyW4P0kV",
  ]

  @Test(arguments: secrets) func `no page shows a secret, wherever it was written`(_ secret: String) {
    for page in Self.pages(secret) {
      #expect(!page.contains("4f8a1c"))
      #expect(page.contains(Shown.hidden))
    }
  }

  @Test func `a private key is hidden to its end, in a log and in a diff`() {
    let key = ["-----BEGIN EC PRIVATE KEY-----", "marked", "-----END EC PRIVATE KEY-----", "after"]
    let hidden = Shown.hidden
    #expect(Shown.lines(key) == [hidden, hidden, hidden, "after"])
    #expect(Shown.lines(Array(key[1...])) == [hidden, hidden, "after"])
    #expect(
      Shown.lines(["x", "@@ -9 +9 @@"] + key[1...], signed: true) == [
        "x", "@@ -9 +9 @@", "m" + hidden, "-" + hidden, "after",
      ])
    #expect(Shown.lines(key.map { "+" + $0 }, signed: true) == ["+" + hidden, "+" + hidden, "+" + hidden, "+after"])
  }

  static func digest(_ bytes: [UInt8]) throws -> String {
    let program = Process()
    program.executableURL = URL(filePath: "/usr/bin/env")
    program.arguments = ["sha256sum"]
    let (input, output) = (Pipe(), Pipe())
    (program.standardInput, program.standardOutput) = (input, output)
    try program.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    let hexadecimal = Array(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).prefix(64))
    program.waitUntilExit()
    let digest = stride(from: 0, to: hexadecimal.count - 1, by: 2).compactMap {
      UInt8(String(hexadecimal[$0...($0 + 1)]), radix: 16)
    }
    return "sha256-" + Data(digest).base64EncodedString()
  }

  @Test func `the policy allows this style sheet and this script and no other`() throws {
    #expect(Page.styleDigest == (try Self.digest(Page.style.bytes)))
    #expect(Page.scriptDigest == (try Self.digest(Page.script.bytes)))
    let policy = try #require(Page.headers["Content-Security-Policy"])
    #expect(policy.contains("default-src 'none'") && policy.contains(Page.styleDigest))
    #expect(policy.contains("script-src '\(Page.scriptDigest)';") && !policy.contains("unsafe"))
    #expect(Page.headers["X-Content-Type-Options"] == "nosniff" && Page.headers["X-Frame-Options"] == "DENY")
    #expect(Page.headers["Referrer-Policy"] == "no-referrer" && Page.headers["Cache-Control"] == "no-store")
  }

  @Test func `a page asks nothing of any other place, and has no style or script beside the two`() {
    for page in Self.pages("harmless") {
      #expect(page.contains("<style>\(PageTests.text(Page.style.bytes))</style>"))
      #expect(page.contains("<script>\(PageTests.text(Page.script.bytes))</script>"))
      let outside = page.matches(of: /\ (src|href|action|srcset)="([^"]*)"/).map { String($0.2) }
      #expect(outside.allSatisfy { $0.hasPrefix("/") || $0.hasPrefix("#") || $0.hasPrefix("data:") })
      #expect(!page.contains(/<[^>]*\ (style|on[a-z]+)=/))
    }
  }
}
