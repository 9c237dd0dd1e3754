import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Servers that fail", .disabled(if: Host.skips)) struct Outages {
    /// How a server behaves, what clup says of it, and how long it may take for that.
    static let manners: [(manner: String, says: String, longest: Duration)] = [
      ("silent", "did not answer within 2 s", .seconds(8)), ("trickle", "did not answer within 2 s", .seconds(8)),
      ("cut", "cannot fetch git://", .seconds(8)),
    ]

    @Test(arguments: manners) func `a server that does not answer to the end leaves the mirror whole`(
      _ manner: String, _ says: String, _ longest: Duration
    ) async throws {
      try await Servers.with { host, servers in
        _ = try await host.sync()
        try await host.shell("head -c 2000000 /dev/urandom > work/noise")
        let head = try await host.push([:])
        let port = try await servers.slow(manner)
        try host.configure("git://127.0.0.1:\(port)/repo.git", "sync: {fetch_timeout: 2s}")
        let start = ContinuousClock.now
        let answer = try await host.clup("sync")
        #expect(answer.status == 4 && answer.output.contains(says), "\(answer.output) \(answer.errors)")
        #expect(start.duration(to: .now) < longest)
        try await host.shell("git -C \(host.checkout)/repo.git fsck --strict 2>&1")
        #expect(try await host.clup("status", "--exit-code").status == 1)
        // The same host gets it from a server that answers.
        try host.configure("git://127.0.0.1:\(try await servers.slow("through"))/repo.git")
        #expect(try await host.sync().commit == head)
        #expect(
          try await host.shell("find \(host.checkout)/repo.git -name '*.lock' -o -name 'tmp_*' -o -name '_git2_*'")
            == "")
      }
    }

    @Test(arguments: [
      "ssh://git@127.0.0.1:$port/x.git", "http://127.0.0.1:$port/x.git", "https://127.0.0.1:$port/x.git",
    ])
    func `a silent server is given up by every way to ask it`(_ url: String) async throws {
      try await Servers.with { host, servers in
        let port = try await servers.slow("silent")
        try await host.shell(
          "ssh-keygen -q -t ed25519 -N '' -f k; echo \"[127.0.0.1]:\(port) $(cut -d' ' -f1,2 k.pub)\" > known_hosts")
        try host.configure(
          url.replacing("$port", with: "\(port)"), "credentials: {ssh_key_file: k}\nsync: {fetch_timeout: 2s}")
        let start = ContinuousClock.now
        let answer = try await host.clup("sync")
        #expect(answer.status == 4 && answer.output.contains("did not answer within 2 s"), "\(answer.output)")
        #expect(start.duration(to: .now) < .seconds(8))
      }
    }

    @Test func `what the first URL does not give comes from the second, and an old copy is no rewritten branch`()
      async throws
    {
      try await Servers.with { host, servers in
        let head = try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        try host.configure("[\"https://127.0.0.1:1/x.git\", \(host.root)/nothing, \(host.root)/repo.git]")
        let answer = try await host.clup("sync", "--output", "json")
        #expect(answer.status == 0, "\(answer.output) \(answer.errors)")
        #expect(try answer.report().commit == head)
        #expect(answer.errors.contains("cannot reach https://127.0.0.1:1/x.git"), "\(answer.errors)")
        #expect(answer.errors.contains("trying \(host.root)/repo.git"), "\(answer.errors)")

        try await host.shell("git clone -q --bare work old.git && git -C old.git update-ref refs/heads/main HEAD~1")
        try host.configure("[\"https://127.0.0.1:1/x.git\", \(host.root)/old.git]")
        let behind = try await host.sync()
        #expect(behind.commit == head && behind.outcome == .unchanged)

        try host.configure("[\"https://127.0.0.1:1/x.git\", \(host.root)/nothing]")
        let none = try await host.clup("sync")
        #expect(
          none.status == 4 && none.output.contains("127.0.0.1:1") && none.output.contains("/nothing"), "\(none.output)")
      }
    }
  }

  @Suite("Registries", .disabled(if: Host.skips)) struct RegistryTests {
    static let cases: [(file: String, status: Int32, says: String)] = [
      ("auth", 0, "deployed"), ("empty", 2, "names no registry"), ("wrong", 1, "as robot (login from"),
      ("", 1, "without a login"),
      ("helper", 0, "deployed"), ("badhelper", 1, "as robot (login from"),
    ]

    @Test func `an image that cannot be pulled makes its stack wait, which is kept up and tried again`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let good = try await host.containers()
        let away = "127.0.0.1:1/\(UUID().uuidString.lowercased()):1"
        try await host.push(["a/compose.yaml": sleeper().replacing("busybox:test", with: away)])
        let first = try await host.sync(expect: 1)
        #expect(first.stacks.map(\.outcome) == [.waiting] && first.stacks[0].waitsFor == .registry)
        #expect(first.stacks[0].error?.contains("nothing was changed") == true)
        #expect(try await host.containers() == good)
        let status = try #require(try await host.status()["a"])
        #expect(status["waits_for"] == .string("registry") && status["held"] == .null)
        #expect(try await host.clup("status").output.contains("waiting for the registry since \(first.started)"))
        // The timer leaves it alone for a minute, and what ran is repaired all the same.
        try await host.docker("rm", "-f", try #require(good["a/web"]))
        let poll = try await host.clup(["sync", "--output", "json"], environment: ["CLUP_TRIGGER": "timer"])
        let second = try poll.report().stacks[0]
        #expect(poll.status == 1 && second.outcome == .waiting && second.error == nil && second.waitsFor == .registry)
        #expect(second.services.map(\.action) == [.create])
        try await host.docker("tag", "busybox:test", away)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await host.status()["a"]?["waits_for"] == .null)
        try await host.docker("rmi", away)
      }
    }

    @Test func `I14: what fails on a full disk of Docker's waits for room, and is deployed once there is some`()
      async throws
    {
      func file(_ value: String) -> String { sleeper("a", "network_mode: none", "environment: {A: '\(value)'}") }
      try await Host.with(["a/compose.yaml": file("1")]) { host in
        let engine = "unix://\(host.root)/e.sock"
        try await host.shell(
          """
          mkdir -p e/data; mount -t tmpfs -o size=120m clup-test e/data; PATH=$PATH:/usr/sbin:/sbin
          setsid dockerd --data-root $PWD/e/data --exec-root $PWD/e/exec -H \(engine) --pidfile $PWD/e.pid --bridge none \
            --iptables=false > e.log 2>&1 &
          for i in $(seq 60); do docker -H \(engine) info > /dev/null 2>&1 && break; sleep .5; done
          docker save busybox:test | docker -H \(engine) load -q
          """)
        func sync() async throws -> String {
          let answer = try await host.clup(["sync", "--output", "json"], environment: ["DOCKER_HOST": engine])
          return try answer.report().stacks.map { "\($0.outcome) \($0.waitsFor.map(\.rawValue) ?? "")" }.joined()
        }
        var ended = [try await sync()]
        try await host.push(["a/compose.yaml": file("2")])
        try await host.shell("dd if=/dev/zero of=e/data/fill bs=4k 2> /dev/null; true")
        ended.append(try await sync())
        try await host.shell("rm e/data/fill")
        ended.append(try await sync())
        try await host.shell(
          "docker -H \(engine) ps -aq | xargs -r docker -H \(engine) rm -f; kill $(cat e.pid); sleep 3; umount -l e/data"
        )
        #expect(ended == ["deployed ", "waiting disk", "deployed "])
      }
    }

    @Test func `a build whose base cannot be had for now waits, and one that is wrong is held`() async throws {
      let file = "services: {web: {build: ., image: 'waits:1', stop_signal: SIGKILL}}\n"
      try await Host.with(["a/compose.yaml": sleeper("web")]) { host in
        _ = try await host.sync()
        let before = try await host.containers()
        try await host.push(["a/compose.yaml": file, "a/Dockerfile": "FROM 127.0.0.1:1/none:1\n"])
        let report = try await host.sync(expect: 1)
        #expect(report.stacks.map(\.outcome) == [.waiting] && report.stacks[0].waitsFor == .registry, "\(report)")
        #expect(try await host.containers() == before)
        #expect(try await host.status()["a"]?["held"] == .null)
        try await host.push(["a/Dockerfile": "FROM busybox:test\nRUN false\n"])
        #expect(try await host.sync(expect: 1).stacks.map(\.outcome) == [.rolledBack])
        #expect(try await host.containers() == before)
      }
    }

    @Test(arguments: cases) func `a registry is shown what its file says, and a failed pull tells as whom`(
      _ file: String, _ status: Int32, _ says: String
    ) async throws {
      try await Servers.with { host, servers in
        let name = try await servers.registry()
        try await host.push([
          "a/compose.yaml":
            "services:\n  web: {image: \"\(name)/web:1\", command: sleep 100000, stop_signal: SIGKILL}\n"
        ])
        let section = file.isEmpty ? "" : "credentials: {registry_auth_file: \(file)/config.json}"
        try host.configure(host.root + "/repo.git", section)
        let path = host.root + "/bin:" + (host.environment["PATH"] ?? "")
        let answer = try await host.clup(["sync"], environment: ["PATH": path])
        #expect(answer.status == status && answer.output.contains(says), "\(answer.output) \(answer.errors)")
        if status == 1 { #expect(answer.output.contains(name), "\(answer.output)") }
        let found = try await host.shell(
          "secret=$(printf 'robot:%s' '\(Marked.token)' | base64 -w0); grep -rlF -e \"$secret\" -e '\(Marked.token)' . | grep -vxE './(auth/config.json|bin/docker-credential-clup-good)' || true"
        )
        #expect(found == "")
        _ = try? await host.docker("rmi", "-f", "\(name)/web:1")
      }
    }
  }
}
