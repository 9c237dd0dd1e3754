import Core
import Foundation
import Testing

extension EndToEnd {
  @Suite("Private repositories", .disabled(if: Host.skips)) struct Accesses {
    /// One way to a repository, and what comes of it.
    struct Case: Sendable, CustomTestStringConvertible {
      let testDescription: String
      /// The URL; `$port` stands for the server's.
      let url: String
      /// The section `credentials:`.
      var credentials = ""
      /// What a person does before, in the host's directory.
      var before = ""
      var status: Int32 = 0
      /// What the answer must hold.
      var says: [String] = []
    }

    static let ssh = "ssh://root@127.0.0.1:$port$root/repo.git"
    static let trusting = "echo \"[127.0.0.1]:$port $(cut -d' ' -f1,2 host.pub)\" > known"
    static let sshCases = [
      Case(
        testDescription: "a deploy key", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}", before: trusting),
      Case(
        testDescription: "a hashed entry among others", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}",
        before: trusting + "; ssh-keygen -q -H -f known; sed -i '1i@cert-authority * ssh-rsa AAAA' known"
      ),
      Case(
        testDescription: "known_hosts beside the configuration", url: ssh, credentials: "{ssh_key_file: deploy}",
        before: trusting + "; mv known known_hosts"),
      Case(
        testDescription: "a key with a passphrase", url: ssh,
        credentials: "{ssh_key_file: locked, ssh_passphrase_file: passphrase, known_hosts_file: known}",
        before: trusting),
      Case(
        testDescription: "a key without its passphrase", url: ssh,
        credentials: "{ssh_key_file: locked, known_hosts_file: known}", before: trusting, status: 2,
        says: ["has a passphrase", "ssh_passphrase_file"]),
      Case(
        testDescription: "a key with a wrong passphrase", url: ssh,
        credentials: "{ssh_key_file: locked, ssh_passphrase_file: wrong, known_hosts_file: known}",
        before: trusting + "; echo wrong-word > wrong; chmod 600 wrong", status: 4, says: ["ssh_passphrase_file"]),
      Case(
        testDescription: "a stranger's key", url: ssh,
        credentials: "{ssh_key_file: stranger, known_hosts_file: known}", before: trusting, status: 4,
        says: ["does not let root in with the key", "/stranger", "ssh-keygen -y"]),
      Case(
        testDescription: "no key", url: ssh, credentials: "{known_hosts_file: known}", before: trusting, status: 4,
        says: ["wants an ssh key", "ssh_key_file"]),
      Case(
        testDescription: "a key that others can read", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}", before: trusting + "; chmod 640 deploy",
        status: 2,
        says: ["can be read or written by others", "chmod 600"]),
      Case(
        testDescription: "the public half", url: ssh,
        credentials: "{ssh_key_file: deploy.pub, known_hosts_file: known}", before: trusting + "; chmod 600 deploy.pub",
        status: 2, says: ["is not a private ssh key"]),
      Case(
        testDescription: "an unknown host", url: ssh, credentials: "{ssh_key_file: deploy, known_hosts_file: known}",
        status: 4, says: ["no key of the ssh server", "clup known-host --write '[127.0.0.1]:"]),
      Case(
        testDescription: "a changed host key", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}",
        before: "echo \"[127.0.0.1]:$port $(cut -d' ' -f1,2 stranger.pub)\" > known", status: 4,
        says: ["shows another key", "SHA256:", "ssh-keygen -R", "someone may be intercepting the connection"]),
      Case(
        testDescription: "a kind of host key that the server has no more", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}",
        before: "ssh-keygen -q -t rsa -N '' -f rsa; echo \"[127.0.0.1]:$port $(cut -d' ' -f1,2 rsa.pub)\" > known",
        status: 4, says: ["still has a key of the types", "ssh-rsa", "clup known-host"]),
      Case(
        testDescription: "a path that is not there", url: ssh + "x",
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}", before: trusting, status: 4,
        says: ["does not appear to be a git repository", "check the path of the repository"]),
      Case(
        testDescription: "a revoked host key", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}",
        before: trusting + "; sed 's/^/@revoked /' known > revoked; cat revoked >> known", status: 4,
        says: ["is revoked in"]),
      Case(
        testDescription: "known_hosts that others can write", url: ssh,
        credentials: "{ssh_key_file: deploy, known_hosts_file: known}", before: trusting + "; chmod 666 known",
        status: 2,
        says: ["other users can change"]),
    ]

    @Test(arguments: sshCases) func `ssh lets in who has the key, and clup trusts whom it knows`(_ one: Case)
      async throws
    {
      try await Servers.with { host, servers in
        try await check(one, host, port: try await servers.sshd())
      }
    }

    @Test func `an ssh agent gives the key`() async throws {
      try await Servers.with { host, servers in
        let port = try await servers.sshd()
        try await servers.start("ssh-agent", ["-D", "-a", host.root + "/agent.sock"], port: nil)
        try await host.shell(
          "sleep 0.5; SSH_AUTH_SOCK=agent.sock ssh-add -q deploy; \(Self.trusting.replacing("$port", with: "\(port)"))")
        let url = Self.ssh.replacing("$port", with: "\(port)").replacing("$root", with: host.root)
        try host.configure(url, "credentials: {ssh_agent: \(host.root)/agent.sock, known_hosts_file: known}")
        #expect(try await host.sync().outcome == .deployed)
        try host.configure(url, "credentials: {ssh_agent: true, known_hosts_file: known}")
        let asked = try await host.clup(["sync"], environment: ["SSH_AUTH_SOCK": host.root + "/agent.sock"])
        #expect(asked.status == 0, "\(asked.errors)")
        let none = try await host.clup("sync")
        #expect(none.status == 2 && none.output.contains("SSH_AUTH_SOCK names none"), "\(none.output)")
      }
    }

    @Test func `known-host shows what a server has, and writes what was compared`() async throws {
      try await Servers.with { host, servers in
        let port = try await servers.sshd()
        let url = Self.ssh.replacing("$port", with: "\(port)").replacing("$root", with: host.root)
        try host.configure(url, "credentials: {ssh_key_file: deploy}")
        let fingerprint = try await host.shell("cat fingerprint").trimmingCharacters(in: .newlines)
        let shown = try await host.clup("known-host")
        #expect(shown.status == 0 && shown.output.contains("\(fingerprint)  new"), "\(shown.output) \(shown.errors)")
        #expect(!FileManager.default.fileExists(atPath: host.root + "/known_hosts"))
        let other = try await host.clup("known-host", "--fingerprint", "SHA256:nothing")
        #expect(other.status == 3 && other.errors.contains("shows no key with the fingerprint"), "\(other.errors)")
        let written = try await host.clup("known-host", "--fingerprint", fingerprint)
        #expect(written.status == 0 && written.output.contains("\(fingerprint)  written"), "\(written.errors)")
        #expect(try await host.shell("wc -l < known_hosts").trimmingCharacters(in: .whitespacesAndNewlines) == "1")
        #expect(try await host.clup("known-host", "--write", "127.0.0.1:\(port)").status == 0)
        #expect(try await host.sync().outcome == .deployed)
        try await host.shell("echo \"[127.0.0.1]:\(port) $(cut -d' ' -f1,2 stranger.pub)\" > known_hosts")
        let changed = try await host.clup("known-host", "--write")
        #expect(changed.status == 3 && changed.errors.contains("ssh-keygen -R"), "\(changed.errors)")
      }
    }

    static let tls = "https://localhost:$port"
    static let tlsCases = [
      Case(testDescription: "good: a private authority", url: tls + "/open/repo.git", credentials: "{ca_file: ca.crt}"),
      Case(
        testDescription: "good: a token", url: tls + "/private/repo.git",
        credentials: "{ca_file: ca.crt, username: robot, token_file: token}"),
      Case(
        testDescription: "good: the URL's user", url: "https://robot@localhost:$port/private/repo.git",
        credentials: "{ca_file: ca.crt, token_file: token}"),
      Case(
        testDescription: "good: a credential helper", url: tls + "/private/repo.git",
        credentials: "{ca_file: ca.crt, helper: [./helper, robot]}",
        before:
          "printf '#!/bin/sh\\n[ $2 = get ] && echo username=$1 && echo password=$(cat $root/token)\\n' > helper; "
          + "chmod 755 helper"),
      Case(
        testDescription: "good: a helper that fails", url: tls + "/private/repo.git",
        credentials: "{ca_file: ca.crt, helper: ./helper}",
        before: "printf '#!/bin/sh\\nexit 7\\n' > helper; chmod 755 helper",
        status: 4, says: ["the credential helper", "status 7", "run it by hand", "| /"]),
      Case(
        testDescription: "good: a bad token", url: tls + "/private/repo.git",
        credentials: "{ca_file: ca.crt, username: robot, token_file: badtoken}", status: 4,
        says: ["refuses the token for robot", "expired"]),
      Case(
        testDescription: "good: no token", url: tls + "/private/repo.git", credentials: "{ca_file: ca.crt}", status: 4,
        says: ["requires a login", "token_file"]),
      Case(
        testDescription: "good: a token that others can read", url: tls + "/private/repo.git",
        credentials: "{ca_file: ca.crt, username: robot, token_file: token}", before: "chmod 644 token", status: 2,
        says: ["can be read or written by others", "chmod 600"]),
      Case(
        testDescription: "good: no authority named", url: tls + "/open/repo.git", status: 4,
        says: ["certificate", "ca_file"]),
      Case(
        testDescription: "stranger: a wrong authority", url: tls + "/open/repo.git", credentials: "{ca_file: ca.crt}",
        status: 4, says: ["certificate", "ca_file"]),
      Case(
        testDescription: "expired: an expired certificate", url: tls + "/open/repo.git",
        credentials: "{ca_file: ca.crt}",
        status: 4, says: ["expired", "must renew it"]),
      Case(
        testDescription: "good: a password in the URL",
        url: "https://robot:\(Marked.token)@localhost:$port/private/repo.git", status: 2,
        says: ["holds a password", "token_file"]),
      Case(
        testDescription: "plain: a redirect to another host", url: "http://localhost:$port/moved/repo.git",
        credentials: "{username: robot, token_file: token}", status: 4, says: ["cannot redirect from"]),
    ]

    @Test(arguments: tlsCases) func `https shows a token to nobody but the host that it is for`(_ one: Case)
      async throws
    {
      try await Servers.with { host, servers in
        let ports = try await servers.nginx()
        let server = one.testDescription.prefix { $0 != ":" }
        let port = ["good": ports.good, "stranger": ports.stranger, "expired": ports.expired][server] ?? ports.plain
        if server == "expired" { try await Task.sleep(for: .seconds(2)) }
        try await check(one, host, port: port)
        let log = try await host.shell("cat access.log 2>/dev/null || true")
        for line in log.split(separator: "\n") where line.contains("[Basic") { #expect(line.hasPrefix("localhost ")) }
      }
    }

    @Test func `what systemd hands over is found by its name`() async throws {
      try await Servers.with { host, servers in
        let port = try await servers.nginx().good
        try host.configure(
          "https://localhost:\(port)/private/repo.git",
          "credentials: {ca_file: ca.crt, username: robot, token_file: $CREDENTIALS_DIRECTORY/forge}")
        let none = try await host.clup("sync")
        #expect(none.status == 2 && none.output.contains("LoadCredential=forge:"), "\(none.output)")
        try await host.shell("mkdir creds && cp token creds/forge && chmod 440 creds/forge")
        let found = try await host.clup(["sync"], environment: ["CREDENTIALS_DIRECTORY": host.root + "/creds"])
        #expect(found.status == 0, "\(found.output) \(found.errors)")
      }
    }

    @Test func `the daemon that has used its secrets holds none of them in memory`() async throws {
      try await Servers.with { host, servers in
        let (git, port) = (try await servers.nginx().good, try Servers.freePort())
        try host.configure(
          "https://localhost:\(git)/private/repo.git",
          """
          credentials: {ca_file: ca.crt, username: robot, token_file: token}
          serve: {listen: "127.0.0.1:\(port)", webhook_secret_file: \(host.root)/hook, api_token_file: \(host.root)/token}
          """)
        try await host.shell("printf '\(Marked.hook)\\n' > hook; chmod 600 hook")
        let scan = """
          import sys
          found = set()
          for line in open(f'/proc/{sys.argv[1]}/maps'):
              start, end = (int(text, 16) for text in line.split()[0].split('-'))
              try:
                  memory = open(f'/proc/{sys.argv[1]}/mem', 'rb'); memory.seek(start)
                  held = memory.read(end - start)
              except (OSError, OverflowError, ValueError): continue
              found |= {word for word in sys.argv[2:] if word.encode() in held}
          print('found', sorted(found))
          """
        try host.write("scan.py", scan, in: host.root)
        try await servers.start(
          try #require(Host.binary), ["serve", "--config", host.root + "/clup.yaml"], port: port)
        let said = try await host.shell(
          """
          url=http://127.0.0.1:\(port)
          wait() { for _ in $(seq 100); do [ "$(curl -s $url/api/v1/status | grep -c '"commit":"[0-9a-f]')" = 1 ] && break; sleep 0.2; done; }
          wait
          body='{"ref": "refs/heads/main"}'
          sign=$(printf %s "$body" | openssl dgst -sha256 -hmac '\(Marked.hook)' | sed 's/.*= //')
          ask() { curl -s -o /dev/null -w '%{http_code} ' -X POST "$@"; }
          ask -H 'X-GitHub-Event: push' -H 'Content-Type: application/json' -H "X-Hub-Signature-256: sha256=$sign" -d "$body" $url/webhook
          ask -H 'Authorization: Bearer \(Marked.token)' $url/api/v1/sync
          sleep 3
          python3 scan.py $(pgrep -f "clup serve --config $PWD/clup.yaml" | head -1) '\(Marked.hook)' '\(host.checkout)'
          """)
        // A token that a client sends lies in the connection's buffers until these are used again.
        #expect(said == "202 202 found ['\(host.checkout)']\n", "\(said)")
        #expect(try await host.containers().count == 1)
      }
    }

    @Test func `https goes through a proxy`() async throws {
      try await Servers.with { host, servers in
        let (git, port) = (try await servers.nginx().good, try Servers.freePort())
        let script = """
          import socket, sys, threading
          def pipe(one, other):
              try:
                  while data := one.recv(65536): other.sendall(data)
                  other.shutdown(socket.SHUT_WR)
              except OSError: pass
          def serve(client):
              head = b''
              while b'\\r\\n\\r\\n' not in head:
                  if not (data := client.recv(4096)): return
                  head += data
              open('proxied', 'ab').write(head)
              name, port = head.split()[1].decode().split(':')
              server = socket.create_connection((name, int(port)))
              client.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')
              threading.Thread(target=pipe, args=(client, server), daemon=True).start()
              pipe(server, client)
          listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
          while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
          """
        try host.write("proxy.py", script, in: host.root)
        try await servers.start("python3", [host.root + "/proxy.py", String(port)], port: port)
        try host.configure(
          "https://localhost:\(git)/private/repo.git",
          "credentials: {ca_file: ca.crt, username: robot, token_file: token, proxy: \"http://127.0.0.1:\(port)\"}")
        #expect(try await host.sync().outcome == .deployed)
        let proxied = try await host.shell("cat proxied")
        #expect(proxied.hasPrefix("CONNECT localhost:\(git) ") && !proxied.contains("Authorization"), "\(proxied)")
      }
    }

    @Test func `the helper for a GitHub App signs what GitHub can check`() async throws {
      try await Servers.with { host, servers in
        let port = try Servers.freePort()
        let api = """
          import http.server, sys
          class API(http.server.BaseHTTPRequestHandler):
              def do_POST(self):
                  open('asked', 'w').write(self.path + ' ' + self.headers['Authorization'])
                  self.send_response(201); self.end_headers()
                  self.wfile.write(b'{"token": "\(Marked.token)",\\n  "expires_at": "2030-01-01T00:00:00Z"}')
              def log_message(self, *words): pass
          http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), API).serve_forever()
          """
        try host.write("api.py", api, in: host.root)
        try await servers.start("python3", [host.root + "/api.py", String(port)], port: port)
        let hook = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
          .deletingLastPathComponent().appending(path: "hooks/github-app-token").path
        let said = try await host.shell(
          """
          openssl genrsa -out app.pem 2048 2>/dev/null; openssl rsa -in app.pem -pubout -out app.pub 2>/dev/null
          export GITHUB_API=http://127.0.0.1:\(port)
          printf 'protocol=https\\nhost=github.com\\n\\n' | strace -f -qq -v -s 100000 -e trace=execve -o calls \(hook) 17 42 app.pem get
          token=$(sed 's/.*Bearer //' asked)
          printf %s "${token%.*}" > claims
          sign=$(printf %s "${token##*.}" | tr '_-' '/+'); while [ $((${#sign} % 4)) != 0 ]; do sign=$sign=; done
          printf %s "$sign" | base64 -d > signature
          openssl dgst -sha256 -verify app.pub -signature signature claims
          cut -d' ' -f1 asked; grep -cF "$(cut -d. -f3 asked)" calls || true
          """)
        #expect(
          said
            == "username=x-access-token\npassword=\(Marked.token)\nVerified OK\n/app/installations/42/access_tokens\n0\n",
          "\(said)")
      }
    }

    /// Runs a case; nothing of a secret may be in what clup says, starts or leaves.
    private func check(_ one: Case, _ host: Host, port: UInt16) async throws {
      func filled(_ text: String) -> String {
        text.replacing("$port", with: "\(port)").replacing("$root", with: host.root)
      }
      try host.configure(filled(one.url), one.credentials.isEmpty ? "" : "credentials: \(one.credentials)")
      if !one.before.isEmpty { try await host.shell(filled(one.before)) }
      let program = try #require(Host.binary)
      let words = try await host.shell(
        "CLUP_CONFIG=clup.yaml strace -f -qq -v -s 100000 -e trace=execve,prctl -o calls \(program) sync > said 2>&1; echo $?; cat said"
      )
      #expect(words.hasPrefix("\(one.status)\n"), "\(words)")
      for text in one.says { #expect(words.contains(text), "\(words)") }
      if one.status == 0 {
        #expect(try await host.containers().count == 1)
        let dumps = try await host.shell("grep -c 'PR_SET_DUMPABLE, SUID_DUMP_DISABLE' calls || true")
        let isSecret = one.credentials.contains("key_file") || one.credentials.contains("token_file")
        #expect(dumps.hasPrefix("0") == !isSecret)
      }
      // The files that hold the secrets for the test, and what a person wrote into the configuration, are not clup's.
      let key = try await host.shell("sed -n 3p deploy 2>/dev/null || true").trimmingCharacters(in: .newlines)
      for secret in [Marked.token, Marked.passphrase, key] where !secret.isEmpty {
        let found = try await host.shell(
          "grep -rlF -- '\(secret)' . | grep -vxE './(token|passphrase|deploy|locked|clup.yaml)' || true")
        #expect(found == "", "\(secret)")
      }
    }
  }
}
