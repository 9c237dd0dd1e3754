import Testing

@testable import Core

/// What a build takes from other images, told by the Dockerfile's text.
@Suite("A Dockerfile says what it is built from") struct DockerfileTests {
  static let rows: [(what: String, text: String, images: [String])] = [
    ("its base", "FROM bank-web\n", ["bank-web"]),
    ("small letters, flags and an alias", "from --platform=$BUILDPLATFORM golang:1.22 as build\n", ["golang:1.22"]),
    ("a stage", "FROM a AS b\nFROM B\nCOPY --from=b /x /y\nCOPY --from=0 /x /y\n", ["a"]),
    ("an image under the name of a later stage", "FROM b\nFROM a AS b\n", ["b", "a"]),
    ("a copy", "FROM scratch\nCOPY --chown=1 --from=bank-web / /x\n", ["scratch", "bank-web"]),
    ("a mount", "FROM a\nRUN --mount=type=bind,target=/x,from=bank-web,rw ls\n", ["a", "bank-web"]),
    ("a mount in quotes", "FROM a\nRUN --mount=\"type=bind,fr\\om=bank-web\" ls\n", ["a", "bank-web"]),
    ("what its heirs do", "FROM a\nONBUILD COPY --from=bank-web / /\n", ["a", "bank-web"]),
    ("arguments", "ARG A=bank\nARG B=${A}-web C=1\nFROM ${B}:$C\n", ["bank-web:1"]),
    ("a given argument", "ARG GIVEN=x\nFROM ${GIVEN}\n", ["bank-web"]),
    ("an argument of a stage", "FROM a\nARG GIVEN\nFROM ${NO:-b}${GIVEN:+c}\n", ["a", "b"]),
    ("defaults", "ARG E=\nFROM ${E:-bank}-${E-x}${N-web}${GIVEN+y}\n", ["bank-web"]),
    ("what only the builder knows", "FROM base-${TARGETARCH}\nFROM ${A#x}\nFROM ${A:-${B}}\n", ["base-…", "…", "…"]),
    ("lines that go on", "FROM \\\n# a comment\n\n  ba\\\nnk-web\r\n", ["bank-web"]),
    ("another sign for that", "# escape=`\nFROM ba`\nnk-web\n", ["bank-web"]),
    ("quotes, and a mark at its start", "\u{feff}FROM \"bank\"-we\\b\n", ["bank-web"]),
  ]

  @Test(arguments: rows.indices) func `every image that is named is found`(_ row: Int) {
    let (what, text, images) = Self.rows[row]
    let found = Dockerfile(text, arguments: ["GIVEN": "bank-web", "UNKNOWN": nil])
    #expect(found.images.map(\.text) == images, "\(what)")
    #expect(found.frontend == nil)
  }

  @Test(arguments: [
    ("# syntax=docker/dockerfile:1\nFROM a\n", "docker/dockerfile:1"), ("// syntax = evil\nFROM a\n", "evil"),
    ("#syntax=evil\n", "evil"), ("FROM a\n# syntax=evil\n", nil), ("{\"syntax\": \"evil\"}", "{\"syntax\": \"evil\"}"),
  ])
  func `the program that reads it is found`(_ text: String, _ frontend: String?) {
    #expect(Dockerfile(text, arguments: [:]).frontend == frontend)
  }

  @Test(
    arguments: [
      (["bank-web"], true), (["docker.io/library/bank-web:latest"], true), (["bank-web@sha256:00"], true),
      (["bank-web:2"], false), (["bank"], false), ([nil], true), (["bank-", nil], true), ([nil, ":2"], false),
      (["node:", nil], false),
    ] as [([String?], Bool)])
  func `what is known of a reference decides whether it may be an image`(_ parts: [String?], _ may: Bool) {
    #expect(Dockerfile.Named(parts: parts).mayBe(Image("bank-web:latest")) == may)
  }
}

@Suite("How a build cache is named") struct BuildCacheTests {
  @Test(
    arguments: [
      ("type=local,src=a,dest=b", ["a", "b"], [], nil), ("type=local,\"dest=/etc\",dest=b", ["/etc", "b"], [], nil),
      ("bank-web", [], ["bank-web"], nil), ("type=registry,ref=x/y", [], ["x/y"], nil),
      ("type=gha,url=x", [], [], "type=gha"), ("Type=local,Dest=/etc", ["/etc"], [], nil),
      ("type=local,url=x", [], [], "url=x"),
    ] as [(String, [String], [String], String?)])
  func `paths, images and what nobody knows are told apart`(
    _ text: String, _ paths: [String], _ images: [String], _ unknown: String?
  ) {
    #expect(BuildCache.paths(text) == paths)
    #expect(BuildCache.images(text) == images)
    #expect(BuildCache.unknown(text) == unknown)
  }
}

@Suite("A Dockerfile that a builder may read otherwise is not read at all") struct PlainDockerfileTests {
  @Test(arguments: [
    "FROM busybox\nRUN x\n", "# syntax=docker/dockerfile:1\n# escape=`\nFROM x\n", "FROM x\r\nRUN y\r\n",
    "ARG V=\"1.2\"\nARG B='a:1'\nFROM x:$V\n", "FROM x\nRUN <<EOF\necho $((1 << 2))\nEOF\n",
    "FROM x\nCOPY <<-'EOF' /a\nb\nEOF\n",
    "# a comment\nFROM x\nRUN echo \"a b\" \\\n  && c\n", "",
  ]) func `what everybody reads alike`(_ text: String) { #expect(Dockerfile.isPlain(text)) }

  @Test(arguments: [
    "FROM\u{b}bank:1\n", "FROM x\nCOPY\u{c}--from=bank:1 / /\n", "FROM x\nCOPY\r--from=bank:1 / /\n",
    "FROM x\u{2028}FROM y\n",
    "# hello\n# escape=`\nLABEL a=b`\nFROM bank:1\n", "ARG B=bank:1\nARG C=\"z B=busybox\"\nFROM $B\n",
    "ARG C='a\nFROM x\n",
    "FROM x\nRUN <<'E\\'\nE\nFROM bank:1\n",
  ]) func `what a builder may read otherwise`(_ text: String) { #expect(!Dockerfile.isPlain(text)) }
}
