@testable import Core
import Testing
import YAML

@Suite("What Compose resolved is read as it stands")
struct ModelTests {
  func model(_ json: String) throws -> ComposeModel { ComposeModel(try JSON(parsing: Array(json.utf8))) }

  @Test func `a service is read with everything that decides about it`() throws {
    let model = try model(
      """
      {"name": "p", "x-clup": {"after": ["infra"], "deploy_timeout": "90s"},
       "configs": {"c": {"file": "/live/s/c.conf"}}, "secrets": {"t": {"environment": "T"}},
       "services": {"web": {
         "image": "nginx:1", "container_name": "front", "restart": "always", "healthcheck": {"test": ["CMD", "x"]},
         "ports": [{"published": "8080", "target": 80, "protocol": "tcp", "host_ip": "127.0.0.1"}, {"target": 81},
                   {"published": "9000-9005", "target": 82}],
         "volumes": [{"type": "bind", "source": "/live/s/d", "read_only": true}, {"type": "volume", "source": "v"}],
         "configs": [{"source": "c"}], "secrets": [{"source": "t"}],
         "build": {"context": "/live/s/src", "additional_contexts": {"x": "/live/y", "z": "https://example.org"}}}}}
      """)
    #expect(model.project == "p" && model.own.after == ["infra"] && model.own.deployTimeout == .seconds(90))
    let web = try #require(model.services.first)
    #expect(web.claims == [.containerName("front"), .port("8080", transport: "tcp", address: "127.0.0.1")])
    #expect(web.binds == ["/live/s/d"] && web.writable == [] && web.files == ["/live/s/c.conf"])
    #expect(web.buildContexts == ["/live/s/src", "/live/y"])
    #expect(web.restarts && web.replicas == 1)
    #expect(model.hostPaths == ["/live/s/c.conf", "/live/s/d", "/live/s/src", "/live/y"])
  }

  static let policies: [(json: String, restarts: Bool)] = [
    (#"{}"#, false), (#"{"restart": "no"}"#, false), (#"{"restart": "unless-stopped"}"#, true),
    (#"{"restart": "on-failure:3"}"#, false), (#"{"deploy": {"restart_policy": {"condition": "any"}}}"#, true),
    (#"{"deploy": {"restart_policy": {"condition": "none"}}}"#, false),
  ]

  @Test func `a path with a dollar sign, which Compose prints doubled, is the one that is meant`() throws {
    let text = """
      {"services": {"a": {"build": {"context": "/c$$d"}, "configs": [{"source": "f"}],
        "volumes": [{"type": "volume", "source": "v", "target": "/x"}, {"type": "bind", "source": "/r$$x"}]}},
       "configs": {"f": {"file": "/f$$g"}},
       "volumes": {"v": {"driver_opts": {"type": "none", "o": "bind", "device": "/d$$e"}}}}
      """
    let service = try #require(ComposeModel(try JSON(parsing: Array(text.utf8))).services.first)
    #expect(service.binds == ["/d$e", "/r$x"] && service.buildContexts == ["/c$d"] && service.files == ["/f$g"])
  }

  @Test(arguments: policies) func `a service that is not started again may end`(_ json: String, _ restarts: Bool) throws
  {
    #expect(try model(#"{"services": {"s": \#(json)}}"#).services.first?.restarts == restarts)
  }

  @Test(arguments: [(#"{"scale": 3}"#, 3), (#"{"deploy": {"replicas": 2}}"#, 2), (#"{"deploy": {"replicas": 0}}"#, 0)])
  func `replicas are counted`(_ json: String, _ count: Int) throws {
    #expect(try model(#"{"services": {"s": \#(json)}}"#).services.first?.replicas == count)
  }
}

@Suite("A sentence of Compose's leads to its place in the source")
struct BlameTests {
  static let text = """
    services:
      web:
        image: x
        bogus: 1
        env_file: missing.env
        networks: [front, gone]
        environment:
          A: ${TOKEN}
        depends_on: [nobody]
      db.main:
        image: ${TOKENS:-x}
        ports:
          - "80:80"
          - "x:y"
    """

  static let rows: [(message: String, line: Int?, column: Int?)] = [
    ("services.web additional properties 'bogus' not allowed", 4, 5),
    ("validating /x/s/compose.yaml: services.web.image must be a string", 3, 5),
    ("services.db.main.ports.1: invalid", 14, 9), ("env file /live/s/missing.env not found: stat: no such file", 5, 15),
    (#"service "web" refers to undefined network gone: invalid compose project"#, 6, 23),
    (#"service "web" depends on undefined service "nobody": invalid compose project"#, 9, 5),
    ("yaml: line 3: mapping values are not allowed", 3, 1), ("(root) is wrong", nil, nil),
  ]

  @Test(arguments: rows) func `a place is found`(_ message: String, _ line: Int?, _ column: Int?) {
    let source = ComposeSource(path: "s/compose.yaml", bytes: Array(Self.text.utf8))
    let (file, mark) = Blame.place(message.replacing("/live/", with: ""), in: [source])
    #expect(file == "s/compose.yaml")
    #expect(mark?.line == line && mark?.column == column, "\(String(describing: mark))")
  }

  @Test func `a file that cannot be read is at fault itself`() {
    let source = ComposeSource(path: "s/compose.yaml", bytes: Array("a: [\nb: 1\n".utf8))
    #expect(Blame.place("anything", in: [source]).mark?.line == 3)
  }

  @Test(arguments: [("TOKEN", 8), ("TOKENS", 11), ("TOK", nil)])
  func `a variable is found by its whole name`(_ name: String, _ line: Int?) {
    let source = ComposeSource(path: "s/compose.yaml", bytes: Array(Self.text.utf8))
    #expect(Variables.place(of: name, in: [source]).mark?.line == line)
  }

  @Test func `the files that a Compose file names are listed`() throws {
    let text = """
      include: [a.yaml, {path: [b.yaml, c.yaml], env_file: inc.env}, "https://example.org/x.yaml"]
      services:
        web:
          extends: {file: base.yaml, service: web}
          env_file: [one.env, {path: two.env, required: false}, "${THREE}.env"]
          label_file: labels
      """
    let document = try #require(try parse(Array(text.utf8)).first)
    let found = References.all(in: document, file: "s/compose.yaml")
    #expect(
      found.map { "\($0.key) \($0.text)" } == [
        "include a.yaml", "include b.yaml", "include c.yaml", "include.env_file inc.env",
        "include https://example.org/x.yaml", "extends base.yaml", "env_file one.env", "env_file two.env",
        "env_file ${THREE}.env", "label_file labels",
      ])
    #expect(found.filter(\.isRemote).map(\.text) == ["https://example.org/x.yaml"])
  }

  @Test func `a service that comes by a merge key names its files, too`() throws {
    let text = "x-all: &all\n  web: {env_file: [one.env]}\nservices:\n  <<: *all\n  db: {env_file: two.env}\n"
    let document = try #require(try parse(Array(text.utf8)).first)
    #expect(Set(References.all(in: document, file: "f").map(\.text)) == ["one.env", "two.env"])
  }
}
