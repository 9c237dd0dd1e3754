@testable import Core
import Testing

@Suite("The host says which files are its stacks") struct LayoutTests {
  struct Layout: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let stacks: String
    let files: [String]
    /// Each stack as `NAME in DIRECTORY: FILE…`, with `=PROJECT` where that is not the directory's.
    let found: [String]

    init(_ what: String, _ stacks: String, _ files: [String], _ found: [String]) {
      (testDescription, self.stacks, self.files, self.found) = (what, stacks, files, found)
    }
  }

  @Test func `what of the configuration there is nothing for is told`() {
    let tree = commit("compose.yaml", "a/compose.yaml", "b/x.yml")
    let host = settings {
      ($0.files, $0.exclude) = (["b/*.yml", "c/*.yml"], ["a", "{d,e}"])
      $0.stacks = ["home": StackSettings(), ".": StackSettings(), "b/xx": StackSettings()]
    }
    #expect(
      Discovery(tree, settings: host).unused(of: host, in: tree) == [
        "the configuration's `stacks:` names b/xx, which is not a stack of this commit; did you mean b/x?",
        "the configuration's `stacks:` names home, which is not a stack of this commit; that of the repository's own directory is "
          + "called `.`", "the configuration's `stacks: {exclude: [{d,e}]}` matches no file of this commit",
        "the configuration's `stacks: {files: [c/*.yml]}` matches no file of this commit",
      ])
  }

  static let layouts: [Layout] = [
    Layout(
      "each file of a directory", "{files: [apps/*.yml]}", ["apps/a.yml", "apps/B.C.yml", "apps/x.json"],
      ["apps/B.C in apps: B.C.yml =bc", "apps/a in apps: a.yml =a"]),
    Layout(
      "files of one name in many directories are told apart by these", "{files: [\"stacks/*/stack.yaml\"]}",
      ["stacks/web/stack.yaml", "stacks/db/stack.yaml"],
      [
        "stacks/db/stack in stacks/db: stack.yaml =db", "stacks/web/stack in stacks/web: stack.yaml =web",
      ]),
    Layout(
      "one file among others", "{files: [compose/dell.yml]}", ["compose/dell.yml", "compose/nas.yml"],
      ["compose/dell in compose: dell.yml =dell"]),
    Layout(
      "a file at the root", "{files: [\"*.yml\"]}", ["nas.yml", "sub/x.yml"], ["nas in .: nas.yml =nas"]),
    Layout(
      "what Compose finds by itself stays the directory's", "{files: [\"**/*.yml\"]}",
      ["web/docker-compose.yml", "web/docker-compose.override.yml", "web/more.yml"],
      ["web in web: docker-compose.yml docker-compose.override.yml", "web/more in web: more.yml =more"]),
    Layout(
      "files laid over each other", "{api: {compose_files: [docker-compose.yml, docker-compose.prod.yml]}}",
      ["api/docker-compose.yml", "api/docker-compose.prod.yml", "api/docker-compose.override.yml"],
      ["api in api: docker-compose.yml docker-compose.prod.yml"]),
    Layout(
      "a directory without a main file", "{api: {compose_files: [docker-compose.prod.yml]}}",
      ["api/docker-compose.prod.yml"], ["api in api: docker-compose.prod.yml"]),
    Layout(
      "files laid over a file of its own", "{files: [c/nas.yml], c/nas: {compose_files: [base.yml, nas.yml]}}",
      ["c/base.yml", "c/nas.yml"], ["c/nas in c: base.yml nas.yml =nas"]),
    Layout(
      "this host's part of a repository", "{include: [hosts/nas/**, common/**], exclude: [common/old]}",
      ["hosts/nas/web/compose.yaml", "hosts/dell/compose.yaml", "common/dns/compose.yaml", "common/old/compose.yaml"],
      ["common/dns in common/dns: compose.yaml", "hosts/nas/web in hosts/nas/web: compose.yaml"]),
    Layout(
      "excluded files", "{files: [apps/*.yml], exclude: [apps/b.yml]}", ["apps/a.yml", "apps/b.yml"],
      ["apps/a in apps: a.yml =a"]),
    Layout(
      "a name that no directory of the commit has", "{api: {compose_files: [x.yml]}}", ["web/compose.yaml"],
      ["web in web: compose.yaml"]),
  ]

  @Test(arguments: layouts) func `a layout gives its stacks`(_ layout: Layout) throws {
    let text = SettingsTests.least + "stacks: \(layout.stacks)\n"
    let settings = try Settings.parse(Array(text.utf8)).get()
    let found = Discovery(commit(layout.files), settings: settings)
    #expect(found.diagnostics == [])
    #expect(
      found.stacks.map { stack in
        let names = stack.composeFiles.map { Path.relative($0, to: stack.place.directory) ?? $0 }
        return "\(stack.name) in \(stack.place.directory): " + names.joined(separator: " ")
          + (stack.project.map { " =\($0)" } ?? "")
      } == layout.found)
  }

  static let refused: [(stacks: String, files: [String], words: String)] = [
    ("{files: [\"a.*\"]}", ["a.yml", "a/compose.yaml"], "would both be the stack a"),
    ("{files: [\"a.*\"]}", ["a.yml", "a.yaml"], "would both be the stack a"),
    ("{a: {compose_files: [x.yml, y.yml]}}", ["a/x.yml"], "a/y.yml, which the commit does not have"),
    ("{files: [\"*.yml\"]}", ["a.yml@"], "a symbolic link where a Compose file should stand"),
  ]

  @Test(arguments: refused) func `what cannot be a stack is refused`(
    _ stacks: String, _ files: [String], _ words: String
  ) throws {
    let settings = try Settings.parse(Array((SettingsTests.least + "stacks: \(stacks)\n").utf8)).get()
    let found = Discovery(commit(files), settings: settings)
    #expect(found.diagnostics.map(\.stack) == ["a"])
    #expect(found.diagnostics.allSatisfy { $0.isFinal && $0.message.contains(words) }, "\(found.diagnostics)")
  }

  @Test func `the first of compose_files lies in the stack's directory`() {
    for files in ["[]", "[../x.yml]", "[/x.yml]", "[sub/x.yml, y.yml]"] {
      let text = SettingsTests.least + "stacks: {a: {compose_files: \(files)}}\n"
      #expect(throws: SettingsProblems.self, "\(files)") { try Settings.parse(Array(text.utf8)).get() }
    }
  }

  @Test func `a stack may be called as what chooses stacks`() throws {
    let text = SettingsTests.least + "stacks: {files: {after: [include]}, include: {deploy_timeout: 5s}}\n"
    let settings = try Settings.parse(Array(text.utf8)).get()
    #expect(settings.stacks.keys.sorted() == ["files", "include"] && settings.files.isEmpty)
  }

  static let uses: [(uses: [String: Set<String>], stacks: String, running: Set<String>, left: [String])] = [
    (["compose.yaml": ["a/compose.yaml"]], "{}", [], [".", "b"]),
    (["compose.yaml": ["x.yml"], "x.yml": ["a/compose.yaml"]], "{}", [], [".", "b"]),
    (["compose.yaml": ["a/compose.yaml"]], "{files: [a/compose.yaml]}", [], [".", "a", "b"]),
    (["compose.yaml": ["a/compose.yaml"]], "{a: {after: [b]}}", [], [".", "a", "b"]),
    (["compose.yaml": ["a/compose.yaml"]], "{}", ["a"], [".", "a", "b"]),
    (["a/compose.yaml": ["b/compose.yaml"], "b/compose.yaml": ["a/compose.yaml"]], "{}", [], [".", "a", "b"]),
    (["a/compose.yaml": ["a/compose.yaml"]], "{}", [], [".", "a", "b"]),
  ]

  @Test(arguments: uses) func `a Compose file that another stack uses is no stack of its own, unless the host says so`(
    _ uses: [String: Set<String>], _ stacks: String, _ running: Set<String>, _ left: [String]
  ) throws {
    let settings = try Settings.parse(Array((SettingsTests.least + "stacks: \(stacks)\n").utf8)).get()
    var found = Discovery(commit("compose.yaml", "a/compose.yaml", "b/compose.yaml"), settings: settings)
    found.leaveOutParts(uses, settings: settings, running: running)
    #expect(found.stacks.map(\.name) == left)
    #expect(found.parts.map(\.name) == [".", "a", "b"].filter { !left.contains($0) })
  }

  @Test func `the files that are included and extended are known without Compose`() throws {
    let text = """
      include: [../x.yaml, {path: [y.yaml, z.yaml]}, "${D:-d}/v.yaml", "${UNKNOWN}/w.yaml", "https://example.org/r.git"]
      services: {a: {extends: {file: ../b/compose.yaml, service: s}}, c: {extends: a}}
      """
    let document = ComposeSource(path: "a/compose.yaml", bytes: Array(text.utf8)).document
    let files = UsedFiles(commit("a/compose.yaml"), liveRoot: "/live")
    #expect(
      Set(Discovery.usedPaths(in: document).compactMap { files.target(of: $0, base: "a") }) == [
        "x.yaml", "a/y.yaml", "a/z.yaml", "a/d/v.yaml", "b/compose.yaml",
      ])
  }

  /// A path as it is written, and the file of the commit that it leads to.
  static let targets: [(text: String, values: [String: String], file: String?)] = [
    ("../lib/base.yml", [:], "lib/base.yml"), ("${D:-../lib}/base.yml", [:], "lib/base.yml"),
    ("$D/base.yml", ["D": "../more"], "more/base.yml"), ("${D:-../lib}/base.yml", ["D": "../more"], "more/base.yml"),
    ("${D:-../lib}/base.yml", ["D": ""], "lib/base.yml"), ("${D}/base.yml", ["D": "/live/lib"], "lib/base.yml"),
    ("${D}/base.yml", ["D": "/elsewhere"], nil), ("${D:+../more}/base.yml", ["D": "x"], "more/base.yml"),
    // What has no value is found where only one file can be meant.
    ("${ROOT}/lib/base.yml", [:], "lib/base.yml"), ("${ROOT:?set it}/lib/base.yml", [:], "lib/base.yml"),
    ("$ROOT/base.yml", [:], nil), ("${ROOT}/../lib/base.yml", [:], nil), ("${ROOT}base.yml", [:], nil),
    ("$$ROOT/base.yml", [:], "a/$ROOT/base.yml"), ("https://example.org/r.git", [:], nil),
  ]

  @Test(arguments: targets) func `a path with a variable in it leads to the file that is meant`(
    _ text: String, _ values: [String: String], _ file: String?
  ) {
    let files = UsedFiles(commit("lib/base.yml", "more/base.yml"), liveRoot: "/live")
    #expect(files.target(of: text, base: "a", values: values) == file)
  }

  static let service = "services: {a: {image: i}}\n"

  static let looks: [(path: String, text: String, kind: UnmanagedFile.Kind?)] = [
    ("a.yml", service, .compose),
    ("a.yaml", "services: {a: {build: .}}\n", .compose),
    ("a.yml", "services: {a: {extends: {file: x.yml, service: s}}}\n", .compose),
    ("a.yml", "include: [x.yml]\n", .compose), ("a.yml", "include:\n  - path: [x.yml, y.yml]\n", .compose),
    ("a.yml", "include:\n  - local: /ci/x.yml\n", nil), ("a.yml", "include: {}\n", nil),
    ("a.txt", service, nil), ("a.yml", "services: [postgres]\n", nil),
    ("a.yml", "services: {App: {resource: x}}\n", nil),
    ("a.yml", "jobs: {x: {services: {a: {image: i}}}}\n", nil), ("a.yml", "services: {a: \n", nil),
    ("a.yml", "services: {a: {image: i, deploy: {placement: {}}}}\n", .swarm("deploy.placement")),
    ("a.yml", "services: {a: {image: i, deploy: {resources: {}}}}\n", .compose),
    (
      "a.yml", service + "networks: {n: {driver: overlay}}\n", .swarm("a network with `driver: overlay`")
    ),
    ("a.yml", "services: {a: {image: i, environment: {P: \"{{ op://v/i }}\"}}}\n", .template("{{op://…}}")),
    ("a.yml", "services: {a: {image: i, command: \"ps --format '{{.Names}}'\"}}\n", .compose),
    ("a.yml", "services: {a: {image: {{ image }} }}\n", .template("{{")),
    ("a.yml", "services:\n  a:\n{% if x %}\n    image: i\n{% endif %}\n", .template("{%")),
    ("a.yml.j2", "services:\n  a: {image: \"{{ i }}\"}\n", .template("{{")),
    ("compose.yaml.tmpl", service, nil),
    ("a.yml", "services:\n  a:\n    labels: ['k={{K}}']\n    logging: *logging\n", nil),
    ("a.yml", "services:\n  a:\n    user: {{ uid }}:{{ gid }}\n", .template("{{")),
    ("a.yml", "services:\n  a: # {{ host }}\n  b: [\"{{.Node}}\", '{{.Node}}'\n", nil),
    ("a.yml", "services:\n  a: {image: i}\n{{ more }}\nvolumes: {}\n", .template("{{")),
    ("a.yml", "services: {a: {ports: [\"80:80\"]}}\n", nil),
    ("compose.ports.yml", "services: {a: {ports: [\"80:80\"]}}\n", .compose),
  ]

  @Test(arguments: looks) func `what looks like a Compose file is told from what does not`(
    _ path: String, _ text: String, _ kind: UnmanagedFile.Kind?
  ) {
    #expect(UnmanagedFile(path, Array(text.utf8))?.kind == kind)
  }

  static let lines: [(files: [String], lines: [String])] = [
    (["compose/dell.yml"], ["{files: [compose/dell.yml]}"]),
    (["apps/a.yml", "apps/b.yml"], ["{files: [\"apps/*.yml\"]}"]),
    (["stacks/a/stack.yaml", "stacks/b/stack.yaml"], ["{files: [\"stacks/*/stack.yaml\"]}"]),
    (["api/docker-compose.prod.yml"], ["{api: {compose_files: [docker-compose.prod.yml]}}"]),
    (["a.yml", "b.yml"], ["{files: [\"*.yml\"]}"]),
    (["docker-compose.prod.yml"], ["{.: {compose_files: [docker-compose.prod.yml]}}"]),
    (["api/compose.dev.yml", "api/compose.prod.yml"], ["{api: {compose_files: [compose.dev.yml]}}"]),
  ]

  @Test(arguments: lines) func `the line to write takes what was found, and no more`(
    _ files: [String], _ lines: [String]
  ) {
    let found = files.compactMap { UnmanagedFile($0, Array(Self.service.utf8)) }
    let findings = UnmanagedFile.findings(found, in: commit(files), isAll: false)
    #expect(findings.count == lines.count)
    for (finding, line) in zip(findings, lines) {
      #expect(finding.help.contains("`stacks: \(line)`"), "\(finding.help)")
      #expect(finding.severity == .warning)
    }
    #expect(UnmanagedFile.findings(found, in: commit(files), isAll: true).allSatisfy { $0.refuses && $0.isFinal })
  }

  @Test func `a glob that would take more is not proposed`() {
    let found = ["apps/a.yml", "apps/b.yml"].compactMap { UnmanagedFile($0, Array(Self.service.utf8)) }
    let findings = UnmanagedFile.findings(
      found, in: commit("apps/a.yml", "apps/b.yml", "apps/values.yml"), isAll: false)
    #expect(findings.map(\.file) == ["apps/a.yml"])
    #expect(findings[0].help.contains("{files: [apps/a.yml, apps/b.yml]}"))
  }

  /// A file next to one with the service `web`, and whether it is laid over that one.
  static let variants: [(path: String, text: String, isVariant: Bool)] = [
    ("compose.db.yaml", "services: {db: {image: i}}\n", false),
    ("compose.dev.yaml", "services: {web: {image: i}, db: {image: i}}\n", true),
    ("compose.gpu.yaml", "services: {db: {image: i}, worker: {runtime: nvidia}}\n", true),
    ("other.yaml", "services: {db: {image: i}, worker: {runtime: nvidia}}\n", false),
    ("other.yaml", "services: {web: {build: .}}\n", true),
    ("docker-compose.yml.j2", "services:\n  web: {image: \"{{ i }}\"}\n", true),
  ]

  @Test(arguments: variants) func `a file is a variant of the one beside it by its services, and not by its name alone`(
    _ path: String, _ text: String, _ isVariant: Bool
  ) throws {
    let file = try #require(UnmanagedFile(path, Array(text.utf8)))
    #expect(file.isVariant(besideServices: ["web"]) == isVariant)
  }

  @Test func `files beside a main file are told together, with the lines that lay them over it and that do not`() throws
  {
    let tree = commit("compose.yaml", "compose.db.yaml", "compose.mail.yaml")
    let stacks = Discovery(tree, settings: settings()).stacks
    let found = ["compose.db.yaml", "compose.mail.yaml"].compactMap { path in
      UnmanagedFile(path, Array("services: {\(path.dropFirst(8).prefix(2)): {image: i}}\n".utf8))
    }
    let finding = try #require(UnmanagedFile.findings(found, in: tree, stacks: stacks, isAll: false).first)
    let (part, own) = (
      "{.: {compose_files: [compose.yaml, compose.db.yaml, compose.mail.yaml]}}",
      "{files: [compose.db.yaml, compose.mail.yaml]}"
    )
    #expect(finding.help.contains("`stacks: \(part)`") && finding.help.contains("`stacks: \(own)`"))
    for (line, names) in [(part, ["."]), (own, [".", "compose.db", "compose.mail"])] {
      let read = try Settings.parse(Array((SettingsTests.least + "stacks: \(line)\n").utf8)).get()
      let stacks = Discovery(tree, settings: read)
      #expect(stacks.stacks.map(\.name) == names && stacks.diagnostics == [])
    }
    #expect(UnmanagedFile.choice(for: found, in: tree, stacks: stacks).lines == [String(part.dropFirst().dropLast())])
  }

  @Test func `of variants beside a main file, one is laid over it`() {
    let tree = commit("web/compose.yaml", "web/compose.my.yaml", "web/compose.pg.yaml")
    let found = ["web/compose.my.yaml", "web/compose.pg.yaml"].compactMap {
      UnmanagedFile($0, Array("services: {db: {image: i}}\n".utf8))
    }
    let stacks = Discovery(tree, settings: settings()).stacks
    let help = UnmanagedFile.findings(found, in: tree, stacks: stacks, isAll: false).map(\.help)
    #expect(help.count == 1 && help[0].contains("`stacks: {web: {compose_files: [compose.yaml, compose.my.yaml]}}`"))
  }

  @Test func `of files that include the same, a host runs one`() {
    let found = ["compose/dell.yml", "compose/nas.yml"].compactMap {
      UnmanagedFile($0, Array("include: [../apps/proxy.yml]\n".utf8))
    }
    let help = UnmanagedFile.findings(found, in: commit("compose/dell.yml", "compose/nas.yml"), isAll: true).map(\.help)
    #expect(
      help.count == 1 && help[0].contains("one of them, write on the host: `stacks: {files: [compose/dell.yml]}`"))
  }

  private func found(_ files: [String: String]) -> [UnmanagedFile] {
    files.sorted { $0.key < $1.key }.compactMap { UnmanagedFile($0.key, Array($0.value.utf8)) }
  }

  /// What a file needs of the service `redis`, and whether it lacks it.
  static let needs: [(text: String, lacks: Bool)] = [
    ("depends_on: [redis]", true), ("depends_on: {redis: {condition: service_started}}", true),
    ("depends_on: {redis: {required: false}}", false), ("network_mode: \"service:redis\"", true),
    ("network_mode: host", false), ("extends: redis", true), ("extends: {service: redis}", true),
    ("extends: {file: x.yml, service: redis}", false), ("links: [\"redis:r\"]", true),
    ("volumes_from: [\"container:redis\"]", false), ("environment: {A: redis}", false),
  ]

  @Test(arguments: needs) func `a file that needs a service of another one is laid over that one`(
    _ text: String, _ lacks: Bool
  ) {
    let tree = commit("docker/docker-compose.yml", "docker/immich.yml", "docker/notes.yml")
    let stacks = Discovery(tree, settings: settings()).stacks
    let files = UnmanagedFile.withBases(
      found(["docker/immich.yml": "services: {a: {image: i, \(text)}}\n"]), stacks: stacks,
      services: ["docker": ["redis"]])
    let choice = UnmanagedFile.choice(for: files, in: tree, stacks: stacks)
    #expect(choice.lines == (lacks ? ["docker: {compose_files: [docker-compose.yml, immich.yml]}"] : []))
    #expect(choice.files == (lacks ? [] : ["docker/immich.yml"]))
  }

  @Test func `files that add to a service of another one are no stacks of their own`() throws {
    let addon = "services: {proxy: {networks: [n]}, a: {image: i}}\n"
    let paths = ["base.yml", "add-ons/a.yml", "add-ons/b.yml"]
    let files = UnmanagedFile.withBases(
      found(["base.yml": "services: {proxy: {image: i}}\n", "add-ons/a.yml": addon, "add-ons/b.yml": addon]),
      stacks: [], services: [:])
    let choice = UnmanagedFile.choice(for: files, in: commit(paths))
    #expect(choice.lines == [".: {compose_files: [base.yml]}"] && choice.files.isEmpty)
    #expect(choice.overlays.count == 1 && choice.overlays[0].contains("add-ons/*.yml"))
    #expect(choice.overlays[0].contains("`stacks: {.: {compose_files: [base.yml, add-ons/a.yml]}}`"))
    let base = StackSource(
      name: ".", composeFiles: ["base.yml"], layout: ProjectPlace(directory: ".", files: ["base.yml"]))
    let below = UnmanagedFile.withBases(found(["add-ons/a.yml": addon]), stacks: [base], services: [".": ["proxy"]])
    #expect(below.map(\.base) == [UnmanagedFile.Base(directory: ".", files: ["base.yml"], isStack: true)])
    let alone = UnmanagedFile.withBases(found(["add-ons/a.yml": addon]), stacks: [], services: [:])
    #expect(UnmanagedFile.choice(for: alone, in: commit(paths)).files.isEmpty)
    let finding = try #require(UnmanagedFile.findings(alone, in: commit(paths), isAll: false).first)
    #expect(finding.message.contains("the service proxy") && !finding.help.contains("files: [add-ons"))
  }

  static let open: [(text: String, base: String, files: [String])] = [
    ("compose/$H/t.yml", ".", ["compose/a/t.yml", "compose/b/t.yml"]), ("compose/${H:-a}/t.yml", "x", []),
    ("../compose/${H}/t.yml", "x", ["compose/a/t.yml", "compose/b/t.yml"]), ("c-$H.yml", ".", ["c-a.yml"]),
    ("$H/t.yml", ".", []), ("compose/a/$F", ".", []), ("compose/a/t.yml", ".", []),
    ("./$H.yml", ".", ["c-a.yml", "d.yml"]),
    ("/live/compose/$H/t.yml", "x", ["compose/a/t.yml", "compose/b/t.yml"]), ("compose/$$H/t.yml", ".", []),
    ("compose/$A$B/t.yml", ".", ["compose/a/t.yml", "compose/b/t.yml"]), ("~/$H/t.yml", ".", []),
  ]

  @Test(arguments: open) func `a path with a variable leads to the files that begin and end as it does`(
    _ text: String, _ base: String, _ files: [String]
  ) {
    let tree = commit("compose/a/t.yml", "compose/b/t.yml", "compose/b/c/t.yml", "compose/a/u.yml", "c-a.yml", "d.yml")
    #expect(UsedFiles(tree, liveRoot: "/live").candidates(for: text, base: base) == files)
  }

  @Test func `files like those that the host names stay one finding`() throws {
    let paths = (1...38).map { "apps/a\($0)/app.yml" }
    let read = try Settings.parse(
      Array((SettingsTests.least + "stacks: {files: [apps/a1/app.yml, apps/a2/app.yml]}\n").utf8)
    ).get()
    let tree = commit(paths)
    let stacks = Discovery(tree, settings: read).stacks
    let found = paths.dropFirst(2).compactMap { UnmanagedFile($0, Array(Self.service.utf8)) }
    let findings = UnmanagedFile.findings(found, in: tree, stacks: stacks, isAll: false)
    #expect(findings.count == 1 && findings[0].message.contains("35 more"))
    #expect(findings[0].help.contains("`stacks: {files: [\"apps/*/app.yml\"]}`"))
    #expect(!findings[0].help.contains("exclude: [\"apps/*/app.yml\"]"))
    // The line keeps the stacks that there are as they are.
    let line = "stacks: {files: [apps/a1/app.yml, apps/a2/app.yml, \"apps/*/app.yml\"]}\n"
    let all = try Settings.parse(Array((SettingsTests.least + line).utf8)).get()
    #expect(Discovery(tree, settings: all).stacks.filter { stacks.map(\.name).contains($0.name) } == stacks)
  }

  @Test func `where most of a directory is laid over a stack, so is the rest`() throws {
    let tree = commit("compose.yml", "more/a.yml", "more/b.yml", "more/new.yml")
    let stack = try #require(Discovery(tree, settings: settings()).stacks.first)
    func parted(_ siblings: [String], beside other: String) throws -> [String] {
      let variants = siblings.compactMap { path in
        UnmanagedFile(path, Array("services: {x: {image: i, depends_on: [web]}}\n".utf8)).map {
          Variant($0, of: stack, services: ["web"])
        }
      }
      let file = try #require(UnmanagedFile(other, Array(Self.service.utf8)))
      return Variant.takingSiblings([file], variants, services: [".": ["web"]]).files.map(\.path)
    }
    #expect(try parted(["more/a.yml", "more/b.yml"], beside: "more/new.yml") == [])
    #expect(try parted(["more/a.yml"], beside: "more/new.yml") == ["more/new.yml"])
    #expect(try parted(["a.yml", "b.yml"], beside: "new.yml") == ["new.yml"])
  }

  static let covers: [(wanted: [String], others: [String], globs: [String], rest: [String])] = [
    (["s/A/a.yaml", "s/B/b.yaml", "s/C/c.yaml", "s/D/d.yaml"], ["s/A/x.txt"], ["s/*/*.yaml"], []),
    (["s/A/a.yaml", "s/B/b.yaml"], [], [], ["s/A/a.yaml", "s/B/b.yaml"]),
    (["s/A/a.yaml", "s/B/a.yaml"], ["s/B/b.yaml"], ["s/*/a.yaml"], []),
    (["a/x.yml", "a/y.yml", "b.yml"], [], ["a/*.yml"], ["b.yml"]),
    (["a/x.yml", "a/y.yml"], ["a/z.yml"], [], ["a/x.yml", "a/y.yml"]),
  ]

  @Test(arguments: covers) func `the shortest globs match exactly what was found`(
    _ wanted: [String], _ others: [String], _ globs: [String], _ rest: [String]
  ) {
    let cover = Glob.covering(Set(wanted), among: wanted + others)
    #expect(cover.globs.map(\.pattern) == globs && cover.rest == rest)
  }

  @Test func `variants are told in a line for each shape`() {
    let tree = commit("a/compose.yml", "a/compose.ports.yml", "b/compose.yml", "b/compose.ports.yml")
    let stacks = Discovery(tree, settings: settings()).stacks
    func notes(_ text: String) -> [String] {
      let variants = stacks.compactMap { stack in
        UnmanagedFile("\(stack.name)/compose.ports.yml", Array(text.utf8)).map {
          Variant($0, of: stack, services: ["web"])
        }
      }
      return Variant.notes(variants, in: tree)
    }
    let laid = notes("services: {web: {ports: [\"80:80\"]}, db: {image: i}}\n")
    #expect(laid.count == 1 && laid[0].contains("*/compose.ports.yml (2)"))
    #expect(laid.first?.contains("`stacks: {a: {compose_files: [compose.yml, compose.ports.yml]}}`") == true)
    let whole = notes("services: {web: {image: i}}\n")
    #expect(whole.count == 1 && whole[0].contains("`stacks: {files: [\"*/compose.ports.yml\"]}`"))
  }

  @Test func `a named file with all services of the file beside it takes its place`() throws {
    let tree = commit("a/compose.yml", "a/compose.alone.yml", "b/compose.yml", "b/compose.alone.yml")
    let read = try Settings.parse(
      Array((SettingsTests.least + "stacks: {files: [\"*/compose.alone.yml\"]}\n").utf8)
    ).get()
    let services: [String: Set<String>] = [
      "a": ["web"], "a/compose.alone": ["web", "db"], "b": ["web", "db"], "b/compose.alone": ["web"],
    ]
    var discovery = Discovery(tree, settings: read)
    discovery.giveWay(services, settings: read, running: [])
    #expect(discovery.stacks.map(\.name) == ["a/compose.alone", "b", "b/compose.alone"])
    #expect(discovery.notes.count == 1 && discovery.notes[0].hasPrefix("a/compose.yml is not a stack"))
    var running = Discovery(tree, settings: read)
    running.giveWay(services, settings: read, running: ["a"])
    #expect(running.stacks.count == 4 && running.notes.isEmpty)
  }

  @Test func `two stacks of one directory have it both, and another stack has neither`() {
    var paths = HostPaths(
      liveRoot: "/live", checkout: nil, stacks: ["apps/a": "apps", "apps/b": "apps", "web": "web"], isHost: true)
    paths.tree = commit("apps/a.yml", "apps/b.yml", "web/compose.yaml")
    func subject(_ name: String, _ directory: String) -> Subject {
      Subject(
        stack: name, kind: .stack, directory: directory, model: .null, sources: [], paths: paths, policy: Policy(),
        today: "2026-01-01",
        environmentFiles: [:])
    }
    #expect(subject("apps/b", "apps").ownership(of: "apps/data") == .free)
    #expect(subject("apps/b", "apps").ownership(of: "web/data") == .foreign("web"))
    #expect(subject("web", "web").ownership(of: "apps/.env") == .foreign("apps/a"))
    #expect(subject("web", "web").ownership(of: "apps") == .foreign("apps/a"))
  }
}
