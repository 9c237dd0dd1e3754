import Core
import Foundation
import Testing

extension EndToEnd {
  /// `notify:` tells what a sync did, once, and changes nothing of it.
  @Suite("Hooks are told what a sync did", .disabled(if: Host.skips)) struct Notifications {
    private static let settings =
      "notify: [{run: hooks/tell, on: [deployed, failed, rolled_back, refused, recovered], timeout: 20s}]\n"

    /// Makes a program beside the configuration.
    private func hook(_ host: Host, _ name: String, _ line: String, mode: Int = 0o755) throws {
      try host.write("hooks/\(name)", "#!/bin/sh\n\(line)\n", in: host.root)
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(host.root)/hooks/\(name)")
    }

    @Test func `each report is told once, with its events, as --output json prints it`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()], settings: Self.settings) { host in
        try hook(host, "tell", "echo \"$CLUP_EVENTS\" >>\(host.checkout)/heard; cat >\(host.checkout)/report")
        func heard() -> [String] {
          let text = FileManager.default.contents(atPath: host.checkout + "/heard") ?? Data()
          return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        }
        let first = try await host.sync()
        #expect(heard() == ["deployed"])
        let told = try Data(contentsOf: URL(filePath: host.checkout + "/report"))
        #expect(try JSONDecoder().decode(Report.self, from: told) == first)
        let steps: [([String: String], Int32, [String])] = [
          (
            ["a/compose.yaml": sleeper().replacing("sleep 100000", with: "'false'") + "    restart: always\n"], 1,
            ["failed rolled_back"]
          ),
          ([:], 1, []),
          (["a/compose.yaml": sleeper("web", "privileged: true")], 3, ["refused"]),
          ([:], 3, []),
          (["a/compose.yaml": sleeper("web", "labels: {v: two}")], 0, ["deployed recovered"]),
        ]
        for (files, status, events) in steps {
          let before = heard()
          if !files.isEmpty { try await host.push(files) }
          _ = try await host.sync(expect: status)
          #expect(Array(heard().dropFirst(before.count)) == events, "\(files)")
        }
      }
    }

    @Test func `I9: a hook that fails, hangs, is missing or belongs to others changes no deploy, and is told`()
      async throws
    {
      let settings =
        "notify:\n"
        + ["fails", "hangs", "open", "missing"].map { "- {run: hooks/\($0), on: [deployed], timeout: 1s}\n" }.joined()
      try await Host.with(["a/compose.yaml": sleeper()], settings: settings) { host in
        try hook(host, "fails", "echo no route >&2; exit 7")
        try hook(host, "hangs", "sleep 60 & sleep 60")
        try hook(host, "open", "true", mode: 0o777)
        let answer = try await host.clup("sync")
        #expect(answer.status == 0)
        for words in [
          "fails exited with status 7: no route", "hangs did not end within 1s", "open can be changed by other users",
          "no program",
        ] {
          #expect(answer.errors.contains(words), "\(answer.errors)")
        }
        #expect(try await host.sync().outcome == .unchanged)
      }
    }
  }
}
