import Core
import Foundation
import Processes
import Testing

extension EndToEnd {
  @Suite("I1: the kernel refuses writes outside the sandbox", .disabled(if: Host.skips)) struct Fences {
    /// Code that runs inside clup and writes where it must not: at each rename, which is how a deploy switches.
    static let intruder = """
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <errno.h>
      #include <fcntl.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <unistd.h>
      int rename(const char *from, const char *to) {
        int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
        if (strstr(to, "/stacks/")) {
          int target = open(getenv("INTRUDE"), O_WRONLY | O_CREAT | O_APPEND, 0644);
          int error = errno;
          FILE *log = fopen(getenv("INTRUDED"), "a");
          if (log) { fprintf(log, "%s\\n", target < 0 ? strerror(error) : "written"); fclose(log); }
          if (target >= 0) { if (write(target, "x", 1) < 0) abort(); close(target); }
        }
        return real(from, to);
      }
      """

    @Test func `a clup that tries to write into a gateway's state is stopped`() async throws {
      let files = ["gw-admin/compose.yaml": sleeper("gw", "volumes: ['./config:/config']")]
      try await Host.with(files, live: ["gw-admin/config/openclaw.json": "{}\n"]) { host in
        _ = try await host.sync()
        try host.write("intruder.c", Self.intruder, in: host.root)
        try await host.shell("cc -shared -fPIC -o intruder.so intruder.c")
        let state = try await host.inventory("gw-admin/config")
        try await host.push(["gw-admin/compose.yaml": (files["gw-admin/compose.yaml"] ?? "") + "    labels: {x: y}\n"])
        let answer = try await host.clup(
          ["sync", "--output", "json"],
          environment: [
            "LD_PRELOAD": host.root + "/intruder.so", "INTRUDE": host.live + "/gw-admin/config/openclaw.json",
            "INTRUDED": host.checkout + "/intruded",
          ])
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(try answer.report().fence == true)
        let tried = try String(contentsOfFile: host.checkout + "/intruded", encoding: .utf8)
        #expect(tried == "Permission denied\n", "the kernel's answer")
        #expect(try await host.inventory("gw-admin/config") == state)
      }
    }

    @Test func `a kernel without Landlock is told of, and deploys all the same`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        let program = try #require(Host.binary)
        let output = try await host.shell(
          "CLUP_CONFIG=clup.yaml strace -f -qq -o trace -e trace=landlock_create_ruleset -e inject=landlock_create_ruleset:error=ENOSYS \(program) sync --output json 2>errors"
        )
        let report = try JSONDecoder().decode(Report.self, from: Data(output.utf8))
        #expect(report.outcome == .deployed && report.fence == false)
        #expect(try String(contentsOfFile: host.root + "/errors", encoding: .utf8).contains("no Landlock"))
      }
    }
  }

  @Suite("I8: secrets are not shown", .disabled(if: Host.skips)) struct Secrets {
    @Test func `a marked secret is in no file, argument or environment that clup makes`() async throws {
      let mark = "mArKeD" + UUID().uuidString.replacing("-", with: "")
      let broken = "    command: [sh, -c, 'echo the token is $TOKEN; exit 3']\n"
      func file(_ more: String) -> String {
        "services:\n  web:\n    image: busybox:test\n    environment: {TOKEN: '${TOKEN}'}\n    env_file: [own.env]\n"
          + "    stop_signal: SIGKILL\n" + more
      }
      let good = file("    command: sleep 100000\n")
      try await Host.with(
        ["a/compose.yaml": good, "a/own.env.example": "\n"],
        live: ["a/.env": "TOKEN=\(mark)\n", "a/own.env": "OTHER=\(mark)\n"]
      ) { host in
        let program = try #require(Host.binary)
        func traced(_ words: String, expect status: Int32) async throws {
          let told = try await host.shell(
            "CLUP_CONFIG=clup.yaml strace -f -qq -v -s 100000 -e trace=execve -o trace.$$ \(program) \(words) 2>&1; echo status $?"
          )
          #expect(told.contains("status \(status)\n"), "\(told)")
          #expect(!told.contains(mark), "\(told)")
        }
        try await traced("sync", expect: 0)
        try await host.push(["a/compose.yaml": file(broken)])
        try await traced("sync --diff", expect: 1)
        try await host.push(["a/compose.yaml": file("    command: sleep 100000\n    mem_limit: '${TOKEN}'\n")])
        try await traced("sync --output json", expect: 3)
        try await host.push(["a/compose.yaml": file("    command: sleep 100000\n    labels: {x: y}\n")])
        // A URL with a token in it is refused, and shown to nobody; then one that cannot be reached.
        let text = try String(contentsOfFile: host.root + "/clup.yaml", encoding: .utf8)
        try text.replacing(
          "repository: \(host.root)/repo.git", with: "repository: https://user:\(mark)@127.0.0.1:1/x.git"
        ).write(
          toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        try await traced("sync", expect: 2)
        try text.replacing("repository: \(host.root)/repo.git", with: "repository: https://127.0.0.1:1/x.git").write(
          toFile: host.root + "/clup.yaml", atomically: true, encoding: .utf8)
        try await traced("sync", expect: 4)
        try await traced("rollback HEAD~2", expect: 0)
        for command in ["status", "history", "status --output json", "history --output json"] {
          try await traced(command, expect: 0)
        }
        // The configuration, the `.env` files and git's own objects of the commit are not clup's to keep clean.
        let found = try await host.shell(
          "grep -rlF \(mark) . | grep -v -e '^./live/a/' -e clup.yaml || true")
        #expect(found == "")
      }
    }
  }

  @Suite("A long history", .disabled(if: Host.skips)) struct LongHistory {
    @Test func `it is read from its end`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let line = try String(contentsOfFile: host.checkout + "/history.jsonl", encoding: .utf8)
        let many = String(repeating: line, count: 20_000)
        try many.write(toFile: host.checkout + "/history.jsonl", atomically: true, encoding: .utf8)
        // What is read of it does not depend on its length: some blocks from the end.
        let program = try #require(Host.binary)
        for command in ["status", "history -n 20", "sync"] {
          let told = try await host.shell(
            "CLUP_CONFIG=clup.yaml strace -f -qq -y -e trace=read,pread64 \(program) \(command) 2>&1 >/dev/null | grep -F history.jsonl | awk -F'= ' '{sum += $NF} END {print sum + 0}'"
          )
          let bytes = try #require(Int(told.trimmingCharacters(in: .newlines)))
          #expect(bytes <= 512 << 10, "\(command) read \(bytes) bytes of a history of \(many.utf8.count)")
        }
      }
    }
  }
}
