import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("I1: a sync leaves runtime state untouched", .disabled(if: Host.skips)) struct UntouchedState {
    static let calls = [
      "open", "openat", "openat2", "creat", "rename", "renameat", "renameat2", "symlink", "symlinkat", "link", "linkat",
      "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "truncate", "ftruncate", "fallocate",
      "write",
      "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "chmod", "fchmod", "fchmodat",
      "chown",
      "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr",
      "removexattr", "lremovexattr", "fremovexattr", "mount", "umount2",
    ]

    static let quick = "healthcheck: {test: [CMD, 'true'], interval: 50ms}"

    /// Runs a sync under strace(1) and gives every path that it or a program it started has changed.
    static func changed(by host: Host) async throws -> Set<String> {
      let program = try #require(Host.binary)
      let strace = try #require(
        find("strace", in: host.environment["PATH"] ?? ""), "`deploy/prepare engine` installs it")
      let traces = host.root + "/traces"
      try FileManager.default.createDirectory(atPath: traces, withIntermediateDirectories: true)
      var variables = host.environment
      variables["CLUP_CONFIG"] = host.root + "/clup.yaml"
      let outcome = try await run(
        Command(
          strace,
          [
            "-ff", "-y", "-qq", "-s", "4096", "-o", traces + "/of", "-e", "signal=none", "-e",
            "trace=" + calls.map { "?" + $0 }.joined(separator: ","), program, "sync",
          ], environment: variables, directory: host.root, deadline: .seconds(120)))
      #expect(outcome.succeeded, "\(outcome.outputText)\(outcome.errorText)")
      var paths: Set<String> = []
      let names = try FileManager.default.contentsOfDirectory(atPath: traces)
      #expect(names.count > 3, "clup has threads and children")
      for name in names {
        paths.formUnion(Trace(try String(contentsOfFile: traces + "/" + name, encoding: .utf8), in: host.root).changed)
      }
      try FileManager.default.removeItem(atPath: traces)
      return paths
    }

    /// One thread's system calls, as strace(1) writes them down.
    struct Trace {
      private(set) var changed: Set<String> = []
      /// What each descriptor was opened as.
      private var opened: [String: String] = [:]

      init(_ text: String, in directory: String) {
        for line in text.split(separator: "\n") { read(line, directory) }
      }

      private mutating func read(_ line: Substring, _ directory: String) {
        guard let match = line.wholeMatch(of: /(\w+)\((.*)\)\s+= (-?\w+)(?:<(.*)>)?.*/) else { return }
        let (name, arguments, result) = (match.1, match.2, String(match.3))
        if result.hasPrefix("-") || result == "?" { return }
        if let path = match.4, name.hasPrefix("open") { opened[result] = String(path) }
        let opens = name.hasPrefix("open")
        if opens, arguments.firstMatch(of: /O_CREAT|O_TRUNC|O_TMPFILE/) == nil { return }
        if opens || name == "creat" {
          if let path = match.4 { add(String(path)) }
          return
        }
        // Paths stand in quotes, after the descriptor of the directory that they begin in.
        var found = false
        for part in arguments.matches(of: /(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"/) where !takesData(name) {
          let base = part.1.map(String.init) ?? directory
          // The text of a symbolic link is no path that is changed.
          if name.hasPrefix("symlink"), part.range.lowerBound == arguments.startIndex { continue }
          if name.hasPrefix("link"), !found, name == "link" || arguments.matches(of: /"/).count > 2 {
            found = true
            continue
          }
          found = true
          add(led(String(part.2).hasPrefix("/") ? String(part.2) : base + "/" + part.2))
        }
        if !found, let part = arguments.firstMatch(of: /^\d+<([^>]*)>/) { add(String(part.1)) }
      }

      private func takesData(_ name: Substring) -> Bool { name.contains("write") || name == "fsetxattr" }

      /// Follows `/proc/self/fd/N/name` to the directory that was opened.
      private func led(_ path: String) -> String {
        guard let match = path.wholeMatch(of: /\/proc\/self\/fd\/(\d+)\/(.*)/), let base = opened[String(match.1)]
        else {
          return path
        }
        return base + "/" + match.2
      }

      private mutating func add(_ path: String) {
        let isFile = path.hasPrefix("/")
        // What is read of and told to the kernel is no file of the host.
        if !isFile || path == "/dev/null" || path.hasPrefix("/proc/") && !path.hasPrefix("/proc/self/fd/") { return }
        changed.insert(Path.normalized(path))
      }
    }

    @Test func `an ordinary deploy of a changed stack writes inside the checkout and nowhere else`() async throws {
      let files = { (generation: Int) in
        [
          "a/compose.yaml": sleeper(
            "web", Self.quick, "environment: {G: '\(generation)', KEY: '${KEY}'}",
            "volumes: ['./conf:/conf:ro', './data:/data']"),
          "a/conf": "\(generation)\n",
        ]
      }
      try await Host.with(files(1), live: ["a/.env": "KEY=k\n", "a/data/x": "x\n", "a/compose.yaml": "by: hand\n"]) {
        host in
        // The first deploy may also make the live paths of its plan, with what a rename needs beside them, and their backups.
        let first = try await Self.changed(by: host)
        let outside = first.filter { Path.relative($0, to: host.checkout) == nil }
        for path in outside {
          let name = Path.relative(path, to: host.live) ?? path
          #expect(name.wholeMatch(of: /a\/\.?(compose\.yaml|conf)(\.bak\.[0-9-]+|\.clup-\w+)?/) != nil, "\(path)")
        }
        #expect(!outside.isEmpty, "the trace sees what is linked")

        try await host.push(files(2).mapValues { $0 })
        let second = try await Self.changed(by: host)
        print("written by an ordinary deploy of a changed stack:")
        for path in second.sorted() { print("  \(Path.relative(path, to: host.live) ?? path)") }
        #expect(second.filter { Path.relative($0, to: host.checkout) == nil } == [])
        #expect(second.contains(host.checkout + "/state.json"), "the trace sees what is renamed")
      }
    }

    @Test func `what containers write meanwhile only grows, and all other state is as it was`() async throws {
      let writer = { (label: String) in
        """
        services:
          gateway:
            image: busybox:test
            command: [sh, -c, 'while :; do echo tick >>/config/log; usleep 20000; done']
            stop_signal: SIGKILL
            healthcheck: {test: [CMD, 'true'], interval: 50ms}
            labels: {generation: '\(label)'}
            volumes: ['./config:/config', './workspace:/workspace']

        """
      }
      let state = ["gw-x/config", "gw-x/workspace", "runner/jobs", "a/data", "gw-x/.env"]
      try await Host.with(
        [
          "gw-x/compose.yaml": writer("1"), "a/compose.yaml": sleeper("web", Self.quick),
          "c/compose.yaml": sleeper("web", Self.quick),
        ],
        live: [
          "gw-x/config/log": "begin\n", "gw-x/config/openclaw.json": "{}\n", "gw-x/config/deep/er": "x\n",
          "gw-x/workspace/notes": "notes\n", "runner/jobs/1.json": "{}\n", "a/data/x": "x\n", "gw-x/.env": "K=v\n",
        ], settings: "sync: {prune: remove}\n"
      ) { host in
        chown(host.live + "/gw-x/config/openclaw.json", 1000, 1000)
        chmod(host.live + "/gw-x/workspace", 0o1770)
        let log = "gw-x/config/log"
        func look() -> (Picture, Data) {
          let picture = Picture(host.live, without: "clup")
          return (picture, picture.entries[log]?.content ?? Data())
        }
        let (start, begin) = look()
        var written = begin
        var grown = 0
        func hold(_ step: String) {
          let (now, content) = look()
          for path in state {
            var (before, after) = (start.below(path), now.below(path))
            if path == "gw-x/config" {
              #expect(content.starts(with: written), "\(step): the log was cut")
              if content.count > written.count { grown += 1 }
              written = content
              for side in [before[log], after[log]] { #expect(side?.inode == start.entries[log]?.inode, "\(step)") }
              #expect(before[log]?.mode == after[log]?.mode && before[log]?.owner == after[log]?.owner, "\(step)")
              before[log] = nil
              after[log] = nil
            }
            #expect(before == after, "\(step): \(path)")
          }
        }
        _ = try await host.sync()
        hold("first sync")
        try await host.push([
          "gw-x/compose.yaml": writer("2"), "a/compose.yaml": sleeper("web", Self.quick, "labels: {g: '2'}"),
        ])
        _ = try await host.sync()
        hold("change")
        #expect(try await host.clup("rollback", "--all").status == 0)
        hold("rollback")
        #expect(try await host.clup("resume").status == 0)
        hold("resume")
        try await host.push(["c/compose.yaml": nil])
        #expect(try await host.sync().stacks.contains { $0.name == "c" && $0.outcome == .removed })
        hold("removal of another stack")
        try await host.push(["gw-x/compose.yaml": nil])
        #expect(try await host.sync().stacks.contains { $0.name == "gw-x" && $0.outcome == .removed })
        hold("removal of the writer")
        #expect(try await host.containers().keys.sorted() == ["a/web"])
        #expect(grown >= 5, "the writer wrote between the steps")
      }
    }
  }
}
