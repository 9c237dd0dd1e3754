import Core
import Foundation
import Testing

extension EndToEnd {
  /// Submodules that stacks use.
  @Suite(.disabled(if: Host.skips)) struct Submodules {
    static let mounting = sleeper("web", "volumes: ['./conf:/conf:ro']", "env_file: [./conf/sub/web.env]")

    /// Makes a second repository, commits what `script` makes there, and gives the commit.
    private func library(_ host: Host, _ script: String, _ name: String = "lib") async throws -> String {
      try await host.shell(
        """
        set -e; [ -d \(name) ] || { git init -q -b main \(name); git init -q --bare -b main \(name).git; }
        cd \(name); \(script)
        git -c user.name=t -c user.email=t@e commit -q --allow-empty -m change
        git push -q ../\(name).git HEAD:main; git rev-parse HEAD
        """
      ).split(separator: "\n").last.map(String.init) ?? ""
    }

    /// Commits a submodule, and pushes.
    private func use(_ host: Host, _ commit: String, _ url: String = "../lib.git", at path: String = "a/conf/sub")
      async throws -> String
    {
      try host.write(
        ".gitmodules", "[submodule \"s\"]\n\tpath = \(path)\n\turl = \"\(url)\"\n", in: host.work)
      return try await host.shell(
        """
        set -e; cd work; git add -A; git update-index --add --cacheinfo 160000,\(commit),\(path); mkdir -p \(path)
        git -c user.name=t -c user.email=t@e commit -qm change; git push -q ../repo.git HEAD:main; git rev-parse HEAD
        """
      ).trimmingCharacters(in: .newlines)
    }

    static let good =
      "mkdir -p deep; echo GREETING=hello > web.env; echo one > deep/file; printf '#!/bin/sh\\n' > run; "
      + "chmod +x run; printf 'services: {x: {image: busybox:test}}' > compose.yaml; git add -A"

    @Test func `a submodule is as if it were tracked there, and costs nothing while it stays`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let first = try await library(host, Self.good)
        try host.write("a/compose.yaml", Self.mounting, in: host.work)
        try host.write("a/conf/x", "x\n", in: host.work)
        let commit = try await use(host, first)
        let off = try await host.sync(expect: 3).diagnostics.first { $0.file == "a/conf/sub" }
        #expect(off?.help.contains("`git: {submodules: true}`") == true, "\(String(describing: off))")
        let unchecked = try await host.clup(["validate", "work"], configuration: false)
        #expect(unchecked.status == 3 && unchecked.output.contains("`git: {submodules: true}`"), "\(unchecked)")
        try host.configure(host.root + "/repo.git", "git: {submodules: true}")
        #expect(try await host.sync("--dry-run").outcome == .planned)
        #expect(try await host.sync().outcome == .deployed)
        #expect(try await host.inside("a/web", "cat /conf/x /conf/sub/deep/file; echo $GREETING") == "x\none\nhello\n")
        #expect(try await host.shell("stat -c %a live/clup/releases/\(commit)/a/conf/sub/run") == "555\n")
        #expect(try await host.containers().count == 1)

        try await host.shell("mv lib.git away.git")
        #expect(try await host.sync().outcome == .unchanged)
        _ = try await host.push(["a/conf/x": "y\n"])
        try await host.shell("cd work && git update-index --add --cacheinfo 160000,\(first),a/conf/sub")
        #expect(try await host.sync().outcome == .deployed)
        try await host.shell("mv away.git lib.git")

        let second = try await library(host, "echo two > deep/file; git add -A")
        _ = try await use(host, second)
        let changed = try await host.sync("--diff")
        #expect(changed.outcome == .deployed && changed.stacks.first?.services.first?.action == .recreate, "\(changed)")
        #expect(try await host.inside("a/web", "cat /conf/sub/deep/file") == "two\n")
        try await host.shell("rm -rf lib.git")
        #expect(try await host.clup("rollback", "--all").status == 0)
        #expect(try await host.inside("a/web", "cat /conf/sub/deep/file") == "one\n")
        #expect(try await host.clup("resume").status == 0)
        #expect(try await host.inside("a/web", "cat /conf/sub/deep/file") == "two\n")
      }
    }

    struct Case: CustomTestStringConvertible {
      let testDescription: String
      var script = ""
      var url = "../lib.git"
      var file = "a/conf/sub"
      let says: String
    }

    static let hostile = """
      bytes() { printf '%s' $1 | sed 's/../\\\\x&/g' | xargs -0 printf '%b'; }; blob=$(git hash-object -w web.env)
      git add -A; tree=$({ printf '100644 NAME\\0'; bytes $blob; } | git hash-object -t tree -w --stdin --literally)
      git reset -q --hard $(git -c user.name=t -c user.email=t@e commit-tree -m evil $tree) 2>/dev/null || git update-ref HEAD $(git -c user.name=t -c user.email=t@e commit-tree -m evil $tree)
      git push -q ../lib.git HEAD:main; git rev-parse HEAD; exit 0
      """

    static let cases = [
      Case(
        testDescription: "a name that leads out", script: hostile.replacing("NAME", with: ".."),
        says: "cannot use the submodule a/conf/sub"),
      Case(
        testDescription: "a repository within", script: hostile.replacing("NAME", with: ".GIT"),
        says: "cannot use the submodule a/conf/sub"),
      Case(
        testDescription: "a link out of the tree", script: "ln -s /etc/shadow link; git add -A",
        file: "a/conf/sub/link",
        says: "symbolic link"),
      Case(
        testDescription: "a key", script: "echo x > id_rsa; git add -A", file: "a/conf/sub/id_rsa",
        says: "looks like key material"),
      Case(
        testDescription: "a secret", script: "echo 'k: AKIA''Q3EGRTZ4NS7WXYBM' > c.yml; git add -A",
        file: "a/conf/sub/c.yml", says: "the file holds"),
      Case(
        testDescription: "runtime state", script: "mkdir data; echo x > data/x; git add -A", file: "a/conf/sub/data",
        says: "runtime state"),
      Case(
        testDescription: "a submodule of its own",
        script: "echo x > y; git add -A; git update-index --add --cacheinfo 160000,$(printf 1%.0s $(seq 40)),inner",
        file: "a/conf/sub/inner", says: "a submodule within the submodule a/conf/sub"),
      Case(
        testDescription: "a file that Git LFS keeps",
        script: "printf '%s' '\(Hostile.pointer)' > model; git add -A", file: "a/conf/sub/model",
        says: "kept by Git LFS"),
      Case(testDescription: "a program", url: "ext::sh -c touch% pwned", says: "is not fetched from"),
      Case(testDescription: "an option", url: "--upload-pack=touch pwned", says: "is not fetched from"),
      Case(testDescription: "another scheme", url: "http://127.0.0.1:1/lib.git", says: "is not fetched from"),
      Case(testDescription: "above the root", url: "../../../../../../../../../x", says: "is not fetched from"),
      Case(testDescription: "no URL", url: "", says: ".gitmodules names no URL"),
    ]

    @Test(arguments: cases) func `what is in a submodule is judged like what is tracked`(_ item: Case) async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        try host.configure(host.root + "/repo.git", "git: {submodules: true, lfs: true}")
        _ = try await host.sync()
        let before = try await (host.inventory(), host.pointers(), host.containers())
        try host.write("a/compose.yaml", sleeper("web", "volumes: ['./conf:/conf:ro']"), in: host.work)
        let script = "echo GREETING=hello > web.env; \(item.script.isEmpty ? "git add -A" : item.script)"
        _ = try await use(host, try await library(host, script), item.url)
        if item.url.isEmpty { _ = try await host.push([".gitmodules": ""]) }
        let report = try await host.sync(expect: 3)
        let own = report.diagnostics.filter(\.refuses)
        #expect(own.contains { $0.file == item.file && $0.message.contains(item.says) }, "\(own)")
        #expect(!FileManager.default.fileExists(atPath: host.root + "/pwned"))
        let after = try await (host.inventory(), host.pointers(), host.containers())
        #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
      }
    }

    @Test func `a commit that is not there, and a repository that is not there, end the sync with 4`() async throws {
      try await Host.with(["a/compose.yaml": Self.mounting]) { host in
        try host.configure(host.root + "/repo.git", "git: {submodules: true}")
        let there = try await library(host, Self.good)
        _ = try await use(host, there, "../nowhere.git")
        #expect(try await host.sync(expect: 4).error?.contains("nowhere.git") == true)
        let absent = String(repeating: "12", count: 20)
        _ = try await use(host, absent)
        let report = try await host.sync(expect: 4)
        #expect(report.error?.contains("a/conf/sub") == true && report.error?.contains(absent) == true, "\(report)")
        // A submodule that nobody uses may be anywhere.
        _ = try await host.push(["a/compose.yaml": sleeper()])
        #expect(try await host.sync().outcome == .deployed)
      }
    }

    @Test func `the repository's own server is shown the token, and no other one`() async throws {
      try await Servers.with(["a/compose.yaml": Self.mounting]) { host, servers in
        let ports = try await servers.nginx()
        let commit = try await library(host, Self.good)
        try host.configure(
          "http://127.0.0.1:\(ports.plain)/private/repo.git",
          "credentials: {ca_file: ca.crt, username: robot, token_file: token}\ngit: {submodules: true}")
        _ = try await use(host, commit, "https://localhost:\(ports.good)/private/lib.git")
        let refused = try await host.sync(expect: 4)
        #expect(refused.error?.contains("requires a login") == true, "\(refused)")
        #expect(try await host.clup("sync").output.contains("credentials go to the repository's own server alone"))
        _ = try await use(host, commit, "https://localhost:\(ports.good)/open/lib.git")
        #expect(try await host.sync().outcome == .deployed)
        let other = try await host.shell("grep '^localhost ' access.log")
        #expect(
          other.contains("/open/lib.git") && other.contains("/private/lib.git") && !other.contains("Basic"), "\(other)")
        let second = try await library(host, "echo two > deep/file; git add -A")
        _ = try await use(host, second)
        #expect(try await host.sync().outcome == .deployed)
        let own = try await host.shell("grep '^127.0.0.1 /private/lib.git' access.log")
        #expect(own.contains("Basic"), "\(own)")
      }
    }

    @Test func `validate judges what is checked out`() async throws {
      try await Host.with(["a/compose.yaml": Self.mounting]) { host in
        try host.configure(host.root + "/repo.git", "git: {submodules: true}")
        _ = try await use(host, try await library(host, "echo GREETING=hello > web.env; echo x > id_rsa; git add -A"))
        let words = ["validate", "work", "--config", host.root + "/clup.yaml"]
        let absent = try await host.clup(words)
        #expect(absent.status == 3 && absent.output.contains("git submodule update --init a/conf/sub"), "\(absent)")
        try await host.shell("rmdir work/a/conf/sub; git clone -q lib.git work/a/conf/sub")
        let key = try await host.clup(words)
        #expect(key.status == 3 && key.output.contains("a/conf/sub/id_rsa looks like key material"), "\(key)")
        try await host.shell("cd work/a/conf/sub && git rm -q id_rsa")
        #expect(try await host.clup(words).status == 0)
      }
    }
  }
}
