import Core
import Foundation
import Testing

extension EndToEnd {
  /// Files that Git LFS keeps, and that stacks use.
  @Suite("Files of Git LFS", .disabled(if: Host.skips)) struct LargeFiles {
    static let mounting = sleeper("web", "volumes: ['./conf:/conf:ro']")

    private func configure(_ host: Host, _ url: String, _ credentials: String = "", _ sync: String = "") throws {
      let more = credentials.isEmpty ? "" : "credentials: \(credentials)\n"
      try host.configure(url, more + "git: {lfs: true}\nsync: {fetch_timeout: 90s\(sync)}")
    }

    private func requests(_ host: Host) async throws -> Int {
      try await host.shell("cat lfs.log").split(separator: "\n").count
    }

    @Test func `what a pointer stands for is fetched once by https, with the repository's own token`() async throws {
      try await Servers.with([:]) { host, servers in
        let port = try await servers.lfs()
        let https = try await servers.nginx(lfs: port).good
        let evil =
          "[lfs]\n\turl = http://127.0.0.1:\(port)/evil\n\tstandalonetransferagent = x\n"
          + "[lfs \"customtransfer.x\"]\n\tpath = touch\n\targs = \(host.root)/pwned\n"
        let first = try await host.push([
          "a/compose.yaml": Self.mounting, "a/conf/model": try host.keepLarge("the first content\n"),
          ".lfsconfig": evil,
          "docs/film": Host.pointer(Host.digest("film"), 4),
        ])
        try configure(
          host, "https://localhost:\(https)/private/repo.git", "{ca_file: ca.crt, username: robot, token_file: token}")
        let words = try await host.shell(
          "CLUP_CONFIG=clup.yaml strace -f -qq -v -s 100000 -e trace=execve -o calls \(Host.binary ?? "") sync > said 2>&1; "
            + "echo $?; cat said")
        #expect(words.hasPrefix("0\n"), "\(words)")
        #expect(try await host.inside("a/web", "cat /conf/model") == "the first content\n")
        #expect(try await host.shell("stat -c %a live/clup/releases/\(first)/a/conf/model") == "444\n")
        let log = try await host.shell("cat lfs.log")
        #expect(log.contains("/private/repo.git/info/lfs/objects/batch [Basic "), "\(log)")
        #expect(!log.contains("evil") && !FileManager.default.fileExists(atPath: host.root + "/pwned"), "\(log)")
        let spilled = try await host.shell(
          "grep -rlF -- '\(Marked.token)' . | grep -vxE './(token|clup.yaml)' || true")
        #expect(spilled == "")
        #expect(try await host.shell("ls live/clup | grep -c view || true") == "0\n")

        #expect(try await host.sync().outcome == .unchanged)
        let asked = try await requests(host)
        #expect(asked == 2, "\(log)")
        _ = try await host.push(["docs/readme": "x", "a/compose.yaml": Self.mounting + "# more\n"])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await requests(host) == asked)
        _ = try await host.push(["a/conf/model": try host.keepLarge("the second content\n")])
        let changed = try await host.sync("--diff")
        #expect(changed.outcome == .deployed && changed.stacks.first?.services.first?.action == .recreate)
        #expect(try await host.inside("a/web", "cat /conf/model") == "the second content\n")
        let later = try await requests(host)
        try host.write("manner", "silent", in: host.root)
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await host.inside("a/web", "cat /conf/model") == "the first content\n")
        #expect(try await requests(host) == later)
      }
    }

    struct Case: CustomTestStringConvertible {
      let testDescription: String
      let manner: String
      var says = ""
    }

    @Test(arguments: [
      Case(testDescription: "another content", manner: "wrong"),
      Case(testDescription: "a shorter content", manner: "short"),
      Case(testDescription: "a content without end", manner: "endless"),
      Case(testDescription: "no such content", manner: "absent"),
      Case(testDescription: "a silent server", manner: "silent", says: "did not answer within 3s"),
      Case(testDescription: "another host that requires a login", manner: "elsewhere"),
    ]) func `what cannot be had ends the sync with 4 and its name, and is tried again`(_ item: Case) async throws {
      try await Servers.with([:]) { host, servers in
        let port = try await servers.lfs()
        let plain = try await servers.nginx(lfs: port).plain
        let pointer = try host.keepLarge("a content\n")
        let oid = Host.digest("a content\n")
        try await host.push(["a/compose.yaml": Self.mounting, "a/conf/model": pointer])
        try configure(
          host, "http://127.0.0.1:\(plain)/private/repo.git", "{username: robot, token_file: token}")
        try await host.shell("sed -i s/90s/3s/ clup.yaml")
        try host.write("manner", item.manner, in: host.root)
        if item.manner == "absent" { try await host.shell("mv objects gone; mkdir objects") }
        let report = try await host.sync(expect: 4)
        let error = report.error ?? ""
        #expect(
          error.contains("a/conf/model") && error.contains(oid) && (item.says.isEmpty || error.contains(item.says)),
          "\(error)")
        #expect(try await host.containers().isEmpty)
        let other = try await host.shell("grep /other/ lfs.log || true")
        #expect(!other.contains("Basic") && other.isEmpty == (item.manner != "elsewhere"), "\(other)")
        #expect(try await host.clup("sync", "--dry-run").status == 4)
        if item.manner == "absent" { try await host.shell("rmdir objects; mv gone objects") }
        try host.write("manner", "good", in: host.root)
        #expect(try await host.sync("--dry-run").outcome == .planned)
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.inside("a/web", "cat /conf/model") == "a content\n")
      }
    }

    @Test func `a repository on a path keeps its files beside it, for all that a stack is made of`() async throws {
      let compose =
        sleeper("web", "volumes: ['./conf:/conf', './data.txt:/data.txt:ro']", "env_file: [./web.env]")
        + service("job", ["build: ./image"]).replacing("image: busybox:test", with: "image: lfs-job:1")
      try await Host.with([:]) { host in
        func keep(_ content: String) throws -> String {
          let oid = Host.digest(content)
          return try host.keepLarge(
            content, in: host.root + "/repo.git/lfs/objects/\(oid.prefix(2))/\(oid.dropFirst(2).prefix(2))")
        }
        let script = try keep("#!/bin/sh\necho built\n" + String(repeating: "#", count: 200))
        for (path, text) in ["a/image/run": script] { try host.write(path, text, in: host.work) }
        try await host.shell("chmod 755 work/a/image/run")
        try await host.push([
          "a/compose.yaml": compose, "a/conf/model": try keep("written to\n"), "a/data.txt": try keep("read\n"),
          "a/web.env": try keep("GREETING=hello\n"), "a/image/Dockerfile": "FROM busybox:test\nCOPY run /run.sh\n",
        ])
        try configure(host, host.root + "/repo.git")
        #expect(try await host.sync().outcome == .deployed)
        #expect(
          try await host.inside("a/web", "cat /conf/model /data.txt; echo $GREETING") == "written to\nread\nhello\n")
        #expect(try await host.inside("a/job", "/run.sh") == "built\n")
        #expect(try await host.shell("cat live/a/conf/model") == "written to\n")
        let before = try await host.inventory()
        #expect(try await host.sync().outcome == .unchanged)
        #expect(try await host.inventory() == before)
        try await host.push(["a/conf/model": try keep("written anew\n")])
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.shell("cat live/a/conf/model") == "written anew\n")
        try await host.shell("rm -rf repo.git/lfs")
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await host.shell("cat live/a/conf/model") == "written to\n")
        try await host.docker("rmi", "-f", "lfs-job:1")
      }
    }

    @Test func `by ssh the server says where, and the key keeps its passphrase`() async throws {
      try await Servers.with([:]) { host, servers in
        let (port, lfs) = (try await servers.sshd(), try await servers.lfs())
        try host.write(
          "bin/git-lfs-authenticate",
          "#!/bin/sh\necho '{\"href\": \"http://127.0.0.1:\(lfs)/ssh/info/lfs\", \"header\": {}}'\n", in: host.root)
        try await host.shell("chmod 755 bin/*; \(Accesses.trusting.replacing("$port", with: "\(port)"))")
        try await host.push(["a/compose.yaml": Self.mounting, "a/conf/model": try host.keepLarge("by ssh\n")])
        let url = Accesses.ssh.replacing("$port", with: "\(port)").replacing("$root", with: host.root)
        for (credentials, status) in [
          ("{ssh_key_file: stranger, known_hosts_file: known}", 4),
          ("{ssh_key_file: locked, ssh_passphrase_file: passphrase, known_hosts_file: known}", 0),
        ] as [(String, Int32)] {
          try configure(host, url, credentials)
          let answer = try await host.clup("sync")
          #expect(answer.status == status, "\(answer)")
        }
        #expect(try await host.inside("a/web", "cat /conf/model") == "by ssh\n")
      }
    }

    @Test func `what the repository says of sizes is not believed, and the program's absence is said`() async throws {
      try await Host.with([:]) { host in
        let huge = Host.pointer(Host.digest("x"), 99_999_999_999)
        try await host.push(["a/compose.yaml": Self.mounting, "a/conf/model": huge])
        let off = try await host.sync(expect: 3).diagnostics.first { $0.rule == "forbidden-file" }
        #expect(
          off?.help.contains("`git: {lfs: true}`") == true && off?.file == "a/conf/model", "\(String(describing: off))")
        try configure(host, host.root + "/repo.git")
        let refused = try await host.sync(expect: 3).diagnostics.first { $0.rule == "forbidden-file" }
        #expect(refused?.message.contains("93 GiB") == true, "\(String(describing: refused))")
        let validated = try await host.clup(["validate", "work", "--config", host.root + "/clup.yaml"])
        #expect(validated.status == 3 && validated.output.contains("93 GiB"), "\(validated)")
        try await host.push(["a/conf/model": Host.pointer(Host.digest("x"), 1)])
        #expect(try await host.clup(["validate", "work", "--config", host.root + "/clup.yaml"]).status == 0)
        try await host.shell("mkdir -p few && for p in docker git ssh-keygen; do ln -s $(command -v $p) few/; done")
        let missing = try await host.clup(["sync"], environment: ["PATH": host.root + "/few"])
        #expect(missing.status == 1, "\(missing)")
        #expect((missing.output + missing.errors).contains("apt-get install git-lfs"), "\(missing)")
      }
    }
  }
}
