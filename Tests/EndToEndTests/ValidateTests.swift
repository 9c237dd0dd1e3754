import Core
import Foundation
import Processes
import Testing

/// Drives `clup validate` on real Compose; no engine is needed.
@Suite("Validate") struct ValidateTests {
  /// One way to break a rule: files of one stack, and where the finding must stand.
  struct Attack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let rule: String
    let file: String
    let line: Int
    let files: [String: String]

    init(_ what: String, _ rule: String, _ line: Int, in file: String = "compose.yaml", _ files: [String: String]) {
      (testDescription, self.rule, self.line, self.file, self.files) = (what, rule, line, file, files)
    }

    /// A stack of one file whose service has these lines from line 4 on.
    init(_ what: String, _ rule: String, _ line: Int = 4, _ lines: String...) {
      self.init(
        what, rule, line,
        ["compose.yaml": "services:\n  web:\n    image: nginx:1.27\n" + lines.map { "    \($0)\n" }.joined()])
    }
  }

  static let base = "services:\n  base:\n    image: nginx:1.27\n    "

  static let attacks: [Attack] = [
    Attack(
      "a second document", "compose", 5,
      ["compose.yaml": "services:\n  web:\n    image: nginx:1.27\n---\nservices: {web: {privileged: true}}\n"]),
    Attack(
      "a second document of an included file", "compose", 3, in: "more.yaml",
      [
        "compose.yaml": "include: [more.yaml]\n",
        "more.yaml": "services: {base: {image: 'nginx:1.27'}}\n---\nvolumes: {v: {}}\n",
      ]),
    Attack(
      "a variable in a probe's line", "compose", 2,
      [
        "compose.yaml":
          "x-clup:\n  probes: [{exec: 'test -n \"${PASSWORD}\"', service: web}]\nservices: {web: {image: 'nginx:1.27'}}\n"
      ]),
    Attack(
      "a variable in a probe's words", "compose", 4,
      [
        "compose.yaml":
          "x-clup:\n  probes:\n    - exec: [mysqladmin,\n        '-p$$$PASSWORD']\nservices: {web: {image: 'nginx:1.27'}}\n"
      ]),
    Attack(
      "a variable in a probe of an override", "compose", 1, in: "compose.override.yaml",
      [
        "compose.yaml": "services: {web: {image: 'nginx:1.27'}}\n",
        "compose.override.yaml": "x-clup: {probes: [{exec: 'echo ${A:-b}'}]}\n",
      ]),
    Attack("the socket by file", "docker-socket", 4, "volumes: ['/var/run/docker.sock:/var/run/docker.sock']"),
    Attack("the socket by its other name", "docker-socket", 4, "volumes: ['/run/docker.sock:/s:ro']"),
    Attack("the socket by a parent directory", "docker-socket", 4, "volumes: ['/var/run:/host-run']"),
    Attack("the socket by the root", "docker-socket", 4, "volumes: ['/:/host:ro']"),
    Attack("the socket through ..", "docker-socket", 4, "volumes: ['/var/lib/../run/docker.sock:/s']"),
    Attack(
      "the socket in long syntax", "docker-socket", 5, "volumes:", "  - type: bind", "    source: /var/run/docker.sock",
      "    target: /s"),
    Attack(
      "the socket by a named volume", "docker-socket", 5,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts:\n      device: /var/run\n      o: bind\n      type: none\n"
      ]),
    Attack("the socket by use_api_socket", "docker-socket", 4, "use_api_socket: true"),
    Attack("the socket by DOCKER_HOST", "docker-socket", 5, "environment:", "  DOCKER_HOST: unix:///s/d.sock"),
    Attack(
      "the socket by a secret", "docker-socket", 3,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', secrets: [s]}}\nsecrets:\n  s: {file: /var/run/docker.sock}\n"
      ]),
    Attack(
      "the socket by an interpolated default", "docker-socket", 4, "volumes: ['${SOCK:-/var/run/docker.sock}:/s']"),
    Attack(
      "the socket under a profile that is off", "docker-socket", 5, "profiles: [debug]",
      "volumes: ['/var/run/docker.sock:/s']"),
    Attack(
      "the socket through a merge key", "docker-socket", 2,
      [
        "compose.yaml":
          "x-evil: &evil\n  volumes: ['/var/run/docker.sock:/s']\nservices:\n  web:\n    <<: *evil\n    image: nginx:1.27\n"
      ]),
    Attack(
      "the socket through extends", "docker-socket", 4, in: "base.yaml",
      [
        "compose.yaml": "services: {web: {extends: {file: base.yaml, service: base}}}\n",
        "base.yaml": base + "volumes: ['/var/run/docker.sock:/s']\n",
      ]),
    Attack(
      "the socket through include", "docker-socket", 4, in: "side/more.yaml",
      [
        "compose.yaml": "include: [side/more.yaml]\n",
        "side/more.yaml": base + "volumes: ['/var/run/docker.sock:/s']\n",
      ]),
    Attack(
      "the socket through an override file", "docker-socket", 3, in: "compose.override.yaml",
      [
        "compose.yaml": "services: {web: {image: 'nginx:1.27'}}\n",
        "compose.override.yaml": "services:\n  web:\n    volumes: ['/var/run/docker.sock:/s']\n",
      ]),
    Attack(
      "the socket by a symbolic link in the repository", "docker-socket", 4,
      ["compose.yaml": base + "volumes: ['./sock:/s']\n", "sock": "-> /var/run/docker.sock"]),
    Attack(
      "the socket by a link to a link", "docker-socket", 4,
      ["compose.yaml": base + "volumes: ['./a/docker.sock:/s']\n", "a": "-> b", "b": "-> /var/run", "c": "x"]),

    Attack(
      "the socket by a volume that only looks like NFS", "docker-socket", 4,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts: {type: nfs, o: 'addr=1.2.3.4,bind', device: /var/run}\n"
      ]),
    Attack(
      "the socket by another service's volumes", "docker-socket", 3,
      [
        "compose.yaml":
          "services:\n  proxy: {image: 'nginx:1.27', volumes: ['/var/run/docker.sock:/s:ro']}\n  web: {image: 'nginx:1.27', volumes_from: ['proxy:ro']}\n"
      ]),
    Attack(
      "the socket in a second document", "docker-socket", 5,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27'}}\n---\nservices:\n  web:\n    volumes: ['/run/docker.sock:/s']\n"
      ]),
    Attack(
      "a password in a second document", "plaintext-secret", 5,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27'}}\n---\nservices:\n  web:\n    environment: {DB_PASSWORD: hunter22}\n"
      ]),
    Attack(
      "a secret for a build alone", "host-path", 3,
      ["compose.yaml": "services: {web: {build: {context: ., secrets: [s]}}}\nsecrets:\n  s: {file: /etc/shadow}\n"]),

    Attack(
      "the socket in a profiled service merged into services", "docker-socket", 2,
      [
        "compose.yaml":
          "x-s: &s\n  evil: {image: 'nginx:1.27', profiles: [x], volumes: ['/var/run/docker.sock:/s']}\nservices:\n  <<: *s\n  a: {image: 'nginx:1.27'}\n"
      ]),
    Attack(
      "the socket as a default that a placeholder would hide", "docker-socket", 5, "working_dir: ${P}",
      "volumes: ['${P:-/var/run/docker.sock}:/s']"),
    Attack(
      "the socket by a relative device", "docker-socket", 4,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts: {type: none, o: 'rw,bind', device: var/run}\n"
      ]),
    Attack(
      "the socket through another one's processes", "docker-socket", 3,
      [
        "compose.yaml":
          "services:\n  proxy: {image: 'nginx:1.27', volumes: ['/var/run/docker.sock:/s:ro']}\n  web: {image: 'nginx:1.27', pid: 'service:proxy'}\n"
      ]),
    Attack("privileged by a key in base64", "compose", 4, "!!binary cHJpdmlsZWdlZA==: true"),
    Attack(
      "the host's network by an external one", "privileged", 4,
      [
        "compose.yaml":
          "services:\n  web:\n    image: nginx:1.27\n    networks: [h]\nnetworks: {h: {external: true, name: host}}\n"
      ]),
    Attack("a privileged hook before the start", "privileged", 4, "pre_start: [{command: id, privileged: true}]"),
    Attack("GPUs", "privileged", 4, "gpus: all"),
    Attack("a profile of system calls", "privileged", 4, "security_opt: ['seccomp:./all.json']"),
    Attack("the second of two devices", "privileged", 6, "devices:", "  - /dev/sda1:/a", "  - /dev/sda:/b"),
    Attack(
      "privileged in an override file", "privileged", 3, in: "compose.override.yaml",
      [
        "compose.yaml": "services: {web: {image: 'nginx:1.27', privileged: false}}\n",
        "compose.override.yaml": "services:\n  web:\n    privileged: true\n",
      ]),
    Attack(
      "a port on the host's own network", "published-port", 4,
      ["compose.yaml": "services: {web: {image: 'nginx:1.27', networks: [h]}}\nnetworks:\n  h:\n    driver: macvlan\n"]),
    Attack("the second of two alike ports", "published-port", 6, "ports:", "  - 127.0.0.1:8080:80", "  - 8080:80/udp"),
    Attack("a mount beside one with its path as source", "host-path", 6, "volumes:", "  - ./data:/x", "  - /etc:/data"),
    Attack("a parent of a system path", "host-path", 4, "volumes: ['/var/lib:/x']"),
    Attack(
      "the kernel's own files", "host-path", 4,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts: {type: proc, device: proc}\n"
      ]),
    Attack("a cache of a build", "host-path", 4, "build: {context: ., cache_to: ['type=local,dest=/etc/cron.d']}"),
    Attack("an env_file as a default", "host-path", 4, "env_file: '${X:-/etc/os-release}'"),
    Attack("an env_file that a container may mount", "host-path", 4, "env_file: /etc/timezone"),
    Attack("an env_file without an end", "host-path", 4, "env_file: /dev/zero"),
    Attack("a device whose mode a container could change", "host-path", 4, "volumes: ['/dev/full:/x']"),
    Attack(
      "another project directory", "host-path", 1,
      [
        "compose.yaml": "include: [{path: more.yaml, project_directory: /etc}]\n",
        "more.yaml": "services: {web: {image: 'nginx:1.27'}}\n",
      ]),
    Attack("a password with a dollar", "plaintext-secret", 5, "environment:", "  DB_PASSWORD: 'hunter$$22abc'"),
    Attack(
      "a password beside a reference", "plaintext-secret", 5, "environment:", "  DB_PASSWORD: 'hunter22abc${EMPTY:-}'"),
    Attack(
      "a password merged into an environment", "plaintext-secret", 1,
      [
        "compose.yaml":
          "x-a: {b: &e {DB_PASSWORD: hunter22abc}}\nservices: {web: {image: 'nginx:1.27', environment: {<<: *e, A: b}}}\n"
      ]),
    Attack(
      "a password in a config's content", "plaintext-secret", 3,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', configs: [c]}}\nconfigs:\n  c: {content: \"DB_PASSWORD=hunter22abc\"}\n"
      ]),
    Attack(
      "a token of a log driver", "plaintext-secret", 4,
      "logging: {driver: splunk, options: {splunk-token: 176FCEBF-4CF5}}"),
    Attack("a password in a shell's words", "plaintext-secret", 4, "command: sh -c 'DB_PASSWORD=hunter22abc exec app'"),
    Attack("a password of a user", "plaintext-secret", 4, "command: curl -u admin:hunter22abc http://x"),
    Attack(
      "a password in JSON", "plaintext-secret", 4, "environment: {APP_CONFIG: '{\"db_password\":\"hunter22abc\"}'}"),
    Attack(
      "a password with a colon in an env_file of CRLF", "plaintext-secret", 2, in: "web.env",
      ["compose.yaml": base + "env_file: web.env\n", "web.env": "A=1\r\nAPI_TOKEN: abcdef123456\r\n"]),

    Attack("a system path", "host-path", 4, "volumes: ['/etc:/etc-host:ro']"),
    Attack("a path in long syntax", "host-path", 5, "volumes:", "  - {type: bind, source: /root, target: /r}"),
    Attack(
      "a path by a config", "host-path", 3,
      ["compose.yaml": "services: {web: {image: 'nginx:1.27', configs: [c]}}\nconfigs:\n  c: {file: /etc/shadow}\n"]),
    Attack(
      "a path by a volume's driver", "host-path", 5,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts:\n      device: /boot\n      o: bind\n      type: none\n"
      ]),
    Attack(
      "a path by an overlay", "host-path", 4,
      [
        "compose.yaml":
          "services: {web: {image: 'nginx:1.27', volumes: ['vol:/s']}}\nvolumes:\n  vol:\n    driver_opts: {type: overlay, device: overlay, o: 'lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w'}\n"
      ]),
    Attack("a path by an interpolated default", "host-path", 4, "volumes: ['${D:-/etc}:/d']"),
    Attack("a path under a profile that is off", "host-path", 5, "profiles: [x]", "volumes: ['/etc:/d']"),
    Attack("a path by an env_file", "host-path", 4, "env_file: [{path: /etc/environment, required: false}]"),
    Attack("a path as a build context", "host-path", 4, "build: {context: /etc}"),
    Attack(
      "a path through extends", "host-path", 4, in: "base.yaml",
      [
        "compose.yaml": "services: {web: {extends: {file: base.yaml, service: base}}}\n",
        "base.yaml": base + "volumes: ['/etc:/d']\n",
      ]),
    Attack(
      "a link that leads out", "host-path", 4,
      ["compose.yaml": base + "volumes: ['./out/x:/s']\n", "out": "-> ../../../../../../etc"]),
    Attack("another project's volumes", "host-path", 4, "volumes_from: ['container:other']"),

    Attack("privileged", "privileged", 4, "privileged: true"),
    Attack("a capability", "privileged", 6, "cap_add:", "  - CHOWN", "  - SYS_ADMIN"),
    Attack("a device", "privileged", 4, "devices: ['/dev/kvm:/dev/kvm']"),
    Attack("unconfined", "privileged", 4, "security_opt: ['seccomp:unconfined']"),
    Attack("unconfined with =", "privileged", 4, "security_opt: ['apparmor=unconfined']"),
    Attack("the host's processes", "privileged", 4, "pid: host"),
    Attack("the host's memory", "privileged", 4, "ipc: host"),
    Attack("the host's network", "privileged", 4, "network_mode: host"),
    Attack("the host's name", "privileged", 4, "uts: host"),
    Attack("the host's users", "privileged", 4, "userns_mode: host"),
    Attack("the host's cgroups", "privileged", 4, "cgroup: host"),
    Attack("a foreign container's network", "privileged", 4, "network_mode: 'container:other'"),
    Attack(
      "another stack's container's network", "privileged", 4,
      [
        "compose.yaml": base + "network_mode: 'container:theirs'\n",
        "other/compose.yaml": "services: {a: {image: 'nginx:1.27', container_name: 'theirs'}}\n",
      ]),
    Attack(
      "a container that only a profile would make", "privileged", 4,
      [
        "compose.yaml": base + "network_mode: 'container:later'\n"
          + "  later: {image: 'nginx:1.27', container_name: later, profiles: [x]}\n"
      ]),
    Attack(
      "a container that is not made", "privileged", 4,
      [
        "compose.yaml": base + "ipc: 'container:never'\n"
          + "  never: {image: 'nginx:1.27', container_name: never, scale: 0}\n"
      ]),
    Attack(
      "the host's network by a container's name", "privileged", 4,
      [
        "compose.yaml": base + "network_mode: 'container:host-guest'\n"
          + "  guest: {image: 'nginx:1.27', container_name: host-guest, network_mode: host}\n"
      ]),
    Attack("a template's image", "compose", 3, ["compose.yaml": "services:\n  web:\n    image: 'nginx:{{ tag }}'\n"]),
    Attack("a reference to be filled in", "compose", 4, "environment: {A: '{{ op://vault/item/field }}'}"),
    Attack("a provider", "privileged", 4, "provider: {type: evil}"),
    Attack("a privileged hook", "privileged", 4, "post_start: [{command: id, privileged: true}]"),
    Attack("a privileged build", "privileged", 4, "build: {context: ., privileged: true}"),
    Attack("privileged by a variable", "privileged", 4, "privileged: ${P:-true}"),
    Attack(
      "privileged through a merge key", "privileged", 1,
      ["compose.yaml": "x-e: &e {privileged: true}\nservices:\n  web:\n    <<: *e\n    image: nginx:1.27\n"]),
    Attack("privileged under a profile", "privileged", 5, "profiles: [x]", "privileged: true"),

    Attack("a port without an address", "published-port", 4, "ports: ['8080:80']"),
    Attack("a port without a host port", "published-port", 4, "ports: ['80']"),
    Attack("a port on 0.0.0.0", "published-port", 6, "ports:", "  - 127.0.0.1:1:1", "  - 0.0.0.0:2:2"),
    Attack("a port on ::", "published-port", 4, "ports: ['[::]:80:80']"),
    Attack("a port on another address", "published-port", 4, "ports: ['192.168.1.2:80:80']"),
    Attack("a range of ports", "published-port", 4, "ports: ['9000-9002:9000-9002']"),
    Attack("a port in long syntax", "published-port", 5, "ports:", "  - {target: 80, published: '8081'}"),
    Attack("a port on an interpolated address", "published-port", 4, "ports: ['${BIND:-0.0.0.0}:80:80']"),
    Attack("an interpolated port", "published-port", 4, "ports: ['${PORT:-8080}:80']"),
    Attack(
      "a port through include", "published-port", 4, in: "more.yaml",
      ["compose.yaml": "include: [more.yaml]\n", "more.yaml": base + "ports: ['1:1']\n"]),

    Attack("a password in a mapping", "plaintext-secret", 5, "environment:", "  POSTGRES_PASSWORD: hunter22"),
    Attack(
      "a password in a list", "plaintext-secret", 6, "environment:", "  - A=b", "  - MYSQL_ROOT_PASSWORD=db-78n9n"),
    Attack("a password as a default", "plaintext-secret", 5, "environment:", "  DB_PASSWORD: ${DB_PASSWORD:-hunter22}"),
    Attack(
      "a password in an address", "plaintext-secret", 5, "environment:",
      "  DATABASE_URL: postgres://app:hunter22@db/app"),
    Attack("a password in a command", "plaintext-secret", 4, "command: redis-server --requirepass hunter22"),
    Attack("a password in a command's list", "plaintext-secret", 4, "command: [redis-server, --requirepass, hunter22]"),
    Attack(
      "a token in a label", "plaintext-secret", 5, "labels:", "  deploy: ghp_0123456789abcdefghijABCDEFGHIJ456789"),
    Attack(
      "a token in a build argument", "plaintext-secret", 4, "build: {context: ., args: {NPM_TOKEN: abcdef123456}}"),
    Attack(
      "a password behind an anchor", "plaintext-secret", 1,
      [
        "compose.yaml":
          "x-e: &e {DB_PASSWORD: hunter22}\nservices:\n  web:\n    image: nginx:1.27\n    environment: *e\n"
      ]),
    Attack(
      "a password in an env_file", "plaintext-secret", 2, in: "web.env",
      ["compose.yaml": base + "env_file: web.env\n", "web.env": "A=1\nAPI_TOKEN=abcdef123456\n"]),
    Attack(
      "a password in an address of an env_file", "plaintext-secret", 1, in: "web.env",
      ["compose.yaml": base + "env_file: web.env\n", "web.env": "DATABASE=postgres://app:hunter22@db/app\n"]),
    Attack(
      "a password in a health check", "plaintext-secret", 4, "healthcheck: {test: mysqladmin ping --password=hunter22}"),
  ]

  static let innocent: [String] = [
    "volumes: ['/etc/localtime:/etc/localtime:ro', '/dev/null:/etc/x.conf:ro']", "devices: [/dev/null]",
    "ports: ['127.0.0.1:8080:80', '[::1]:81:81']",
    "environment: {POSTGRES_PASSWORD: '${POSTGRES_PASSWORD}', POSTGRES_PASSWORD_FILE: /run/secrets/p}",
    "environment: {DATABASE_URL: 'postgres://app:${PW}@db/app', TOKEN_TTL: 3600s, PASSWORD: changeme, SECRET_NAME: app}",
    "security_opt: ['no-new-privileges:true']", "command: ['--password-file', /run/p]", "cap_drop: [ALL]",
    "environment: {DOCKER_HOST: 'tcp://proxy:2375'}", "volumes: ['data:/data', './conf:/conf:ro', '${DIR}:/data2']",
    "mem_limit: ${MEM}",
    "healthcheck: {test: [CMD-SHELL, 'mysqladmin ping --password=\"$$(cat /run/secrets/p)\" && PGPASSWORD=$$POSTGRES_PASSWORD psql']}",
    "ports: ['${BIND:?}:80:80']", "deploy: {replicas: '${N}'}", "env_file: settings.env",
  ]

  /// What many a stack has in a tracked `env_file`.
  static let settings =
    "LOG_LEVEL=info\nTZ=Europe/Paris\nLANG=en_US.UTF-8\nURL=http://db:5432/x\nTOKEN_TTL=3600s\nDB_PASSWORD=${DB_PASSWORD}\n"

  /// Lays the stacks out as a work tree; `-> x` as a file's text makes a symbolic link.
  static func lay(_ stacks: [String: [String: String]], at root: String) throws {
    for (name, files) in stacks {
      for (path, text) in files {
        let file = "\(root)/\(name)/\(path)"
        try FileManager.default.createDirectory(atPath: Path.parent(file), withIntermediateDirectories: true)
        if text.hasPrefix("-> ") {
          try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: String(text.dropFirst(3)))
        } else {
          try text.write(toFile: file, atomically: false, encoding: .utf8)
        }
      }
    }
  }

  static func validate(
    _ directory: String, _ arguments: String..., home: String? = nil, expect: Int32? = nil
  ) async throws -> [Diagnostic] {
    let answer = try await clup(["validate", directory, "--output", "json"] + arguments, home: home)
    if let expect { #expect(answer.status == .exited(expect), "\(answer.outputText) \(answer.errorText)") }
    struct Validation: Codable { let schema: String, diagnostics: [Diagnostic] }
    let validation = try JSONDecoder().decode(Validation.self, from: Data(answer.output))
    #expect(validation.schema == "clup.validation/1")
    return validation.diagnostics
  }

  static func clup(_ arguments: [String], in directory: String = "/", home: String? = nil) async throws -> Outcome {
    let program = try #require(Host.binary, "CLUP_TEST_BINARY names the built program; deploy/test sets it")
    var variables = ProcessInfo.processInfo.environment.filter { ["PATH", "HOME", "TMPDIR"].contains($0.key) }
    if let home { variables["HOME"] = home }
    return try await run(
      Command(program, arguments, environment: variables, directory: directory, deadline: .seconds(120)))
  }

  /// A directory that goes away with the test.
  static func scratch(_ test: (String) async throws -> Void) async throws {
    let root = NSTemporaryDirectory() + "/clup-validate-test-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    do { try await test(root) } catch {
      try FileManager.default.removeItem(atPath: root)
      throw error
    }
    try FileManager.default.removeItem(atPath: root)
  }

  /// Lists the attacks that no finding stands for, with what was found instead.
  static func missed(_ found: [Diagnostic]) -> [String] {
    attacks.enumerated().compactMap { index, attack in
      let file = "s\(index)/\(attack.file)"
      let hit = found.contains {
        $0.file == file && $0.rule == attack.rule && $0.line == attack.line && $0.column != nil && $0.refuses
      }
      let others = found.filter { $0.stack == "s\(index)" || $0.file.hasPrefix("s\(index)/") }
      return hit
        ? nil
        : "\(attack.testDescription): "
          + others.map { "\($0.rule) \($0.file):\($0.line ?? 0) \($0.message)" }.joined(separator: "; ")
    }
  }

  @Test func `each attack is refused at the line that carries it`() async throws {
    try await Self.scratch { root in
      try Self.lay(
        Dictionary(uniqueKeysWithValues: Self.attacks.enumerated().map { ("s\($0)", $1.files) }), at: root)
      let found = try await Self.validate(root, expect: 3)
      #expect(Self.missed(found) == [])
      let told = found.filter { $0.rule.hasSuffix("secret") }.map(\.message).joined()
      #expect(!told.contains("hunter22") && !told.contains("db-78n9n") && !told.contains("abcdef123456"))
    }
  }

  @Test func `what is right is not refused`() async throws {
    try await Self.scratch { root in
      try Self.lay(
        Dictionary(
          uniqueKeysWithValues: Self.innocent.enumerated().map { index, line in
            let volumes = line.contains("data:/data") ? "volumes: {data: {}}\n" : ""
            let file = "services:\n  web:\n    image: nginx:1.27\n    \(line)\n\(volumes)"
            return ("s\(index)", ["compose.yaml": file, "settings.env": Self.settings])
          }), at: root)
      let found = try await Self.validate(root).filter { $0.refuses && $0.rule != "project-collision" }
      #expect(found.map { "\(Self.innocent[Int($0.stack?.dropFirst() ?? "0") ?? 0]): \($0.message)" } == [])
    }
  }

  @Test func `an order that leads nowhere or in a circle is found where it stands`() async throws {
    try await Self.scratch { root in
      func file(_ after: String) -> String {
        "services:\n  web: {image: 'nginx:1.27'}\nx-clup:\n  after: [\(after)]\n"
      }
      try Self.lay(
        [
          "a": ["compose.yaml": file("b")], "b": ["compose.yaml": file("c")], "c": ["compose.yaml": file("a")],
          "d": ["compose.yaml": file("elsewhere")], "e": ["compose.yaml": file("d")],
        ], at: root)
      let found = try await Self.validate(root, expect: 3).filter { $0.refuses && $0.rule == "compose" }
      #expect(found.map { "\($0.file):\($0.line ?? 0)" } == "abcd".map { "\($0)/compose.yaml:4" })
      #expect(found.first?.message == "it comes after itself: a after b after c after a")
      #expect(found.last?.message.contains("elsewhere, which is not a stack") == true)
    }
  }

  @Test func `nothing is needed but Compose: a plain directory, and a clone with ignored files`() async throws {
    try await Self.scratch { root in
      let good = "services: {web: {image: 'nginx:1.27', env_file: .env, volumes: ['${DIR}:/d']}}\n"
      try Self.lay(["w": ["a/compose.yaml": good, ".gitignore": ".env\n", "a/.env": "TOKEN=x\n"]], at: root)
      let plain = try await Self.validate(root + "/w", expect: 3)
      #expect(plain.filter(\.refuses).map(\.file) == ["a/.env"])
      let git = try #require(find("git", in: ProcessInfo.processInfo.environment["PATH"] ?? ""))
      func call(_ arguments: String...) async throws {
        let outcome = try await run(
          Command(
            git, ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", root + "/w"] + arguments,
            environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(20)))
        #expect(outcome.succeeded, "\(arguments) \(outcome.errorText)")
      }
      try await call("init", "-q", "-b", "main")
      #expect(try await Self.validate(root + "/w", expect: 0).filter(\.refuses) == [])
      try await call("add", "-A")
      try await call("commit", "-qm", "one")
      try Self.lay(
        [
          "w": [
            "b/compose.yaml": "services: {web: {image: 'nginx:1.27', privileged: true}}\n",
            "c/compose.yaml": "services: {web: {image: nginx}}\n",
          ]
        ], at: root)
      try await call("add", "b")
      try await call("commit", "-qm", "two")
      #expect(try await Self.validate(root + "/w", expect: 3).filter(\.refuses).map(\.file) == ["b/compose.yaml"])
      #expect(
        try await Self.validate(root + "/w", "--changed-since", "HEAD", expect: 0).map(\.file).filter {
          $0 != "c/compose.yaml"
        } == [])
      #expect(
        try await Self.validate(root + "/w", "--changed-since", "HEAD~1", expect: 3).contains {
          $0.rule == "privileged"
        })
    }
  }

  @Test func `a link to a stack's directory is told as a sync tells it`() async throws {
    try await Self.scratch { root in
      try Self.lay(["w": ["a/compose.yaml": "services: {web: {image: 'nginx:1.27'}}\n"]], at: root)
      try FileManager.default.createSymbolicLink(atPath: root + "/w/b", withDestinationPath: "a")
      let found = try await Self.validate(root + "/w", expect: 0).filter { $0.rule == "unmanaged-file" }
      #expect(found.map(\.file) == ["b"])
    }
  }

  static let bombs: [(what: String, text: String)] = [
    ("deep lists", "services: " + String(repeating: "[", count: 200_000)),
    (
      "an alias bomb",
      "a0: &a0 [x]\n" + (1...40).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1), *a\($0 - 1)]\n" }.joined()
    ),
    ("a scalar of 10 MB", "services: {web: {image: " + String(repeating: "x", count: 10 << 20) + "}}"),
    (
      "a scalar repeated by aliases",
      "x-a: &a '" + String(repeating: "y", count: 400_000) + "'\nservices:\n  web:\n    image: x\n    environment:\n"
        + (0..<120).map { "      K\($0): *a\n" }.joined()
    ),
  ]

  @Test(arguments: bombs.indices) func `what would take all memory or time is refused, by the program too`(_ index: Int)
    async throws
  {
    try await Self.scratch { root in
      try Self.lay(["s": ["compose.yaml": Self.bombs[index].text]], at: root)
      let found = try await Self.clup(["validate", root])
      #expect(found.status == .exited(3) || found.status == .exited(1), "\(Self.bombs[index].what): \(found.errorText)")
      #expect(!found.deadlineExceeded)
    }
  }

  @Test func `I8: a rule names no value of the host's own, and long lines are read in bounded time`() async throws {
    try await Self.scratch { root in
      try Self.lay(
        [
          "w": [
            "a/compose.yaml": Self.base + "cap_add: ['${DB_PASSWORD}']\n    volumes: ['/etc/${DB_PASSWORD}:/x']\n",
            "b/compose.yaml": Self.base + "labels: {x: '" + String(repeating: "a", count: 60_000) + " ://'}\n",
            "long.txt": String(repeating: String(repeating: "a", count: 3990) + "\n", count: 20),
            "crlf.txt": String(repeating: "a\r\n", count: 1500) + "ghp_0123456789abcdefghijABCDEFGHIJ456789\r\n",
          ], "live": ["a/.env": "DB_PASSWORD=Livehunter22\n"],
        ], at: root)
      for output in ["text", "json", "github", "sarif"] {
        let answer = try await Self.clup(["validate", root + "/w", "--live-root", root + "/live", "--output", output])
        #expect(!(answer.outputText + answer.errorText).contains("hunter22"))
        #expect(!answer.deadlineExceeded)
      }
      let found = try await Self.validate(root + "/w", "--live-root", root + "/live", expect: 3)
      #expect(found.contains { $0.file == "crlf.txt" && $0.line == 1501 })
    }
  }

  @Test func `a host's values decide where they are given`() async throws {
    try await Self.scratch { root in
      let file = "services: {web: {image: 'nginx:1.27', ports: ['${BIND}:80:80']}}\n"
      try Self.lay(
        ["w": ["a/compose.yaml": file], "live": ["a/.env": "BIND=0.0.0.0\n"], "v": ["values": "BIND=127.0.0.1\n"]],
        at: root)
      #expect(try await Self.validate(root + "/w", expect: 0).filter(\.refuses) == [])
      #expect(
        try await Self.validate(root + "/w", "--live-root", root + "/live", expect: 3).contains {
          $0.rule == "published-port"
        })
      #expect(
        try await Self.validate(root + "/w", "--live-root", root + "/live", "--env-file", root + "/v/values", expect: 0)
          .filter(\.refuses) == [])
    }
  }

  @Test func `waivers excuse for a while, and only what they name`() async throws {
    try await Self.scratch { root in
      let proxy = { (extra: String) in
        "services:\n  proxy:\n    image: tecnativa/docker-socket-proxy:0.3\n    volumes: ['/var/run/docker.sock:/var/run/docker.sock\(extra.isEmpty ? ":ro" : "")']\n    environment: {CONTAINERS: 1\(extra)}\n"
      }
      func config(_ name: String, _ waivers: String) throws -> String {
        let file = "\(root)/\(name).yaml"
        try
          "repository: r\nbranch: main\nlive_root: \(root)/live\ncheckout: \(root)/live/clup\npolicy:\n  waivers:\n\(waivers)"
          .write(
            toFile: file, atomically: false, encoding: .utf8)
        return file
      }
      try Self.lay(["good": ["s/compose.yaml": proxy("")], "bad": ["s/compose.yaml": proxy(", EXEC: 1")]], at: root)
      let waiver = { (end: String) in
        "    - {rule: docker-socket, stack: s, service: proxy, image: 'tecnativa/docker-socket-proxy:0.3', reason: the one holder, expires: \(end)}\n"
      }
      let valid = try config("valid", waiver("2999-01-01"))
      let found = try await Self.validate(root + "/good", "--config", valid, expect: 0)
      #expect(found.filter { $0.rule == "docker-socket" }.map(\.waived) == [true])
      let held = try await Self.validate(root + "/bad", "--config", valid, expect: 3).filter(\.refuses)
      #expect(held.map(\.rule) == ["socket-proxy", "socket-proxy"] && held.map(\.line) == [4, 5])
      let ended = try await Self.validate(
        root + "/good", "--config", try config("ended", waiver("2020-01-01")), expect: 3)
      #expect(
        ended.contains { $0.file.hasSuffix("ended.yaml") && $0.line == 7 && $0.message.contains("ended on 2020-01-01") }
      )
      let idle = try await Self.validate(
        root + "/good", "--config",
        try config(
          "idle", waiver("2999-01-01") + "    - {rule: no-limits, stack: t, reason: none, expires: 2999-01-01}\n"),
        expect: 0)
      #expect(idle.contains { $0.severity == .warning && $0.message.contains("covers nothing") })
      let wrong = try await Self.clup([
        "validate", root + "/good", "--config",
        try config("wrong", "    - {rule: docker-sock, reason: x, expires: 2999-13-01}\n"),
      ])
      #expect(wrong.status == .exited(2))
      let loose = try await Self.validate(
        root + "/good", "--config",
        try config("loose", "    - {rule: docker-socket, stack: s, service: proxy, reason: x, expires: 2999-12-01}\n"),
        expect: 3)
      #expect(loose.contains { $0.rule == "docker-socket" && $0.refuses && $0.help.contains("name the image") })
      #expect(
        wrong.errorText.contains("did you mean docker-socket?") && wrong.errorText.contains("expires must be a day"))
    }
  }

  static let jobs: [(rule: String, lines: String)] = [
    ("job-mounts-by-parameter", "volumes: ['${BRANCH}:/x:ro']"), ("job-mounts-volume", "volumes: ['data:/x']"),
    ("job-oneshot-check", "healthcheck: {test: 'true'}"),
    ("docker-socket", "volumes: ['${BRANCH:-/var/run/docker.sock}:/x:ro']"),
    ("privileged", "pid: '${BRANCH:-host}'"),
    ("job-oneshot", "restart: always"), ("job-limits", "pids_limit: 0"), ("job-network", "networks: [default]"),
    ("job-ports", "ports: ['127.0.0.1:1:1']"), ("job-mounts", "volumes: ['./x:/x']"),
    ("job-sdk", "volumes: ['/srv/android-sdk:/sdk:ro']"), ("job-build", "build: ."), ("job-image", "image: evil:1"),
    ("job-timeout", ""), ("job-params", ""),
  ]

  @Test func `a parameter chooses neither the image nor the network of a job`() async throws {
    try await Self.scratch { root in
      let text =
        "x-clup: {timeout: 20m, params: [IMG, NET]}\nservices:\n  job: {image: '${IMG}', network_mode: '${NET}', mem_limit: 1g, "
        + "cpus: 1, pids_limit: 9}\n"
      try Self.lay(["w/runner/job-definitions": ["build.yml": text]], at: root)
      try "repository: r\nbranch: main\nlive_root: /srv\ncheckout: /srv/clup\npolicy: {job_images: ['job-*:*']}\n"
        .write(toFile: root + "/c.yaml", atomically: false, encoding: .utf8)
      let found = try await Self.validate(root + "/w", "--config", root + "/c.yaml", expect: 3).filter(\.refuses)
      #expect(Set(found.map(\.rule)).isSuperset(of: ["job-image", "job-network", "job-params"]), "\(found)")
    }
  }

  @Test func `job files have stricter rules`() async throws {
    try await Self.scratch { root in
      func job(_ head: String, _ body: [String: String], _ extra: String = "") -> String {
        let own = extra.split(separator: ":").first.map(String.init) ?? ""
        let lines = body.filter {
          $0.key != own && !(own == "networks" && $0.key == "network_mode") && !(own == "pids_limit" && $0.key == own)
        }
        return head + "services:\n  job:\n" + lines.sorted { $0.key < $1.key }.map { "    \($0): \($1)\n" }.joined()
          + (extra.isEmpty || own == "pids_limit" ? "" : "    \(extra)\n")
      }
      let head = "x-clup: {timeout: 20m, params: [BRANCH]}\n"
      let body = [
        "image": "job-gradle:8", "network_mode": "none", "mem_limit": "1g", "cpus": "1", "pids_limit": "100",
        "command": "build ${BRANCH}", "volumes": "['/srv/runner/gradle:/gradle']",
      ]
      var files = ["good.yml": job(head, body)]
      for (rule, extra) in Self.jobs {
        files[rule + ".yml"] = job(head, body, extra) + (extra.contains("data:") ? "volumes: {data: {}}\n" : "")
      }
      files["sub/nested.YML"] = job(head, body, "privileged: true")
      files["job-timeout.yml"] = job("x-clup: {timeout: soon}\n", body)
      files["job-params.yml"] = job("x-clup: {timeout: 1m, parms: [A]}\n", body)
      files["none.yaml"] = "services: {}\n"
      files["broken.json"] = "{"
      try Self.lay(["w/runner/job-definitions": files], at: root)
      try
        "repository: r\nbranch: main\nlive_root: /srv\ncheckout: /srv/clup\npolicy: {job_images: ['job-*:*'], bind_roots: [/srv]}\n"
        .write(
          toFile: root + "/c.yaml", atomically: false, encoding: .utf8)
      let found = try await Self.validate(root + "/w", "--config", root + "/c.yaml", expect: 3).filter(\.refuses)
      #expect(found.filter { $0.file.hasSuffix("good.yml") }.map(\.message) == [])
      for (rule, _) in Self.jobs {
        #expect(
          found.contains { $0.file.hasSuffix("/\(rule).yml") && rule.hasPrefix($0.rule) },
          "\(rule): \(found.filter { $0.file.hasSuffix("/\(rule).yml") }.map(\.message))")
      }
      #expect(found.contains { $0.file.hasSuffix("nested.YML") && $0.rule == "privileged" })
      #expect(found.contains { $0.file.hasSuffix("broken.json") && $0.rule == "compose" })
    }
  }

  @Test func `files that never belong into git are found by name and by content`() async throws {
    try await Self.scratch { root in
      let key = ["-----BEGIN OPENSSH", "PRIVATE KEY-----"].joined(separator: " ")
      let token = "ghp_" + "0123456789abcdefghijABCDEFGHIJ456789"
      try Self.lay(
        [
          "w": [
            "s/compose.yaml": "services: {web: {image: 'nginx:1.27'}}\n", "s/.env": "A=1\n",
            "s/.env.example": "TOKEN=changeme\n",
            "infra/backup.sql.gz": "x", "infra/init.sql": "create table t();\n", "deploy/id_ed25519": "x",
            "app.jks": "x",
            "notes/key.txt": "a\n\(key)\nabc\n", "notes/token.py": "def f():\n    t = '\(token)'\n",
            "conf/app.ini":
              "[db]\nsecret_key = 'aB3dE5gH7jK9mN1pQ3rS5tU7'\npassword = ${DB_PASSWORD}\ntoken = your-token-goes-here-please\n",
            "conf/ok.yaml":
              "password: ''\napi_key: ${API_KEY}\nurl: https://user:${PW}@host/\nsecretName: my-application-secret-name\n",
            "bin/data.bin": "\u{0}\(token)", "docs/readme.md": "Set TOKEN=<your token> and `password: secret`.\n",
            "cert.pem": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
          ]
        ], at: root)
      let found = try await Self.validate(root + "/w", expect: 3).filter(\.refuses)
      #expect(
        found.map { "\($0.file):\($0.line ?? 0)" }.sorted() == [
          "app.jks:0", "conf/app.ini:2", "deploy/id_ed25519:0", "infra/backup.sql.gz:0", "notes/key.txt:2",
          "notes/token.py:2",
          "s/.env:0",
        ])
      #expect(!found.map(\.message).joined().contains("0123456789abc"))
      try
        "repository: r\nbranch: main\nlive_root: /srv\ncheckout: /srv/clup\npolicy: {allowed_files: ['s/**', '**/*.md']}\n"
        .write(
          toFile: root + "/c.yaml", atomically: false, encoding: .utf8)
      let listed = try await Self.validate(root + "/w", "--config", root + "/c.yaml", expect: 3)
      #expect(listed.contains { $0.file == "infra/init.sql" && $0.message.contains("allowed_files") })
    }
  }

  @Test func `the text shows the line with a caret, but never a line with a secret`() async throws {
    try await Self.scratch { root in
      try Self.lay(
        [
          "w": [
            "s/compose.yaml":
              "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n    environment: {TOKEN: hunter22-and-more}\n"
          ]
        ], at: root)
      let text = try await Self.clup(["validate", root + "/w"]).outputText
      #expect(
        text.contains(
          "s/compose.yaml:4:17: error: web is privileged [privileged]\n    4 |     privileged: true\n      |                 ^\n    help:"
        ), "\(text)")
      #expect(text.contains("TOKEN") && !text.contains("hunter22"))
      let annotations = try await Self.clup(["validate", root + "/w", "--output", "github"]).outputText
      #expect(annotations.contains("::error file=s/compose.yaml,line=4,col=17,title=privileged::web is privileged. "))
    }
  }

  @Test func `every rule has its page`() async throws {
    let list = try await Self.clup(["explain"]).outputText.split(separator: "\n")
    #expect(list.count == Rule.all.count)
    for rule in Rule.all {
      let page = try await Self.clup(["explain", rule.id]).outputText
      for part in [
        "How to fix it", rule.id == "compose" ? "nothing lifts the finding" : "How to waive it", "Refused:",
        "Accepted:",
      ] {
        #expect(page.contains(part), "\(rule.id)")
      }
      #expect(page.contains("waivers:") != (rule.id == "compose"))
    }
    let json = try await Self.clup(["explain", "docker-socket", "--output", "json"]).output
    let page = try JSONDecoder().decode([String: String].self, from: Data(json))
    #expect(
      page["rule"] == "docker-socket" && page["severity"] == "error" && page["waive"]?.contains("waivers:") == true)
    let all = try await Self.clup(["explain", "--output", "json"]).output
    #expect(
      try JSONDecoder().decode([[String: String]].self, from: Data(all)).compactMap { $0["rule"] } == Rule.all.map(\.id)
    )
    let wrong = try await Self.clup(["explain", "docker-sokcet"])
    #expect(wrong.status == .exited(2) && wrong.errorText.contains("docker-socket"))
  }

  @Test func `a hook checks what is staged, not what lies about`() async throws {
    try await Self.scratch { root in
      let program = try #require(Host.binary)
      let hooks =
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/hooks"
      let git = try #require(find("git", in: ProcessInfo.processInfo.environment["PATH"] ?? ""))
      func call(_ arguments: String...) async throws -> Outcome {
        try await run(
          Command(
            git, ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", root + "/w"] + arguments,
            environment: ProcessInfo.processInfo.environment.filter { ["PATH", "HOME", "TMPDIR"].contains($0.key) },
            deadline: .seconds(60)))
      }
      let good = "services: {web: {image: 'nginx:1.27'}}\n"
      let bad = "services: {web: {image: 'nginx:1.27', privileged: true}}\n"
      try Self.lay(["w": ["s/compose.yaml": good]], at: root)
      _ = try await call("init", "-q", "-b", "main")
      _ = try await call("config", "clup.program", program)
      for name in ["pre-commit", "pre-push"] {
        try FileManager.default.createSymbolicLink(
          atPath: root + "/w/.git/hooks/" + name, withDestinationPath: hooks + "/" + name)
      }
      _ = try await call("add", "-A")
      try Self.lay(["w": ["s/compose.yaml": bad]], at: root)
      #expect(try await call("commit", "-qm", "good is staged, bad lies about").succeeded)
      _ = try await call("add", "-A")
      try Self.lay(["w": ["s/compose.yaml": good]], at: root)
      let refused = try await call("commit", "-qm", "bad is staged, good lies about")
      #expect(!refused.succeeded && (refused.outputText + refused.errorText).contains("[privileged]"))
      #expect(try await call("commit", "-qnm", "all the same").succeeded)
      _ = try await call("init", "-q", "--bare", root + "/r.git")
      let pushed = try await call("push", "-q", root + "/r.git", "HEAD:main")
      #expect(!pushed.succeeded && (pushed.outputText + pushed.errorText).contains("clup refuses refs/heads/main"))
      #expect(try await call("push", "-q", root + "/r.git", "HEAD~1:refs/heads/main").succeeded)
    }
  }
}
