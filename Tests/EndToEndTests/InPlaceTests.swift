import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Each input of a stack decides whether it is in place", .disabled(if: Host.skips)) struct InPlace {
    struct Row: CustomTestStringConvertible, Sendable {
      let testDescription: String
      /// What one commit has, and the next one; nothing where only the host changes.
      let before: [String: String]
      var after: [String: String] = [:]
      /// A line of shell in the host's directory between the two.
      var host = "true"
      let reason: String
      /// A line of shell that succeeds once the change has arrived; `$c` is the container.
      let arrived: String
    }

    private static func file(_ lines: String..., top: String = "") -> [String: String] {
      ["a/compose.yaml": "services:\n" + service("web", lines) + top]
    }

    static let rows: [Row] = [
      Row(
        testDescription: "a network is closed to the outside",
        before: file("networks: [back]", top: "networks: {back: {}}\n"),
        after: file("networks: [back]", top: "networks: {back: {internal: true}}\n"), reason: "network back changed",
        arrived: "docker network inspect -f '{{.Internal}}' a_back | grep -qx true"),
      Row(
        testDescription: "a volume has another name",
        before: file("volumes: ['data:/d']", top: "volumes: {data: {}}\n"),
        after: file("volumes: ['data:/d']", top: "volumes: {data: {name: restored}}\n"), reason: "volume data changed",
        arrived: "docker inspect -f '{{range .Mounts}}{{.Name}}{{end}}' $c | grep -qx restored"),
      Row(
        testDescription: "the text of a config",
        before: file("configs: [{source: app, target: /app}]", top: "configs: {app: {content: one}}\n"),
        after: file("configs: [{source: app, target: /app}]", top: "configs: {app: {content: two}}\n"),
        reason: "config app changed", arrived: "docker exec $c grep -q two /app"),
      Row(
        testDescription: "a secret of a variable is rotated",
        before: file("secrets: [token]", top: "secrets: {token: {environment: TOKEN}}\n"),
        host: "echo TOKEN=two >live/a/.env", reason: "secret token changed",
        arrived: "docker exec $c grep -q two /run/secrets/token"),
      Row(
        testDescription: "a secret of the host's own is rotated",
        before: file("secrets: [token]", top: "secrets: {token: {file: ./token}}\n"), host: "echo two >live/a/token",
        reason: "mounted file a/token changed", arrived: "docker exec $c grep -q two /run/secrets/token"),
      Row(
        testDescription: "a label file",
        before: file("label_file: ./labels.conf").merging(["a/labels.conf": "route=one\n"]) { $1 },
        after: ["a/labels.conf": "route=two\n"], reason: "labels changed",
        arrived: "docker inspect -f '{{.Config.Labels.route}}' $c | grep -qx two"),
      Row(
        testDescription: "a build argument",
        before: built("one").merging(["a/image/Dockerfile": docker]) { $1 },
        after: built("two"), reason: "build changed",
        arrived: "docker exec $c grep -q two /v"),
      Row(
        testDescription: "a container that a person took off its network", before: file("networks: [default]"),
        host: "docker network disconnect a_default $(docker ps -q --filter label=com.docker.compose.project=a)",
        reason: "drift: a-web-1 left the network a_default",
        arrived:
          "docker inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}' $c | grep -qx a_default"),
    ]

    private static func built(_ argument: String) -> [String: String] {
      file("build: {context: image, args: {V: \(argument)}}").mapValues {
        $0.replacing("image: busybox:test", with: "image: in-place:1")
      }
    }

    private static let docker = "FROM busybox:test\nARG V\nRUN echo $V >/v\n"

    @Test(arguments: rows) func `a change arrives, with its reason, and then nothing is to do`(_ row: Row) async throws
    {
      let live = ["a/.env": "TOKEN=one\n", "a/token": "one\n"]
      try await Host.with(row.before, live: live) { host in
        _ = try await host.sync()
        try await host.shell(row.host)
        if !row.after.isEmpty { try await host.push(row.after) }
        let report = try await host.sync()
        let reasons = report.stacks.flatMap(\.reasons) + report.stacks.flatMap(\.services).compactMap(\.reason)
        #expect(report.stacks.map(\.outcome) == [.deployed] && reasons.contains(row.reason), "\(reasons)")
        try await host.shell("c=$(docker ps -q --filter label=com.docker.compose.project=a); \(row.arrived)")
        #expect(try await host.sync().outcome == .unchanged)
        try await host.shell(
          "docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=a) >/dev/null; docker volume rm -f restored a_data >/dev/null; docker rmi in-place:1 2>/dev/null; true"
        )
      }
    }

    @Test func `I11: a volume that would be made anew or left behind is refused, and what runs keeps it`() async throws
    {
      let files = Self.file("volumes: ['data:/d']", top: "volumes: {data: {}}\n")
      try await Host.with(files) { host in
        _ = try await host.sync()
        let container = try await host.containers()["a/web"]
        try await host.shell("docker exec \(container ?? "") sh -c 'echo kept >/d/f'")
        let options = "volumes: {data: {driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}\n"
        let refused = [
          Self.file("volumes: ['data:/d']", top: options),
          Self.file("volumes: ['other:/d']", top: "volumes: {other: {}}\n"),
          Self.file("volumes: ['./other:/d']"),
        ]
        for other in refused {
          try await host.push(other)
          let found = try await host.sync(expect: 3).diagnostics.filter { $0.severity == .error }
          #expect(found.map(\.rule) == ["volume-changed"] && found[0].message.contains("a_data"), "\(other): \(found)")
        }
        try await host.push(files)
        try await host.shell("echo COMPOSE_PROJECT_NAME=b >live/a/.env")
        let renamed = try await host.sync(expect: 3)
        #expect(renamed.diagnostics.contains { $0.rule == "volume-changed" && $0.message.contains("a_data") })
        #expect(try await host.containers()["a/web"] == container)
        try await host.shell(
          "docker exec \(container ?? "") grep -q kept /d/f; docker rm -f \(container ?? "") >/dev/null; docker volume rm a_data"
        )
      }
    }

    @Test func `I11: a volume over a directory with data is refused until it is there, a share is not`() async throws {
      let before = Self.file("volumes: ['./data:/d']")
      try await Host.with(before, live: ["a/data/x": "mine\n"]) { host in
        _ = try await host.sync()
        try await host.push(Self.file("volumes: ['data:/d']", top: "volumes: {data: {}}\n"))
        let refused = try await host.sync(expect: 3).diagnostics.first { $0.rule == "volume-changed" }
        #expect(refused?.message.contains("\(host.live)/a/data") == true, "\(String(describing: refused))")
        let share = "volumes: {share: {driver_opts: {type: none, o: bind, device: \(host.live)/a/data}}}\n"
        try await host.push(Self.file("volumes: ['share:/d']", top: share))
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        try await host.push(Self.file("volumes: ['data:/d']", top: "volumes: {data: {}}\n"))
        try await host.shell("docker volume create a_data >/dev/null")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        try await host.shell("docker rm -f a-web-1 >/dev/null; docker volume rm a_data a_share")
      }
    }

    @Test func `a volume that Compose has not made may become its own, and gives way to another one`() async throws {
      func file(_ volume: String) -> [String: String] {
        Self.file("volumes: ['data:/d']", top: "volumes: {data: {\(volume)}}\n")
      }
      try await Host.with([:]) { host in
        let (old, new) = ("old-\(Path.name(host.root))", "new-\(Path.name(host.root))")
        func mounted() async throws -> String {
          try await host.docker("inspect", "-f", "{{range .Mounts}}{{.Name}}{{end}}", "a-web-1")
        }
        try await host.docker("volume", "create", old)
        try await host.push(file("name: \(old), external: true"))
        _ = try await host.sync()
        try await host.push(file("name: \(old)"))
        let kept = try await host.sync().diagnostics.filter { $0.rule == "volume-changed" }
        #expect(try await mounted() == old + "\n" && kept.isEmpty)
        try await host.push(file("name: \(new)"))
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        #expect(try await mounted() == new + "\n")
        #expect(try await host.sync().outcome == .unchanged)
        try await host.shell("docker rm -f a-web-1 >/dev/null; docker volume rm \(old) \(new)")
      }
    }

    @Test func `a volume may get another key, and another one be mounted by its name`() async throws {
      func named(_ name: String) -> [String: String] {
        Self.file("volumes: ['other:/d']", top: "volumes: {other: {name: \(name)}}\n")
      }
      func told(_ host: Host) async throws -> [Diagnostic] {
        try await host.sync().diagnostics.filter { $0.rule == "volume-changed" }
      }
      try await Host.with(Self.file("volumes: ['data:/d']", top: "volumes: {data: {}}\n")) { host in
        _ = try await host.sync()
        try await host.push(named("a_data"))
        #expect(try await told(host).isEmpty)
        try await host.push(named("fresh-\(Path.name(host.root))"))
        let found = try await told(host)
        #expect(found.map(\.severity) == [.warning] && found[0].message.contains("a_data"))
        #expect(try await told(host).isEmpty)
        try await host.shell("docker rm -f a-web-1 >/dev/null; docker volume rm a_data fresh-\(Path.name(host.root))")
      }
    }

    @Test func `I7: the image to go back to outlives a build under its name and a prune`() async throws {
      func image(_ text: String) -> String {
        "printf 'FROM busybox:test\\nRUN echo \(text) >/v\\n' | docker build -q -t kept-local:1 - >/dev/null"
      }
      let file =
        "services: {web: {image: 'kept-local:1', pull_policy: never, command: sleep 9999, stop_signal: SIGKILL}}\n"
      try await Host.with([:]) { host in
        try await host.shell(image("one"))
        try await host.push(["a/compose.yaml": file])
        _ = try await host.sync()
        try await host.shell(image("two"))
        try await host.push(["a/compose.yaml": file + "# two\n"])
        _ = try await host.sync()
        try await host.shell("docker image prune -f >/dev/null; docker rmi -f kept-local:1 >/dev/null")
        #expect(try await host.clup(["rollback", "--all"]).status == 0)
        try await host.shell("docker exec $(docker ps -q --filter label=com.docker.compose.project=a) grep -q one /v")
        try await host.shell(
          "docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=a) >/dev/null; docker images --format '{{.Repository}}:{{.Tag}}' clup/keep | xargs -r docker rmi >/dev/null; true"
        )
      }
    }

    @Test func `a network that somebody else is in is not made anew`() async throws {
      try await Host.with(Self.file("networks: [back]", top: "networks: {back: {}}\n")) { host in
        _ = try await host.sync()
        let container = try await host.containers()["a/web"]
        let guest = host.root.split(separator: "-").last.map { "guest-\($0)" } ?? "guest"
        try await host.docker("run", "-d", "--name", guest, "--network", "a_back", "busybox:test", "sleep", "1000")
        try await host.push(Self.file("networks: [back]", top: "networks: {back: {internal: true}}\n"))
        let refused = try await host.sync(expect: 1)
        #expect(refused.stacks.first?.error?.contains("the container \(guest) is in it") == true, "\(refused)")
        #expect(try await host.containers()["a/web"] == container)
        try await host.docker("rm", "-f", guest)
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
      }
    }

    @Test func `I14: an image that comes later and a paused container hold no commit`() async throws {
      try await Host.with(["a/compose.yaml": sleeper()]) { host in
        _ = try await host.sync()
        let late = sleeper().replacing("busybox:test", with: "busybox:later")
        try await host.push(["a/compose.yaml": late.replacing("command:", with: "pull_policy: missing\n    command:")])
        let waiting = try await host.sync(expect: 1).stacks.first
        #expect(waiting?.outcome == .waiting, "\(waiting?.outcome.rawValue ?? "") \(waiting?.error ?? "")")
        let held = try await host.status()["a"]?["held"]
        #expect(held == nil || held == .null)
        try await host.shell("docker tag busybox:test busybox:later")
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        try await host.shell("docker pause $(docker ps -q --filter label=com.docker.compose.project=a)")
        try await host.push(["a/compose.yaml": sleeper("web", "labels: {x: y}")])
        #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
        let id = try #require(try await host.containers()["a/web"])
        try await host.docker("pause", id)
        let resumed = try await host.sync().stacks.first
        #expect(resumed?.services.map(\.reason) == ["drift: container paused"])
        #expect(try await host.containers()["a/web"] == id, "it goes on, and is not made anew")
        #expect(try await host.docker("inspect", "-f", "{{.State.Status}}", id).hasPrefix("running"))
        try await host.shell("docker rmi busybox:later")
      }
    }

    @Test func `a service that somebody ran beside the stack gets what the commit mounts, one or several`() async throws
    {
      let side = service("side", ["volumes: ['./side.conf:/conf:ro']"])
      for (path, more) in [("a", ""), ("b", "    scale: 2\n")] {
        try await Host.with(["\(path)/compose.yaml": sleeper()]) { host in
          _ = try await host.sync()
          try host.write("\(path)/side.conf", "by hand\n", in: host.live)
          try host.write("\(path)/side.yaml", "services:\n" + side, in: host.live)
          _ = try await host.compose(path, "-f", "compose.yaml", "-f", "side.yaml", "up", "-d", "side")
          try await host.push([
            "\(path)/compose.yaml": sleeper() + side + more, "\(path)/side.conf": "the commit's\n",
          ])
          #expect(try await host.sync().stacks.map(\.outcome) == [.deployed])
          let found = try await host.shell(
            "docker ps -q --filter label=com.docker.compose.project=\(path) --filter label=com.docker.compose.service=side"
              + " | while read c; do docker exec $c cat /conf; done")
          #expect(found == String(repeating: "the commit's\n", count: more.isEmpty ? 1 : 2))
          #expect(try await host.sync().outcome == .unchanged)
          try await host.shell(
            "docker rm -f $(docker ps -aq --filter label=com.docker.compose.project=\(path)) >/dev/null")
        }
      }
    }
  }
}
