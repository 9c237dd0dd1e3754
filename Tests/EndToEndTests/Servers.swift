import Foundation
import Glibc
import Processes
import Testing

/// Real servers on the loopback for one test: each starts from Debian's own program, in the host's directory.
struct Servers {
  let host: Host
  /// The processes; they end when the test does.
  private var running: [Task<Void, any Error>] = []

  init(_ host: Host) { self.host = host }

  /// Starts a program and waits until its port answers.
  mutating func start(_ name: String, _ arguments: [String], port: UInt16?, environment extra: [String: String] = [:])
    async throws
  {
    let program = try #require(
      ["", "/usr/sbin/", "/usr/bin/", "/usr/lib/git-core/"].map { $0 + name }.first {
        $0.hasPrefix("/") && access($0, X_OK) == 0
      },
      "\(name) is missing; deploy/prepare tools installs it")
    let command = Command(
      program, arguments, environment: host.environment.merging(extra) { _, new in new }, directory: host.root,
      deadline: .seconds(300), grace: .milliseconds(300))
    running.append(
      Task {
        let outcome = try await run(command)
        if !Task.isCancelled { Issue.record("\(name) ended: \(outcome.outputText) \(outcome.errorText)") }
      })
    guard let port else { return }
    for _ in 0..<400 {
      if Self.answers(port) { return }
      try await Task.sleep(for: .milliseconds(25))
    }
    Issue.record("\(name) does not listen")
  }

  func stop() async {
    for task in running {
      task.cancel()
      _ = try? await task.value
    }
  }

  /// Finds a port that nobody listens at.
  static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) + getsockname(descriptor, $0, &length)
      }
    }
    try #require(code == 0)
    return UInt16(bigEndian: address.sin_port)
  }

  private static func answers(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    } == 0
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
  }

  /// Gives a test its host and servers, and takes both away however the test ends.
  static func with(
    _ files: [String: String] = ["a/compose.yaml": sleeper()], _ test: (Host, inout Servers) async throws -> Void
  )
    async throws
  {
    try await Host.with(files) { host in
      var servers = Servers(host)
      do { try await test(host, &servers) } catch {
        await servers.stop()
        throw error
      }
      await servers.stop()
    }
  }
}

extension Servers {
  /// Starts `sshd` with keys of its own: `deploy`, `locked` (with a passphrase) and `rsa` may read, `stranger` may not.
  mutating func sshd() async throws -> UInt16 {
    let port = try Self.freePort()
    try await host.shell(
      """
      for key in host deploy stranger; do ssh-keygen -q -t ed25519 -N '' -f $key; done
      ssh-keygen -q -t ecdsa -N '' -f hostecdsa
      ssh-keygen -q -t ed25519 -N '\(Marked.passphrase)' -f locked
      cat deploy.pub locked.pub > authorized
      printf '%s\\n' '\(Marked.passphrase)' > passphrase; chmod 600 passphrase
      mkdir -p /run/sshd
      ssh-keygen -q -l -f host.pub | cut -d' ' -f2 > fingerprint
      """)
    let text = """
      Port \(port)
      ListenAddress 127.0.0.1
      HostKey \(host.root)/host
      HostKey \(host.root)/hostecdsa
      AuthorizedKeysFile \(host.root)/authorized
      PidFile none
      StrictModes no
      UsePAM no
      PasswordAuthentication no
      SetEnv PATH=\(host.root)/bin:/usr/bin:/bin

      """
    try host.write("sshd.conf", text, in: host.root)
    try await start("sshd", ["-D", "-e", "-f", host.root + "/sshd.conf"], port: port)
    return port
  }

  /// Starts nginx over `git http-backend`: `/open/`, `/private/` (basic authentication) and `/moved/` (to another host), by TLS
  /// with a certificate of the authority `ca`, of a stranger's, and one that has expired; then by plain HTTP.
  ///
  /// With `lfs`, requests for Git LFS go on to the server at that port.
  mutating func nginx(lfs: UInt16? = nil) async throws -> (
    good: UInt16, stranger: UInt16, expired: UInt16, plain: UInt16
  ) {
    let ports = try (0..<4).map { _ in try Self.freePort() }
    try await host.shell(
      """
      new="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
      printf 'subjectAltName=DNS:localhost' > san
      for ca in ca other; do openssl req -x509 $new -keyout $ca.key -out $ca.crt -days 2 -subj /CN=$ca 2>/dev/null; done
      issue() {
        openssl req $new -keyout $1.key -out $1.csr -subj /CN=localhost 2>/dev/null
        openssl x509 -req -in $1.csr -CA $2.crt -CAkey $2.key -CAcreateserial -days $3 -extfile san -out $1.crt 2>/dev/null
      }
      issue good ca 2; issue stranger other 2; issue expired ca 0
      printf 'robot:%s\\n' "$(openssl passwd -apr1 '\(Marked.token)')" > htpasswd
      printf '%s\\n' '\(Marked.token)' > token; printf 'wrong-token-4711\\n' > badtoken; chmod 600 token badtoken
      mkdir -p tmp
      """)
    func large(_ port: UInt16, _ certificate: String?) -> String {
      guard let lfs else { return "" }
      let base = "\(certificate == nil ? "http" : "https")://$http_host"
      let pass = "proxy_pass http://127.0.0.1:\(lfs); proxy_set_header X-Base \(base);"
      return """
        location ~ ^/open/.*/info/lfs/ { \(pass) }
        location ~ ^/private/.*/info/lfs/ { auth_basic x; auth_basic_user_file htpasswd; \(pass) }
        """
    }
    func server(_ port: UInt16, _ certificate: String?) -> String {
      let tls = certificate.map { "ssl_certificate \($0).crt; ssl_certificate_key \($0).key;" } ?? ""
      let git = """
        fastcgi_pass unix:\(host.root)/fcgi.sock; include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
        fastcgi_param GIT_PROJECT_ROOT \(host.root); fastcgi_param PATH_INFO /$1; fastcgi_param REMOTE_USER $remote_user;
        """
      return """
        server {
          listen 127.0.0.1:\(port)\(certificate == nil ? "" : " ssl"); server_name localhost; \(tls)
          access_log access.log shown;
          \(large(port, certificate))
          location ~ ^/open/(.*) { \(git) }
          location ~ ^/private/(.*) { auth_basic x; auth_basic_user_file htpasswd; \(git) }
          location /moved/ { return 302 http://127.0.0.1:\(ports[3])/private/repo.git/info/refs?service=git-upload-pack; }
        }

        """
    }
    let text = """
      user root; worker_processes 1; pid nginx.pid; error_log error.log;
      events {}
      http {
        client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
        log_format shown '$host $request_uri $status [$http_authorization]';
        \(server(ports[0], "good"))\(server(ports[1], "stranger"))\(server(ports[2], "expired"))\(server(ports[3], nil))
      }
      """
    try host.write("nginx.conf", text, in: host.root)
    try await start("fcgiwrap", ["-s", "unix:\(host.root)/fcgi.sock"], port: nil)
    try await start(
      "nginx", ["-p", host.root, "-c", host.root + "/nginx.conf", "-e", host.root + "/error.log", "-g", "daemon off;"],
      port: ports[0])
    return (ports[0], ports[1], ports[2], ports[3])
  }

