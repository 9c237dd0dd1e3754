import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("I11: what containers write is in no release", .disabled(if: Host.skips)) struct Writable {
    /// What somebody wrote that lies in a release.
    private func written(_ text: String, in host: Host) async throws -> String {
      try await host.shell("grep -rls '\(text)' \(host.checkout)/releases/*/*/conf || true")
    }

    @Test func `a directory that a commit makes writable leaves the release with all that stands in it`() async throws {
      let file = { (mode: String) in
        "services:\n" + service("app", ["volumes: ['./conf:/conf\(mode)']"])
          + service("reader", ["volumes: ['./conf:/conf:ro']"])
      }
      try await Host.with(["s/compose.yaml": file(":ro"), "s/conf/x": "one\n", "s/conf/deep/y": "one\n"]) { host in
        _ = try await host.sync()
        try host.write("s/conf/own", "by a person\n", in: host.live)
        try host.write("s/conf/deep/y", "edited by a person\n", in: host.live)
        try await host.push(["s/compose.yaml": file(""), "s/conf/deep/y": "two\n"])
        let report = try await host.sync()
        let backup = try #require(report.links.first { $0.live == "s/conf/deep/y" }?.backup)
        #expect(try String(contentsOfFile: host.live + "/" + backup, encoding: .utf8) == "edited by a person\n")
        let ids = try await host.containers()
        let (app, reader) = (try #require(ids["s/app"]), try #require(ids["s/reader"]))
        try await host.docker("exec", app, "sh", "-c", "echo kept >/conf/state")
        let seen = try await host.docker("exec", reader, "cat", "/conf/x", "/conf/own", "/conf/deep/y", "/conf/state")
        #expect(seen == "one\nby a person\ntwo\nkept\n", "whoever reads it reads the same directory")
        #expect(try await written("kept", in: host) == "")
        try await host.push(["s/conf/x": "two\n"])
        _ = try await host.sync()
        let next = try #require(try await host.containers()["s/app"])
        #expect(try await host.docker("exec", next, "cat", "/conf/x", "/conf/state") == "two\nkept\n")
        #expect(try await host.sync().outcome == .unchanged)
      }
    }

    @Test func `a commit that makes it writable and fails leaves what the container wrote`() async throws {
      let files = { (mode: String, last: String) in
        sleeper("web", "volumes: ['./conf:/conf\(mode)']").replacing("command: sleep 100000", with: "command: \(last)")
      }
      try await Host.with(["s/compose.yaml": files(":ro", "sleep 100000"), "s/conf/x": "one\n"]) { host in
        _ = try await host.sync()
        try await host.push([
          "s/compose.yaml": files("", "sh -c 'echo kept >/conf/state; exit 3'"), "s/conf/x": "two\n",
        ])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let back = try #require(try await host.containers()["s/web"])
        #expect(try await host.docker("exec", back, "cat", "/conf/x", "/conf/state") == "one\nkept\n")
        #expect(try await written("kept", in: host) == "")
        _ = try await host.sync(expect: 1)
        #expect(try await host.containers()["s/web"] == back, "the record of what was good fits what stands there")
        try await host.push(["s/compose.yaml": files("", "sleep 100000")])
        _ = try await host.sync()
        let next = try #require(try await host.containers()["s/web"])
        #expect(try await host.docker("exec", next, "cat", "/conf/x", "/conf/state") == "two\nkept\n")
      }
    }

    @Test func `a build that fails gives the old container what stands at the live path by then`() async throws {
      let reader = "services:\n" + service("app", ["volumes: ['./conf:/conf:ro']"])
      let built = service("made", ["volumes: ['./conf:/conf']"]).replacing("image: busybox:test", with: "build: ./made")
      try await Host.with(["s/compose.yaml": reader, "s/conf/x": "one\n"]) { host in
        _ = try await host.sync()
        let old = try #require(try await host.containers()["s/app"])
        try await host.push([
          "s/compose.yaml": reader + built, "s/made/Dockerfile": "FROM busybox:test\nRUN false\n",
        ])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        let back = try #require(try await host.containers()["s/app"])
        #expect(back != old)
        try host.write("s/conf/own", "by a person\n", in: host.live)
        #expect(try await host.docker("exec", back, "cat", "/conf/x", "/conf/own") == "one\nby a person\n")
        _ = try await host.sync(expect: 1)
        #expect(try await host.containers()["s/app"] == back)
      }
    }

    @Test func `what a container of an earlier version writes while clup works is not lost`() async throws {
      let file = "services:\n" + service("app", ["volumes: ['./conf:/conf:ro']"])
      let writing = sleeper("app", "volumes: ['./conf:/conf']").replacing(
        "command: sleep 100000", with: "command: sh -c 'while :; do date +%s%N >>/conf/state; sleep 0.02; done'")
      try await Host.with(["s/compose.yaml": file, "s/conf/x": "one\n"]) { host in
        _ = try await host.sync()
        // As an earlier version left it: a container that writes through the link.
        try await host.shell(
          "cd live/s && rm compose.yaml && cat >compose.yaml <<'E'\n\(writing)E\ndocker compose up -d")
        let id = try #require(try await host.containers()["s/app"])
        let known = try #require(FileManager.default.subpaths(atPath: host.checkout + "/deployments")?.first)
        var entry = try JSON(parsing: Array(Data(contentsOf: URL(filePath: "\(host.checkout)/deployments/\(known)"))))
          .object
        (entry["writes"], entry["verified"]) = (nil, .bool(true))
        let old = JSON.object([
          "schema": .string("clup.state/1"), "stacks": .object(["s": .object(entry)]), "links": .object([:]),
        ])
        try Data(old.canonical).write(to: URL(filePath: host.checkout + "/state.json"))
        try await host.push(["s/compose.yaml": writing, "s/conf/x": "two\n"])
        _ = try await host.sync()
        let release = try await host.shell("cat \(host.checkout)/releases/*/s/conf/state")
        let live = try String(contentsOfFile: host.live + "/s/conf/state", encoding: .utf8)
        #expect(id.isEmpty == false && live.hasPrefix(release), "every line that the old container wrote came along")
      }
    }

    @Test func `settings that a container saves stay until a commit changes them, and are kept then`() async throws {
      try await Host.with([
        "s/compose.yaml": sleeper("web", "volumes: ['./settings:/settings']"), "s/settings": "first\n",
      ]) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers()["s/web"])
        try await host.docker("exec", id, "sh", "-c", "echo saved >/settings")
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.docker("exec", id, "cat", "/settings") == "saved\n")
        try await host.push(["s/settings": "second\n"])
        let backup = try #require(try await host.sync().links.compactMap(\.backup).first)
        #expect(backup.hasPrefix("s/settings.bak."))
        #expect(try String(contentsOfFile: host.live + "/" + backup, encoding: .utf8) == "saved\n")
        let next = try #require(try await host.containers()["s/web"])
        #expect(try await host.docker("exec", next, "cat", "/settings") == "second\n")
      }
    }

    @Test func `nobody can write to a release, and everybody can read it, whatever the umask`() async throws {
      let file = { (directory: String) in
        sleeper("web", "user: '1000'", "volumes: ['./\(directory):/conf:ro', './own:/own']")
      }
      try await Host.with([
        "s/compose.yaml": file("conf"), "s/conf/deep/x": "one\n", "s/more/deep/x": "two\n", "s/own/deep/x": "own\n",
      ]) { host in
        let program = try #require(Host.binary)
        let sync = "umask 077; DOCKER_HOST=\(Host.engine ?? "") \(program) sync --config clup.yaml >&2"
        let open = "find \(host.checkout)/releases -mindepth 1 ! -type l -perm /222"
        for (directory, text) in [("conf", "one\nown\n"), ("more", "two\nown\n")] {
          try await host.push(["s/compose.yaml": file(directory)])
          try await host.shell(sync)
          let id = try #require(try await host.containers()["s/web"])
          #expect(try await host.docker("exec", id, "cat", "/conf/deep/x", "/own/deep/x") == text)
          #expect(try await host.shell(open) == "")
        }
      }
    }

    @Test(arguments: [[], [".:/data/compose:ro"], [".:/elsewhere:ro"]])
    func `a container that has the directory above its project is kept from the project by a mount over it`(
      written: [String]
    ) async throws {
      func runner(_ own: [String], _ more: String = "") -> String {
        sleeper("runner", "volumes: ['..:/data'\(own.map { ", '\($0)'" }.joined())]", more)
      }
      let files = ["runner/compose/compose.yaml": runner(written), "runner/tools/x": "one\n"]
      try await Host.with(files) { host in
        try host.write("runner/compose/.env", "A=1\n", in: host.live)
        try await host.shell("mkdir -p live/runner/jobs")
        _ = try await host.sync()
        let id = try #require(try await host.containers()["compose/runner"])
        for attack in [
          "echo B=2 >>/data/compose/.env", "mv /data/compose /data/away", "rm -r /data/compose",
          "touch /data/compose/compose.override.yaml", "umount /data/compose",
        ] {
          #expect(
            try await host.docker("exec", id, "sh", "-c", "(\(attack)) 2>/dev/null; echo $?") != "0\n", "\(attack)")
        }
        #expect(
          try await host.docker("exec", id, "sh", "-c", "touch /data/jobs/1 && cat /data/compose/.env") == "A=1\n")
        #expect(try await host.sync().outcome == .unchanged)
        try await host.push(["runner/compose/compose.yaml": runner(written, "environment: {A: '2'}")])
        #expect(try await host.sync().stacks.first?.services.first?.reason == "environment changed")
        for (number, more) in [[".:/data/compose"], ["../..:/all", ".:/all/x/compose:ro"], ["./x:/data/compose/x"]]
          .enumerated()
        {
          try await host.push(["runner/compose/compose.yaml": runner(more)])
          let refused = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
          #expect(refused.contains { $0.rule == "writable-live-path" }, "\(number): \(refused)")
        }
        // It never wrote to the project's files, so that nothing is in doubt once it no longer has the directory.
        try await host.push(["runner/compose/compose.yaml": sleeper("runner", "volumes: ['./own:/data']")])
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test func `values that a container started by hand may have written are not used before somebody judges them`()
      async throws
    {
      let file = sleeper("runner", "volumes: ['..:/data', '${DIR}:/x:ro']")
      try await Host.with(["runner/compose/compose.yaml": file]) { host in
        try host.write("runner/compose/.env", "DIR=./own\n", in: host.live)
        try await host.shell("mkdir -p live/runner/compose/own")
        _ = try await host.sync()
        // By hand it comes without its cover.
        try await host.shell("cd live/runner/compose && docker compose up -d")
        let open = try #require(try await host.containers()["compose/runner"])
        _ = try await host.docker("exec", open, "sh", "-c", "echo DIR=/ >/data/compose/.env")
        try await host.shell("mv repo.git gone.git")
        let error = try await host.sync(expect: 4).stacks.first?.error ?? ""
        #expect(error.contains("define runner differently from its last good deploy, and were not checked"), "\(error)")
        let mounts = try await host.shell(
          "docker ps -aq | xargs -r docker inspect -f '{{range .Mounts}}{{.Source}} {{end}}'")
        #expect(!mounts.split(whereSeparator: \.isWhitespace).contains("/"))
        try await host.shell("mv gone.git repo.git")
        try host.write("runner/compose/.env", "DIR=./own\n", in: host.live)
        #expect(try await host.sync().outcome == .deployed)
        let covered = try #require(try await host.containers()["compose/runner"])
        #expect(
          try await host.docker("exec", covered, "sh", "-c", "touch /data/compose/1 2>/dev/null; echo $?") == "1\n")
        try await host.shell("mkdir live/runner/compose/other")
        try host.write("runner/compose/.env", "DIR=./other\n", in: host.live)
        try await host.push(["runner/compose/compose.yaml": file.replacing("sleep 100000", with: "'false'")])
        // What was good has not been judged with the values that came with the failure; the next sync does that.
        #expect(try await host.sync(expect: 1).stacks.first?.error?.contains("were not checked") == true)
        #expect(try await host.sync(expect: 1).stacks.first?.outcome == .held)
        let back = try #require(try await host.containers()["compose/runner"])
        #expect(
          try await host.docker("inspect", "-f", "{{.State.Running}} {{range .Mounts}}{{println .Source}}{{end}}", back)
            .contains("/runner/compose/other"))
        #expect(try await host.docker("inspect", "-f", "{{.State.Running}}", back) == "true\n")
        #expect(try await host.sync(expect: 1).stacks.first?.outcome == .held)
        #expect(try await host.containers()["compose/runner"] == back)
      }
    }

    @Test func `a repair gives a secret of a variable again`() async throws {
      let file =
        sleeper("runner", "volumes: ['..:/data']", "secrets: [key]") + "secrets: {key: {environment: KEY}}\n"
      try await Host.with(["runner/compose/compose.yaml": file]) { host in
        try host.write("runner/compose/.env", "KEY=mine\n", in: host.live)
        _ = try await host.sync()
        for _ in 0..<2 {
          let id = try #require(try await host.containers()["compose/runner"])
          #expect(try await host.docker("exec", id, "cat", "/run/secrets/key") == "mine")
          try await host.shell("docker rm -f \(id); mv repo.git gone.git")
          _ = try await host.clup("sync")
          try await host.shell("mv gone.git repo.git")
        }
      }
    }

    @Test func `a job file reaches who mounts the job files alone, and restarts nobody`() async throws {
      func job(_ memory: String) -> String {
        "services:\n  build: {image: 'busybox:test', network_mode: none, mem_limit: \(memory), cpus: 1, pids_limit: 50, command: ['true']}\n"
          + "x-clup: {timeout: 5m}\n"
      }
      let runner = sleeper("runner", "volumes: ['../job-definitions:/jobs:ro']")
      try await Host.with([
        "runner/compose/compose.yaml": runner, "runner/job-definitions/build.yaml": job("64m"),
      ]) { host in
        _ = try await host.sync()
        let id = try #require(try await host.containers()["compose/runner"])
        #expect(try await host.docker("exec", id, "cat", "/jobs/build.yaml") == job("64m"))
        try await host.push([
          "runner/job-definitions/build.yaml": job("128m"), "runner/job-definitions/two.yaml": job("32m"),
        ])
        _ = try await host.sync()
        #expect(try await host.containers()["compose/runner"] == id)
        #expect(
          try await host.docker("exec", id, "cat", "/jobs/build.yaml", "/jobs/two.yaml") == job("128m") + job("32m"))
      }
    }

    @Test
    func `a container that a person lets write to its project keeps that, and one that goes without a waiver does not`()
      async throws
    {
      let file = sleeper("runner", "volumes: ['..:/data']")
      try await Host.with(["runner/compose/compose.yaml": file]) { host in
        let waiver = """
          policy:
            shared: [{path: runner, stacks: [runner/compose]}]
            waivers:
              - {rule: writable-live-path, stack: runner/compose, reason: it edits its own files, expires: 2099-01-01}

          """
        try host.configure(host.root + "/repo.git", waiver)
        _ = try await host.sync()
        let first = try #require(try await host.containers()["compose/runner"])
        _ = try await host.docker("exec", first, "touch", "/data/compose/mine")
        try host.configure(host.root + "/repo.git", String(waiver.prefix { $0 != "w" }))
        #expect(
          try await host.sync().stacks.first?.services.first?.reason?.contains("/data/compose becomes read-only")
            == true)
        let id = try #require(try await host.containers()["compose/runner"])
        #expect(try await host.docker("exec", id, "sh", "-c", "touch /data/compose/2 2>/dev/null; echo $?") == "1\n")
      }
    }

    @Test func `a cover that a link in the image leads elsewhere is found, and the container does not stay`()
      async throws
    {
      try await Host.with(["runner/compose/compose.yaml": sleeper("runner", "volumes: ['..:/data']")]) { host in
        try await host.shell(
          "mkdir -p live/runner/compose; printf 'FROM busybox:test\\nRUN mkdir /x && ln -s /x /data\\n' | docker build -q -t linked:test -"
        )
        try await host.push([
          "runner/compose/compose.yaml": sleeper("runner", "volumes: ['..:/data']").replacing(
            "busybox:test", with: "linked:test")
        ])
        _ = try await host.sync()
        let id = try #require(try await host.containers()["compose/runner"])
        #expect(
          try await host.docker("exec", id, "sh", "-c", "touch /x/compose/new 2>/dev/null; echo $?") == "1\n",
          "both mounts follow the link")
        // The next start would find another link.
        try await host.shell("mv live/runner/compose live/runner/old; cp -a live/runner/old live/runner/compose")
        #expect(
          try await host.sync().stacks.first?.services.first?.reason?.contains("which has moved") == true,
          "the cover went with the directory that was there")
        let next = try #require(try await host.containers()["compose/runner"])
        #expect(
          try await host.docker("exec", next, "sh", "-c", "touch /x/compose/new 2>/dev/null; echo $?") == "1\n")
      }
    }

    @Test func `a person's container that may write to its project is taken over with a cover`() async throws {
      let runner = sleeper("runner", "volumes: ['..:/data']")
      try await Host.with(["runner/compose/compose.yaml": runner]) { host in
        try await host.shell("mkdir -p live/runner/compose && cp work/runner/compose/compose.yaml live/runner/compose/")
        try await host.shell("cd live/runner/compose && docker compose up -d")
        #expect(
          try await host.sync().stacks.first?.services.first?.reason?.contains("/data/compose becomes read-only")
            == true)
        let id = try #require(try await host.containers()["compose/runner"])
        #expect(try await host.docker("exec", id, "sh", "-c", "touch /data/compose/1 2>/dev/null; echo $?") == "1\n")
      }
    }

    @Test func `what Compose runs is what was judged, whatever a container makes of its files meanwhile`() async throws
    {
      let file = sleeper("runner", "volumes: ['..:/data']") + service("admin", ["volumes: ['./own:/own']"])
      try await Host.with(["runner/compose/compose.yaml": file]) { host in
        _ = try await host.sync()
        // One that somebody starts beside it has no cover, and exchanges the file all the time.
        try await host.shell(
          "sed 's|./own:|/:|' live/runner/compose/compose.yaml >live/runner/evil; docker run -d --name exchanger -v $PWD/live/runner:/data"
            + " busybox:test sh -c 'cd /data/compose; good=$(readlink compose.yaml); while true; do ln -sf \"$good\" l; mv l"
            + " compose.yaml; cp ../evil e; mv e compose.yaml; done'")
        for _ in 0..<3 {
          try await host.docker("rm", "-f", try #require(try await host.containers()["compose/admin"]))
          _ = try await host.clup("sync")
          guard let admin = try await host.containers()["compose/admin"] else { continue }
          #expect(
            try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Source}}{{end}}", admin)
              == "\(host.live)/runner/compose/own\n")
        }
        try await host.docker("rm", "-f", "exchanger")
      }
    }

    @Test func `a link that a container may exchange is nothing to mount`() async throws {
      let (reads, writes) = (sleeper("web", "volumes: ['../runner/reports:/www:ro']"), "volumes: ['..:/data']")
      let policy = "policy: {shared: [{path: runner/reports, stacks: [web, runner/compose]}]}\n"
      try await Host.with(
        ["web/compose.yaml": reads, "runner/compose/compose.yaml": sleeper("runner")], settings: policy
      ) { host in
        try await host.shell(
          "mkdir -p live/runner/reports live/runner/store live/runner/compose; ln -s ../store live/runner/compose/state"
        )
        _ = try await host.sync()
        // The neighbour is in place, and is judged all the same.
        try await host.push(["runner/compose/compose.yaml": sleeper("runner", writes)])
        let first = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(first.map(\.stack) == ["web"] && first.map(\.rule) == ["host-path"])
        try await host.push([
          "web/compose.yaml": sleeper("web"),
          "runner/compose/compose.yaml": sleeper("runner", "volumes: ['..:/data', './state:/state']"),
        ])
        let second = try await host.sync(expect: 3).diagnostics.filter(\.refuses)
        #expect(second.map(\.stack) == ["runner/compose"] && second[0].message.contains("a symbolic link to any path"))
      }
    }

    @Test func `a copy of a file of the host's own is nothing that a container gets by a link`() async throws {
      let file = sleeper("web", "volumes: ['./conf:/conf']")
      try await Host.with(["a/compose.yaml": file, "a/conf/x": "one\n"]) { host in
        _ = try await host.sync()
        try await host.shell("mkdir -p own/.git; echo secret >own/key; ln -sf $PWD/own/key live/a/conf/x")
        try await host.push(["a/conf/x": "two\n"])
        _ = try await host.sync()
        #expect(try await host.shell("cat live/a/conf/x; find live/a/conf -name 'x.bak.*' -type f") == "two\n")
      }
    }

    @Test func `what is neither a file nor a directory is refused by sync and validate alike`() async throws {
      try await Host.with([
        "s/compose.yaml": sleeper("web", "volumes: ['./conf:/conf:ro', './own:/own']"), "s/conf/x": "x", "s/own/x": "x",
      ]) { host in
        try FileManager.default.createSymbolicLink(atPath: host.work + "/s/conf/l", withDestinationPath: "x")
        try FileManager.default.createSymbolicLink(atPath: host.work + "/s/own/l", withDestinationPath: "x")
        try await host.push([:])
        try await host.git(
          "update-index", "--add", "--cacheinfo", "160000,1111111111111111111111111111111111111111,s/conf/theme")
        try await host.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "theme")
        try await host.git("push", "-q", host.root + "/repo.git", "HEAD:main")
        let wanted = ["s/conf/l", "s/conf/theme", "s/own/l"]
        let found = try await host.sync(expect: 3).diagnostics.filter { $0.rule == "forbidden-file" }
        #expect(found.map(\.file).sorted() == wanted && found.allSatisfy { $0.stack == "s" })
        let answer = try await host.clup(["validate", "--output", "json", host.work], configuration: false)
        let validated = try JSON(parsing: Array(answer.output.utf8))["diagnostics"]?.array ?? []
        let refused = validated.filter { $0["rule"]?.string == "forbidden-file" }
        #expect(answer.status == 3 && refused.compactMap { $0["file"]?.string }.sorted() == wanted)
      }
    }
  }
}
