import Core
import Foundation
import Testing

extension EndToEnd {
  /// What a commit brings that no host should get, the same for `sync` and for `validate`.
  @Suite struct Hostile {
    static let pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "4d", count: 32))\nsize 12345\n"

    struct Case: CustomTestStringConvertible {
      let testDescription: String
      var compose = sleeper("web", "volumes: ['./conf:/conf:ro']")
      var files: [String: String?] = [:]
      /// A line of shell in the work tree, before the commit.
      var script = ":"
      /// What the finding names; nothing where the commit is taken.
      var file: String?
      var says = ""
    }

    static let cases: [Case] = [
      Case(
        testDescription: "a pointer of Git LFS that a container mounts", files: ["a/conf/model": pointer],
        file: "a/conf/model", says: "kept by Git LFS"),
      Case(
        testDescription: "a pointer of Git LFS as a config",
        compose: sleeper("web", "configs: [c]") + "configs: {c: {file: ./c}}\n", files: ["a/c": pointer], file: "a/c",
        says: "kept by Git LFS"),
      Case(
        testDescription: "a pointer of Git LFS as an env_file", compose: sleeper("web", "env_file: [./x.env]"),
        files: ["a/x.env": pointer], file: "a/x.env", says: "kept by Git LFS"),
      Case(
        testDescription: "a pointer of Git LFS in a build context", compose: sleeper("web", "build: ./image"),
        files: ["a/image/Dockerfile": "FROM busybox:test\n", "a/image/data.bin": pointer], file: "a/image/data.bin",
        says: "kept by Git LFS"),
      Case(
        testDescription: "a pointer of Git LFS as a Compose file", compose: pointer, file: "a/compose.yaml",
        says: "kept by Git LFS"),
      Case(testDescription: "a pointer of Git LFS that nobody uses", files: ["docs/film": pointer, "a/conf/x": "x"]),
      Case(
        testDescription: "a submodule that a container mounts", files: ["a/conf/x": "x"],
        script: "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),a/conf/sub; mkdir -p a/conf/sub",
        file: "a/conf/sub", says: "submodule"),
      Case(
        testDescription: "a submodule that nobody uses", files: ["a/conf/x": "x"],
        script: "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),docs/sub; mkdir -p docs/sub"),
      Case(
        testDescription: "a link out of the tree that a container mounts", files: ["a/conf/x": "x"],
        script: "ln -s /etc/shadow a/conf/link; git add -A", file: "a/conf/link", says: "symbolic link"),
      Case(
        testDescription: "a link to a directory above", files: ["a/conf/x": "x"],
        script: "ln -s ../../.. a/conf/up; git add -A", file: "a/conf/up", says: "symbolic link"),
      Case(
        testDescription: "a link that nobody uses", files: ["a/conf/x": "x"],
        script: "mkdir -p docs; ln -s /etc/shadow docs/link; git add -A"),
      Case(testDescription: "names that differ in case only", files: ["a/conf/X": "1", "a/conf/x": "2"]),
      Case(
        testDescription: "a file of 200 MB that a container mounts",
        script: "mkdir -p a/conf; truncate -s 200M a/conf/big; git add -A", file: "a/conf/big", says: "has at most"),
      Case(
        testDescription: "a file of 200 MB that nobody uses", files: ["a/conf/x": "x"],
        script: "mkdir -p docs; truncate -s 200M docs/big; git add -A"),
    ]

    @Test(.disabled(if: Host.skips), arguments: cases)
    func `what a stack cannot use as it is refuses the commit, and what no stack uses is left alone`(_ item: Case)
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let before = try await (host.inventory(), host.pointers(), host.containers())
        for (path, text) in item.files.merging(["a/compose.yaml": item.compose], uniquingKeysWith: { own, _ in own }) {
          try host.write(path, text ?? "", in: host.work)
        }
        try await host.git("add", "-A")
        try await host.shell("cd work && \(item.script)")
        try await host.shell(
          "cd work && git -c user.name=t -c user.email=t@e commit -qm change && git push -q ../repo.git HEAD:main")
        let validated = try await host.clup(["validate", "work", "--output", "json"], configuration: false)
        let report = try await host.sync(expect: item.file == nil ? 0 : 3)
        guard let file = item.file else {
          #expect(report.outcome == .deployed, "\(report)")
          #expect(validated.status == 0, "\(validated)")
          return
        }
        let own = report.diagnostics.filter(\.refuses)
        #expect(
          own.contains { $0.rule == "forbidden-file" && $0.file == file && $0.message.contains(item.says) }, "\(own)")
        let found = try JSON(parsing: Array(validated.output.utf8))["diagnostics"]?.array ?? []
        #expect(validated.status == 3, "\(validated)")
        #expect(
          found.contains {
            $0["rule"]?.string == "forbidden-file" && $0["file"]?.string == file
              && $0["message"]?.string?.contains(item.says) == true
          }, "\(validated.output)")
        let after = try await (host.inventory(), host.pointers(), host.containers())
        #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
      }
    }

    @Test(.disabled(if: Host.skips)) func `validate sees what a commit would hold of a file that Git LFS keeps`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper("web", "volumes: ['./conf:/conf:ro']")]) { host in
        try host.write("a/conf/model.bin", "the content itself\n", in: host.work)
        try host.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n", in: host.work)
        let answer = try await host.clup(["validate", "work"], configuration: false)
        #expect(answer.status == 3 && answer.output.contains("a/conf/model.bin is kept by Git LFS"), "\(answer)")
        try await host.shell(
          "printf 'policy: {tracked: [{path: a/conf/model.bin, reason: the program fetches it}]}' >>clup.yaml")
        let lifted = try await host.clup(["validate", "work", "--config", host.root + "/clup.yaml"])
        #expect(lifted.status == 0, "\(lifted)")
      }
    }

    @Test(.disabled(if: Host.skips)) func `a name that leads out of a directory refuses the commit with its path`()
      async throws
    {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let before = try await (host.inventory(), host.pointers(), host.containers())
        try await host.shell(
          """
          set -e; cd work; blob=$(git rev-parse HEAD:a/compose.yaml)
          bytes() { printf '%s' $1 | sed 's/../\\\\x&/g' | xargs -0 printf '%b'; }
          inner=$({ printf '100644 ..\\0'; bytes $blob; } | git hash-object -t tree -w --stdin --literally)
          outer=$({ printf '40000 a\\0'; bytes $inner; } | git hash-object -t tree -w --stdin --literally)
          id=$(git -c user.name=t -c user.email=t@e commit-tree -p HEAD -m evil $outer)
          git push -q ../repo.git $id:refs/heads/main
          """)
        let report = try await host.sync(expect: 3)
        #expect(report.error?.contains("a/\"..\"") == true, "\(report.error ?? "")")
        let after = try await (host.inventory(), host.pointers(), host.containers())
        #expect(before.0 == after.0 && before.1 == after.1 && before.2 == after.2)
      }
    }
  }
}