  /// Starts a server between clup and `git daemon` that misbehaves: `silent`, `trickle` (a few bytes a second), `cut` (ends in
  /// the middle of the pack); `through` is git daemon itself.
  mutating func slow(_ manner: String) async throws -> UInt16 {
    let (behind, port) = (try Self.freePort(), try Self.freePort())
    try await start(
      "git-daemon",
      ["--reuseaddr", "--export-all", "--base-path=\(host.root)", "--listen=127.0.0.1", "--port=\(behind)"],
      port: behind)
    if manner == "through" { return behind }
    let script = """
      import socket, sys, threading, time
      manner, port, behind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
      def serve(client):
          if manner == 'silent':
              return time.sleep(100)
          server = socket.create_connection(('127.0.0.1', behind))
          def up():
              try:
                  while data := client.recv(65536): server.sendall(data)
              except OSError: pass
          threading.Thread(target=up, daemon=True).start()
          sent = 0
          while data := server.recv(65536 if manner == 'cut' else 16):
              client.sendall(data)
              sent += len(data)
              if manner == 'cut' and sent > 200000: break
              if manner == 'trickle': time.sleep(0.25)
          client.shutdown(socket.SHUT_RDWR); client.close(); server.close()
      listener = socket.create_server(('127.0.0.1', port))
      while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
      """
    try host.write("slow.py", script, in: host.root)
    try await start("python3", [host.root + "/slow.py", manner, String(port), String(behind)], port: port)
    return port
  }

  /// Starts a registry that lets in `robot` alone, and puts the tests' image into it.
  mutating func registry() async throws -> String {
    let name = "127.0.0.1:\(try Self.freePort())"
    try await host.shell(
      """
      htpasswd -Bbn robot '\(Marked.token)' > htpasswd 2>/dev/null
      mkdir -p auth empty wrong
      auth() { printf '{"auths": {"\(name)": {"auth": "%s"}}}' "$(printf 'robot:%s' "$2" | base64 -w0)" > $1/config.json; chmod 600 $1/config.json; }
      auth auth '\(Marked.token)'; auth wrong wrong-token-4711; echo '{}' > empty/config.json; chmod 600 empty/config.json
      helper() {
        mkdir -p bin $1; echo "{\\"credHelpers\\": {\\"\(name)\\": \\"$2\\"}}" > $1/config.json; chmod 600 $1/config.json
        printf '#!/bin/sh\\n[ $1 = list ] && echo %s || echo %s\\n' "'{\\"\(name)\\": \\"robot\\"}'" \\
          "'{\\"Username\\": \\"robot\\", \\"Secret\\": \\"$3\\"}'" > bin/docker-credential-$2
        chmod 755 bin/docker-credential-$2
      }
      helper helper clup-good '\(Marked.token)'; helper badhelper clup-bad wrong-token-4711
      """)
    let text = """
      version: 0.1
      storage: {filesystem: {rootdirectory: \(host.root)/registry}}
      http: {addr: "\(name)", secret: x}
      auth: {htpasswd: {realm: x, path: \(host.root)/htpasswd}}
      """
    try host.write("registry.yml", text, in: host.root)
    try await start(
      "docker-registry", ["serve", host.root + "/registry.yml"], port: UInt16(name.split(separator: ":")[1]))
    try await host.shell(
      "docker tag busybox:test \(name)/web:1 && DOCKER_CONFIG=auth docker push -q \(name)/web:1 && docker rmi \(name)/web:1"
    )
    return name
  }
}

/// What nobody may see.
enum Marked {
  static let passphrase = "marked passphrase 5e1f"
  static let token = "marked-token-9b2c7d"
  static let hook = "marked-hook-secret-3f0a"
}

extension Host {
  /// Writes the configuration again.
  func configure(_ repository: String, _ more: String = "") throws {
    let text = "repository: \(repository)\nbranch: main\nlive_root: \(live)\ncheckout: \(checkout)\n\(more)\n"
    try text.write(toFile: root + "/clup.yaml", atomically: true, encoding: .utf8)
  }
}
