@testable import Agent
import Glibc
import Testing

@Suite("I8: what clup itself was given stays with it")
struct ProgramsTests {
  @Test func `programs see where the engine is, and no password`() throws {
    let scratch = try Scratch()
    try scratch.write("bin/docker", "")
    #expect(chmod(scratch.root + "/bin/docker", 0o755) == 0)
    let given = [
      "PATH": scratch.root + "/bin", "HOME": "/root", "DOCKER_HOST": "unix:///d.sock", "DOCKER_CONTEXT": "c",
      "DOCKER_CONFIG": "/c", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/p", "DOCKER_API_VERSION": "1.41",
      "DOCKER_BUILDKIT": "1",
    ]
    let secret = [
      "DOCKER_AUTH_CONFIG": "{}", "DOCKER_PASSWORD": "p", "DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE": "p",
      "CLUP_TOKEN": "t",
    ]
    let seen = try Programs(environment: given.merging(secret) { own, _ in own }).environment
    let fixed = [
      "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false", "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
      "COMPOSE_REMOVE_ORPHANS": "false",
    ]
    let path = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\(scratch.root)/bin"]
    #expect(seen == given.merging(fixed) { own, _ in own }.merging(path) { $1 })
  }
}

@Suite struct LateComposeTests {
  @Test(arguments: [
    (["-p", "x", "--project-directory", "/d", "config"], "config", "very large"), (["up", "-d"], "up", "docker ps"),
  ]) func `a Compose that does not end is named by its subcommand and directory`(
    _ arguments: [String], _ subcommand: String, _ help: String
  ) async throws {
    let scratch = try Scratch()
    try scratch.write("bin/docker", "")
    try scratch.write("cli-plugins/docker-compose", "#!/bin/sh\n[ $1 = version ] && echo 2.40.3 || exec sleep 60\n")
    for program in ["bin/docker", "cli-plugins/docker-compose"] {
      #expect(chmod("\(scratch.root)/\(program)", 0o755) == 0)
    }
    let programs = try Programs(environment: [
      "PATH": scratch.root + "/bin", "DOCKER_CONFIG": scratch.root, "DOCKER_HOST": "unix:///d.sock",
    ])
    let failure = await #expect(throws: Failure.self) {
      try await programs.compose(arguments, in: "/tmp", limits: .init(deadline: .seconds(1)))
    }
    #expect(failure?.message == "`docker compose \(subcommand)` in /tmp did not end within 1 s and was stopped")
    #expect(failure?.help.contains(help) == true)
  }
}

@Suite struct ComposeVersionTests {
  @Test func `a package's own suffix makes no other version`() {
    for text in ["2.40.3", "v2.40.3", "2.40.3-3", "2.40.3+ds1-0ubuntu1"] {
      #expect(ComposeVersion.number(in: text) == "2.40.3")
    }
  }

  @Test(arguments: [("2.27.1-4", true), ("1.29.2", true), ("v2.28.0", false), ("2.28.0-rc.1", false), ("", false)])
  func `what is older than 2.28 is refused`(_ version: String, _ isRefused: Bool) {
    #expect((ComposeVersion.refusal(of: version) != nil) == isRefused)
  }
}

@Suite("A program that failed is quoted with its reason") struct ReasonTests {
  @Test(arguments: [
    ("one\ntwo\n", "two"), ("", "it gave no reason"), ("why\ntime=x level=warning msg=y\n", "why"),
    (
      "first\nfailed to create network a: cannot set up: (iptables failed: RULE_DELETE\n (exit status 4))\n",
      "failed to create network a: cannot set up: (iptables failed: RULE_DELETE (exit status 4))"
    ),
    (") alone", ") alone"),
  ]) func `the last thing that was said, whole`(_ errors: String, _ reason: String) {
    #expect(Programs.reason(in: errors) == reason)
  }
}
