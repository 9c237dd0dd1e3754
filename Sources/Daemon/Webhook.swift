import Core
import Encoding
import FoundationEssentials
import HTTPServer

/// What a forge or a script says with `POST /webhook`.
enum Webhook: Sendable, Equatable {
  /// A push to the branch, with the delivery's id where there is one.
  case push(delivery: String?)
  /// Nothing to look at, and why.
  case ignored(String)
  /// A forge tries whether anybody is there.
  case ping
  /// Nobody who knows the secret.
  case unsigned
  /// Signed, but not what it says it is.
  case malformed(String)

  /// Reads a request; nothing of it is looked at before its signature is known to be good.
  static func read(_ request: HTTPRequest, secrets: [Secret], settings: Settings) -> Webhook {
    guard secrets.contains(where: { isSigned(request, $0) }) else { return .unsigned }
    let event =
      ["X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gogs-Event", "X-Gitlab-Event"]
      .compactMap { request.header($0) }.first
    if event == "ping" { return .ping }
    let delivery =
      ["X-GitHub-Delivery", "X-Gitea-Delivery", "X-Forgejo-Delivery", "X-Gogs-Delivery", "X-Gitlab-Event-UUID"]
      .compactMap { request.header($0) }.first { !$0.isEmpty && $0.utf8.count <= 200 }
    if let event, !["push", "Push Hook", "Tag Push Hook", "System Hook"].contains(event) {
      return .ignored("\(printable(event)) is not a push to a branch")
    }
    // A script of one's own may send nothing but its signature.
    if event == nil, request.body.isEmpty { return .push(delivery: delivery) }
    if request.header("Content-Type")?.hasPrefix("application/x-www-form-urlencoded") == true {
      return .malformed("set the webhook's content type to application/json")
    }
    guard let json = try? JSON(parsing: request.body), case .object = json else {
      return event == nil ? .push(delivery: delivery) : .malformed("the body is no JSON object")
    }
    if let ref = json["ref"]?.string {
      if !settings.follow.concerns(ref) {
        let short = ref.hasPrefix("refs/heads/") ? String(ref.dropFirst(11)) : ref
        return .ignored("a push to \(printable(short)), not to \(settings.branch)")
      }
    } else if event != nil {
      return .malformed("the body names no ref")
    }
    let others = settings.sources.map { otherRepository(json, $0.url) }
    if let other = others.first ?? nil, !others.contains(nil) {
      return .ignored("a push to the repository \(printable(other)), not to this host's")
    }
    return .push(delivery: delivery)
  }

  /// GitHub, Gitea, Forgejo and Gogs sign the body; GitLab sends the secret itself.
  private static func isSigned(_ request: HTTPRequest, _ secret: Secret) -> Bool {
    secret.withBytes { key in
      if let token = request.header("X-Gitlab-Token") { return HMAC.areEqual(Array(token.utf8), key) }
      guard let digest = try? HMAC.sha256(key: key, message: request.body) else { return false }
      let own = Array(digest.hexadecimal.utf8)
      let github = request.header("X-Hub-Signature-256").map { text in
        text.hasPrefix("sha256=") ? String(text.dropFirst(7)) : ""
      }
      let others = ["X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature"].compactMap { request.header($0) }
      return ([github].compactMap { $0 } + others).contains { HMAC.areEqual(Array($0.utf8), own) }
    }
  }

  /// Compares the repository by its path on the forge: the host may be reached under several names.
  private static func otherRepository(_ json: JSON, _ own: String) -> String? {
    let repository = json["repository"] ?? json["project"]
    let names =
      [repository?["full_name"], json["project"]?["path_with_namespace"]].compactMap { $0?.string }
      + ["clone_url", "ssh_url", "html_url", "git_url", "git_http_url", "git_ssh_url", "homepage", "url"].compactMap {
        repository?[$0]?.string
      }
    guard let wanted = path(of: own), let first = names.first else { return nil }
    return names.contains { (path(of: $0) ?? $0.lowercased()) == wanted } ? nil : first
  }

  /// Returns `owner/name` of a URL, or nothing for a path on this host.
  static func path(of url: String) -> String? {
    var rest = Substring(url.lowercased())
    if let scheme = rest.firstRange(of: "://") {
      if rest.hasPrefix("file:") { return nil }
      rest = rest[scheme.upperBound...]
      guard let slash = rest.firstIndex(of: "/") else { return nil }
      rest = rest[rest.index(after: slash)...]
    } else if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains("/") {
      rest = rest[rest.index(after: colon)...]
    } else {
      return nil
    }
    let parts = rest.prefix { $0 != "?" && $0 != "#" }.split(separator: "/")
    let text = parts.joined(separator: "/")
    return text.hasSuffix(".git") ? String(text.dropLast(4)) : text
  }

  /// A header field holds ASCII only.
  private static func printable(_ text: String) -> String { String(text.filter(\.isASCII).printable.prefix(100)) }
}
