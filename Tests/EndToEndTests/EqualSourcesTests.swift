import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  /// What clup does not ask Compose about, because nothing that it knows of has changed, Compose would not say otherwise.
  /// `CLUP_EDITS` sets how many random edits are tried, `CLUP_SEED` which.
  @Suite("I5: equal sources mean an equal model", .disabled(if: Host.skips)) struct EqualSources {
    /// Numbers that a seed decides.
    struct Dice: RandomNumberGenerator {
      var state: UInt64

      mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
      }
    }

    /// A stack that uses whatever lets Compose read a file; no service has a container, so that a sync is quick.
    static let compose = """
      include: [{path: inc/part.yaml}, {path: ../common/part.yaml, project_directory: ../common, env_file: [../common/part.env]}]
      services:
        one:
          extends: {file: base.yaml, service: base}
          scale: 0
          env_file: [app.env, {path: more.env, required: false}]
          label_file: [labels.conf]
          environment: {A: '${A:-none}', B: '${B-none}'}
          configs: [{source: app, target: /app}]
        two:
          image: busybox:test
          network_mode: none
          scale: 0
          secrets: [key]
          volumes: ['./mounted:/m:ro', '${DATA:-./data}:/d']
      configs: {app: {file: app.conf}}
      secrets: {key: {file: key.txt}}

      """
    static let one = "services: {SERVICE: {image: 'busybox:test', network_mode: none, scale: 0, LINE}}\n"

    static func part(_ service: String, _ line: String) -> String {
      one.replacing("SERVICE", with: service).replacing("LINE", with: line)
    }

    /// What may stand at each path of the repository; nothing is a file that is not there.
    static let tracked: [(path: String, texts: [String?])] = [
      ("a/compose.yaml", [compose, compose + "# a remark\n", compose.replacing("none}'", with: "x}'")]),
      ("a/compose.override.yaml", [nil, part("one", "user: '1'"), part("one", "user: '${A:-2}'")]),
      ("a/docker-compose.override.yml", [nil, part("two", "user: '3'")]),
      ("a/base.yaml", [part("base", "labels: {b: '1'}"), part("base", "labels: {b: '${B:-2}'}")]),
      ("a/inc/part.yaml", [part("three", "user: '${C:-1}'"), part("three", "user: '4'")]),
      ("a/inc/.env.example", [nil, "C=9\n"]),
      ("a/app.env", ["X=1\n", "X=2\n", "X=1\n# more\n", "X=${A:-3}\n"]),
      ("a/more.env", [nil, "Y=1\n", "X=5\n"]),
      ("a/labels.conf", ["l=1\n", "l=2\n", "l=${A:-4}\n"]),
      ("a/app.conf", ["one\n", "two\n"]),
      ("a/mounted/file", ["one\n", "two\n"]),
      ("a/README.md", [nil, "hello\n", "hello again\n"]),
      ("common/part.yaml", [part("four", "user: '${D:-1}'"), part("four", "user: '7'")]),
      ("common/part.env", ["D=1\n", "D=2\n", "E=1\n"]),
      ("other/notes.txt", [nil, "1\n", "2\n"]),
    ]

    /// What may stand at each path of the host's own.
    static let own: [(path: String, texts: [String?])] = [
      ("a/.env", [nil, "A=1\n", "A=2\n", "B=\n", "DATA=/srv/none\n", "A=1\nUNUSED=1\n"]),
      ("a/inc/.env", [nil, "C=1\n", "C=2\n"]),
      ("a/key.txt", ["k1\n", "k2\n"]),
      ("a/data/state", [nil, "1\n", "2\n"]),
    ]

    /// Gives Compose's own answer for the files as they are, seen from a directory of its own.
    private static func model(_ host: Host, _ files: [String: String], _ own: [String: String]) async throws -> String?
    {
      let place = host.root + "/truth"
      try? FileManager.default.removeItem(atPath: place)
      for (path, text) in files.merging(own, uniquingKeysWith: { $1 }) { try host.write(path, text, in: place) }
      let outcome = try await run(
        Command(
          try #require(Host.plugin), ["config", "--format", "json"], environment: host.environment,
          directory: place + "/a", deadline: .seconds(60)))
      return outcome.succeeded ? outcome.outputText : nil
    }

    @Test func `what is not asked about has not changed`() async throws {
      let variables = ProcessInfo.processInfo.environment
      let edits = variables["CLUP_EDITS"].flatMap(Int.init) ?? 25
      var dice = Dice(state: variables["CLUP_SEED"].flatMap(UInt64.init) ?? 1)
      var files = Self.tracked.reduce(into: [String: String]()) { $0[$1.path] = $1.texts[0] }
      var own = Self.own.reduce(into: [String: String]()) { $0[$1.path] = $1.texts[0] }
      let settings = "policy: {severity: {missing-bind: off, no-limits: off}, bind_roots: [/srv/none]}\n"
      try await Host.with(files, live: own, settings: settings) { host in
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        var deployed = try await Self.model(host, files, own)
        var counts: [String: Int] = [:]
        for edit in 0..<edits {
          var said = ""
          if Bool.random(using: &dice), let file = Self.own.randomElement(using: &dice) {
            own[file.path] = file.texts.randomElement(using: &dice) ?? nil
            try await host.shell("rm -f live/\(file.path)")
            if let text = own[file.path] { try host.write(file.path, text, in: host.live) }
            said = "the host's \(file.path)"
          } else if let file = Self.tracked.randomElement(using: &dice) {
            let text = file.texts.randomElement(using: &dice) ?? nil
            if text == nil, files[file.path] == nil { continue }
            files[file.path] = text
            try await host.push([file.path: text])
            said = file.path
          }
          let answer = try await host.clup("sync", "--output", "json")
          let report = try answer.report()
          let outcome = report.stacks.first?.outcome ?? .refused
          let model = try await Self.model(host, files, own)
          counts["\(outcome.rawValue), \(model == deployed ? "equal" : "changed")", default: 0] += 1
          switch outcome {
          case .unchanged: #expect(model == deployed, "edit \(edit), \(said): unchanged, and Compose says otherwise")
          case .deployed: deployed = model
          default: continue
          }
        }
        print(
          "equal sources:", counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; "))
        #expect(counts["unchanged, equal"] ?? 0 > 0 && counts["deployed, changed"] ?? 0 > 0, "\(counts)")
      }
    }
  }
}
