import Core
import Digests
import Foundation

extension Servers {
  /// Starts a server that speaks to git-lfs as the file `manner` says: `good`; `wrong` and `short` send another content,
  /// `endless` all that is taken, `silent` nothing; `elsewhere` leads to another name of its own, which requires a login.
  /// It has what lies in `objects`, and writes down what it is asked to `lfs.log`.
  ///
  /// See docs/api/batch.md and docs/api/basic-transfers.md of Git LFS.
  mutating func lfs() async throws -> UInt16 {
    let port = try Self.freePort()
    let script = """
      import json, os, sys, time
      from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
      root, port = sys.argv[1], int(sys.argv[2])
      def manner(): return open(root + '/manner').read().strip()
      class Handler(BaseHTTPRequestHandler):
          protocol_version = 'HTTP/1.1'
          def note(self):
              with open(root + '/lfs.log', 'a') as log:
                  log.write(f"{self.command} {self.path} [{self.headers.get('Authorization', '')}]\\n")
          def answer(self, status, body):
              self.send_response(status)
              self.send_header('Content-Type', 'application/vnd.git-lfs+json')
              self.send_header('Content-Length', str(len(body)))
              self.end_headers()
              self.wfile.write(body)
          def do_POST(self):
              self.note()
              asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
              if manner() == 'silent': time.sleep(100)
              base = self.headers.get('X-Base') or 'http://' + self.headers['Host']
              place = base + self.path.removesuffix('batch')
              if manner() == 'elsewhere': place = f'http://127.0.0.1:{port}/other/'
              objects = []
              for one in asked['objects']:
                  name = {'oid': one['oid'], 'size': one['size']}
                  if os.path.exists(root + '/objects/' + one['oid']):
                      objects.append(name | {'actions': {'download': {'href': place + one['oid']}}})
                  else:
                      objects.append(name | {'error': {'code': 404, 'message': 'no such object'}})
              self.answer(200, json.dumps({'transfer': 'basic', 'objects': objects}).encode())
          def do_GET(self):
              self.note()
              if self.path.startswith('/other/') and 'Authorization' not in self.headers:
                  self.send_response(401)
                  self.send_header('WWW-Authenticate', 'Basic realm=x')
                  self.send_header('Content-Length', '0')
                  return self.end_headers()
              if manner() == 'endless':
                  self.send_response(200)
                  self.end_headers()
                  try:
                      while True: self.wfile.write(b'x' * 65536)
                  except OSError: return
              data = open(root + '/objects/' + self.path.rsplit('/', 1)[1], 'rb').read()
              if manner() == 'wrong': data = b'#' * len(data)
              if manner() == 'short': data = data[:-1]
              self.answer(200, data)
          def log_message(self, *words): pass
      ThreadingHTTPServer(('127.0.0.1', port), Handler).serve_forever()
      """
    try host.write("lfs.py", script, in: host.root)
    try host.write("manner", "good", in: host.root)
    try await host.shell("mkdir -p objects bin && : > lfs.log")
    try await start("python3", [host.root + "/lfs.py", host.root, String(port)], port: port)
    return port
  }
}

extension Host {
  /// Gives the server of Git LFS a content, and gives the pointer to it.
  func keepLarge(_ content: String, in directory: String? = nil) throws -> String {
    let (bytes, oid) = (Array(content.utf8), Self.digest(content))
    try write(oid, content, in: directory ?? root + "/objects")
    return Self.pointer(oid, bytes.count)
  }

  static func pointer(_ oid: String, _ size: Int) -> String {
    "version https://git-lfs.github.com/spec/v1\noid sha256:\(oid)\nsize \(size)\n"
  }

  static func digest(_ content: String) -> String {
    let digest = SHA256()
    digest.update(Array(content.utf8))
    return digest.finish() ?? ""
  }

  /// What a service's container reads.
  func inside(_ service: String, _ command: String) async throws -> String {
    try await docker("exec", try await containers()[service] ?? "", "sh", "-c", command)
  }
}
