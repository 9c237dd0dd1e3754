/// An image's reference in its parts.
struct Image {
  let name: String
  let tag: String?
  let digest: String?

  init(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1).map(String.init)
    digest = parts.count > 1 ? parts[1] : nil
    let rest = parts.first ?? ""
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      name = String(rest[..<colon])
      tag = String(rest[rest.index(after: colon)...])
    } else {
      name = rest
      tag = nil
    }
  }

  /// Whether a service's image comes from no registry.
  static func isLocal(_ service: JSON) -> Bool {
    guard service["build"] == nil, let image = service["image"]?.string else { return false }
    return service["pull_policy"]?.string == "never" || Image(image).tag == "local"
  }

  var full: String { "\(name):\(tag ?? "latest")" }

  /// Whether a text may stand for an image's id or its first digits.
  static func mayBeID(_ text: String) -> Bool {
    let digits = text.hasPrefix("sha256:") ? text.dropFirst(7) : text[...]
    return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isHexDigit && !$0.isUppercase }
  }

  /// The name without the parts that may be left out.
  var short: String {
    ["docker.io/", "index.docker.io/", "registry-1.docker.io/", "library/"].reduce(name) {
      $0.hasPrefix($1) ? String($0.dropFirst($1.count)) : $0
    }
  }

  /// Whether it can be the same image; whose a digest is, its name tells.
  func isSame(as other: Image) -> Bool {
    reference == other.reference || digest != nil && short == other.short
  }

  /// The reference that says the same however it was written.
  var reference: String {
    digest.map { "\(short)@\($0)" } ?? "\(short):\(tag ?? "latest")"
  }
}
