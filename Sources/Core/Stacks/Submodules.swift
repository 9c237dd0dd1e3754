/// What `.gitmodules` says of a commit's submodules; see gitmodules(5).
public struct Submodules: Sendable, Equatable {
  private let urls: [String: [String]]

  /// Reads the file's text. What is not understood says nothing.
  ///
  /// libgit2 reads such a text only from a file, and follows its `include.path` to whatever file of the host that names.
  public init(parsing text: String) {
    var (urls, paths): ([String: String], [String: String]) = ([:], [:])
    var name: String?
    for line in text.split(whereSeparator: \.isNewline).map({ $0.drop { $0 == " " || $0 == "\t" } }) {
      if line.hasPrefix("[") {
        name = line.wholeMatch(of: /\[submodule[ \t]+"((?:[^"\\]|\\.)*)"\][ \t]*(?:[#;].*)?/).map { String($0.1) }
      } else if let name, let match = line.wholeMatch(of: /([A-Za-z][A-Za-z0-9-]*)[ \t]*=[ \t]*(.*)/) {
        guard let value = Self.value(match.2) else { continue }
        switch match.1.lowercased() {
        case "url": urls[name] = value
        case "path": paths[name] = Path.normalized(value)
        default: break
        }
      }
    }
    self.urls = paths.reduce(into: [:]) { all, entry in
      if let url = urls[entry.key] { all[entry.value, default: []].append(url) }
    }
  }

  /// Returns the URL that a submodule is fetched from; nothing where it has none, or more than one.
  public func url(of path: String) -> String? {
    guard let all = urls[path], Set(all).count == 1 else { return nil }
    return all.first
  }

  /// Takes quotes, comments and backslashes out of a value; nothing where they do not fit together. See git-config(1).
  private static func value(_ text: Substring) -> String? {
    var (value, isQuoted, isEscaped, end) = ("", false, false, 0)
    for letter in text {
      if isEscaped {
        guard let meant = ["n": "\n", "t": "\t", "b": "\u{8}", "\"": "\"", "\\": "\\"][letter] else { return nil }
        value += meant
        (isEscaped, end) = (false, value.count)
      } else if letter == "\\" {
        isEscaped = true
      } else if letter == "\"" {
        isQuoted.toggle()
        end = value.count
      } else if !isQuoted, letter == "#" || letter == ";" {
        break
      } else {
        value.append(letter)
        if isQuoted || letter != " " && letter != "\t" { end = value.count }
      }
    }
    return isQuoted || isEscaped ? nil : String(value.prefix(end))
  }
}

extension RepositoryURL {
  /// Finds where a submodule is fetched from whose repository was fetched from `base`; nothing for a URL that is not taken.
  ///
  /// Taken are https and ssh, and whatever else the repository itself is fetched by, from its own host. A URL of another kind
  /// could start a program or read this host's files.
  public static func submodule(_ text: String, of base: String) -> String? {
    let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
    guard !text.isEmpty, isPlain, !text.hasPrefix("-"), !text.contains("::"), let own = RepositoryURL(base) else {
      return nil
    }
    if text.hasPrefix("./") || text.hasPrefix("../") {
      // A path that begins with a colon makes `host::path`, which names a program to git(1).
      guard let found = own.resolving(text, from: base), let url = RepositoryURL(found), !url.path.hasPrefix(":") else {
        return nil
      }
      return own.scheme != .file || own.isBeside(url) ? found : nil
    }
    guard let url = RepositoryURL(text), url.password == nil else { return nil }
    switch url.scheme {
    case .https, .ssh: return text
    case .file: return own.scheme == .file && own.isBeside(url) ? text : nil
    case .http, .git: return own.isSamePlace(as: url) ? text : nil
    }
  }

  /// Whether another repository of this host lies in the directory that this one lies in: whoever writes here may not have
  /// root read any other.
  private func isBeside(_ other: RepositoryURL) -> Bool {
    Path.isAbsolute(other.path) && Path.relative(Path.normalized(other.path), to: Path.parent(path)) != nil
  }

  /// Whether both are reached in the same way on the same host: what the one is shown, the other may be shown.
  public func isSamePlace(as other: RepositoryURL) -> Bool {
    scheme == other.scheme && host.lowercased() == other.host.lowercased() && standardPort == other.standardPort
  }

  private var standardPort: Int? {
    switch scheme {
    case .https: port ?? 443
    case .http: port ?? 80
    case .ssh: port ?? 22
    case .git: port ?? 9418
    case .file: nil
    }
  }

  /// Goes from the repository's own path to a relative one; nothing for one that leads above the host's root.
  private func resolving(_ text: String, from base: String) -> String? {
    guard base.hasSuffix(path) else { return nil }
    let isRooted = Path.isAbsolute(path)
    var parts = Path.components(path)
    for part in Path.components(text) where part != "." {
      if part != ".." {
        parts.append(part)
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.isEmpty ? nil : base.dropLast(path.count) + (isRooted ? "/" : "") + parts.joined(separator: "/")
  }
}
