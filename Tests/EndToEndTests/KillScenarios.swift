import Foundation
import Testing

/// What clup is killed at.
extension EndToEnd.Kills {
  static func quick(_ lines: String..., named name: String = "web") -> String {
    service(name, ["network_mode: none", "healthcheck: {test: [CMD, 'true'], interval: 50ms}"] + lines)
  }

  static let bystander = "services:\n" + quick("labels: {by: stander}")
  static let mounted = "services:\n" + quick("volumes: ['./conf:/conf:ro']", "env_file: [web.env]")
  static let plain = [
    "a/compose.yaml": mounted, "a/conf": "one\n", "a/web.env": "G=1\n", "b/compose.yaml": bystander,
  ]

  static let scenarios = [
    Crash(
      testDescription: "first deploy", files: plain, live: ["a/compose.yaml": "by hand: 1\n", "a/conf": "by hand\n"],
      handmade: ["a/compose.yaml", "a/conf"], stacks: ["a", "b"]),
    Crash(
      testDescription: "change", files: plain,
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": "# changed\n" + mounted, "a/conf": "two\n", "a/web.env": "G=2\n"])
        try await host.git("tag", "v2")
        try await host.git("push", "-q", host.root + "/repo.git", "v2")
      }),
    Crash(
      testDescription: "link adoption", files: plain,
      handmade: ["a/new.conf", "a/led"],
      prepare: { host in
        _ = try await host.sync()
        try host.write("a/new.conf", "by hand\n", in: host.live)
        try host.write("elsewhere/file", "by hand as well\n", in: host.live)
        try FileManager.default.createSymbolicLink(
          atPath: host.live + "/a/led", withDestinationPath: "../elsewhere/file")
        // What Docker makes at a path that a container was to mount before there was a file.
        try FileManager.default.createDirectory(
          atPath: host.live + "/a/empty", withIntermediateDirectories: false)
        try await host.push([
          "a/compose.yaml": "services:\n"
            + quick(
              "volumes: ['./conf:/conf:ro', './new.conf:/new.conf:ro', './led:/led:ro', './empty:/empty:ro']",
              "env_file: [web.env]"),
          "a/new.conf": "tracked\n", "a/led": "tracked too\n", "a/empty": "no longer\n",
        ])
      }),
    Crash(
      testDescription: "copies",
      files: [
        "a/compose.yaml": "services:\n" + quick("volumes: ['./site:/site']"), "a/site/index.html": "one\n",
        "a/site/sub/page.html": "p\n", "etc/x": "one\n", "b/compose.yaml": bystander,
      ], live: ["a/site/upload.bin": "the container's own"],
      settings: "links: [{from: etc, to: etc, mode: copy}]\n", handmade: ["etc/y", "a/site/late.html"],
      prepare: { host in
        _ = try await host.sync()
        try host.write("etc/y", "by hand\n", in: host.live)
        try host.write("a/site/late.html", "by hand\n", in: host.live)
        try await host.push([
          "a/site/index.html": "two\n", "a/site/sub/page.html": nil, "a/site/late.html": "tracked\n",
          "etc/x": "two\n",
          "etc/y": "tracked\n",
        ])
      }),
    Crash(
      testDescription: "a directory becomes writable",
      files: [
        "a/compose.yaml": "services:\n" + quick("volumes: ['./conf:/conf:ro']"), "a/conf/x": "one\n",
        "a/conf/sub/y": "one\n", "a/conf/gone": "one\n", "b/compose.yaml": bystander,
      ],
      prepare: { host in
        _ = try await host.sync()
        try host.write("a/conf/own", "through the link\n", in: host.live)
        try host.write("a/conf/x", "edited through the link\n", in: host.live)
        try await host.push([
          "a/compose.yaml": "services:\n" + quick("volumes: ['./conf:/conf']"), "a/conf/x": "two\n",
          "a/conf/gone": nil, "a/conf/new": "two\n",
        ])
      }),
    Crash(
      testDescription: "rollback", files: plain, arguments: ["rollback", "--all"],
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": "# changed\n" + mounted, "a/conf": "two\n", "a/web.env": "G=2\n"])
        _ = try await host.sync()
      }),
    Crash(
      testDescription: "services that come and go",
      files: [
        "a/compose.yaml": "services:\n" + quick() + quick("volumes: [/kept]", named: "old"),
        "b/compose.yaml": bystander,
      ],
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": "services:\n" + quick() + quick(named: "new")])
      }),
    Crash(
      testDescription: "return", files: plain,
      meanwhile: ["a/conf": "bad\n", "a/compose.yaml": bad, "a/more.conf": "more\n", "a/web.env": nil], status: 1,
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": bad, "a/conf": "bad\n", "a/more.conf": "more\n"])
      }),
    Crash(
      testDescription: "return of a mounted file",
      files: ["a/compose.yaml": watched, "a/conf": "good\n", "b/compose.yaml": bystander],
      meanwhile: ["a/conf": "bad\n"], status: 1,
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/conf": "bad\n"])
      }),
    Crash(
      testDescription: "return of a shared file",
      files: [
        "a/compose.yaml": sharing(quick: false), "b/compose.yaml": sharing(quick: true), "common/conf": "good\n",
      ],
      meanwhile: ["common/conf": "bad\n"], stacks: ["a", "b"], status: 1,
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["common/conf": "bad\n"])
      }),
    Crash(
      testDescription: "return of a stack that moved",
      files: ["a/compose.yaml": watched, "a/conf": "good\n", "b/compose.yaml": bystander],
      meanwhile: ["n/a/compose.yaml": watched, "n/a/conf": "bad\n"], status: 1,
      prepare: { host in
        _ = try await host.sync()
        try await host.push([
          "a/compose.yaml": nil, "a/conf": nil, "n/a/compose.yaml": watched, "n/a/conf": "bad\n",
        ])
      }),
    Crash(
      testDescription: "return to what a person ran",
      files: ["a/compose.yaml": bad, "a/conf": "bad\n", "a/more.conf": "more\n", "b/compose.yaml": bystander],
      live: ["a/compose.yaml": "services:\n" + quick("labels: {by: hand}"), "a/conf": "by hand\n"],
      handmade: ["a/compose.yaml", "a/conf"],
      meanwhile: ["a/conf": "bad\n", "a/compose.yaml": bad, "a/more.conf": "more\n"], status: 1, byHand: true,
      prepare: { host in
        _ = try await host.sync("--stack", "b")
        _ = try await host.compose("a", "up", "-d")
      }),
    Crash(
      testDescription: "removal", files: plain, settings: "sync: {prune: remove}\n",
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": nil, "a/conf": nil, "a/web.env": nil])
      }),
    Crash(
      testDescription: "move", files: ["a/compose.yaml": watched, "a/conf": "good\n", "b/compose.yaml": bystander],
      prepare: { host in
        _ = try await host.sync()
        try await host.push([
          "a/compose.yaml": nil, "a/conf": nil, "n/a/compose.yaml": watched, "n/a/conf": "good as well\n",
        ])
      }),
    Crash(
      testDescription: "handover",
      files: [
        "a/compose.yaml": "services:\n" + quick("container_name: given"), "b/compose.yaml": "services:\n" + quick(),
      ], stacks: ["a", "b"],
      prepare: { host in
        _ = try await host.sync()
        try await host.push([
          "a/compose.yaml": "services:\n" + quick(), "b/compose.yaml": "services:\n" + quick("container_name: given"),
        ])
      }),
    Crash(
      testDescription: "a directory with a new name",
      files: ["a/compose.yaml": "services:\n" + quick("container_name: given"), "b/compose.yaml": bystander],
      stacks: ["a", "n"],
      prepare: { host in try await rename(host, to: "services:\n" + quick("container_name: given")) }),
    Crash(
      testDescription: "return of a directory with a new name",
      files: ["a/compose.yaml": "services:\n" + quick("container_name: given"), "b/compose.yaml": bystander],
      meanwhile: ["n/compose.yaml": failing], stacks: ["a", "n"], status: 1,
      prepare: { host in try await rename(host, to: failing) }),
    Crash(
      testDescription: "resume", files: plain, arguments: ["resume"],
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": "# changed\n" + mounted, "a/conf": "two\n", "a/web.env": "G=2\n"])
        _ = try await host.sync()
        _ = try await host.clup(["rollback", "--stack", "a"])
      }),
    Crash(
      testDescription: "left as it failed", files: plain, settings: "sync: {on_failure: stay}\n", status: 1,
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": bad, "a/conf": "bad\n", "a/more.conf": "more\n"])
      }),
    Crash(
      testDescription: "second commit after a takeover", files: plain,
      live: ["a/compose.yaml": "services:\n" + quick("labels: {by: hand}"), "a/conf": "by hand\n"],
      prepare: { host in
        _ = try await host.sync("--stack", "b")
        _ = try await host.compose("a", "up", "-d")
        _ = try await host.sync()
        try await host.push(["a/compose.yaml": "# changed\n" + mounted, "a/conf": "two\n"])
      }),
    Crash(
      testDescription: "path that becomes shared",
      files: ["a/compose.yaml": sharing(quick: false), "b/compose.yaml": bystander, "common/conf": "good\n"],
      stacks: ["a", "b"],
      prepare: { host in
        _ = try await host.sync()
        try await host.push(["b/compose.yaml": sharing(quick: true), "common/conf": "good as well\n"])
      }),
    Crash(
      testDescription: "release sweep", files: plain, settings: "sync: {keep_releases: 1}\n",
      prepare: { host in
        _ = try await host.sync()
        for generation in 1...3 {
          try await host.push(["a/conf": "generation \(generation)\n"])
          if generation < 3 { _ = try await host.sync() }
        }
      }),
  ]

  private static func rename(_ host: Host, to file: String) async throws {
    _ = try await host.sync()
    try await host.push(["a/compose.yaml": nil, "n/compose.yaml": file])
  }

  private static let failing =
    "services:\n"
    + service(
      "web",
      [
        "network_mode: none", "container_name: given",
        "healthcheck: {test: [CMD, 'false'], interval: 50ms, retries: 1}",
      ])

  static let bad =
    "services:\n"
    + service(
      "web",
      [
        "network_mode: none", "volumes: ['./conf:/conf:ro', './more.conf:/more:ro']",
        "healthcheck: {test: [CMD, 'false'], interval: 50ms, retries: 1}",
      ])

  /// Healthy for as long as the file that is mounted says so.
  static let watched =
    "services:\n"
    + service(
      "web",
      [
        "network_mode: none", "volumes: ['./conf:/conf:ro']",
        "healthcheck: {test: [CMD, grep, good, /conf], interval: 50ms, retries: 1}",
      ])

  /// The same of a file that two stacks mount; the quick one is healthy whatever it says.
  static func sharing(quick: Bool) -> String {
    watched.replacing("./conf", with: "../common/conf").replacing("grep, good", with: quick ? "ls, -l" : "grep, good")
  }
}
