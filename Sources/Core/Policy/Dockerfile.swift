/// What a Dockerfile takes from elsewhere: the images that it starts from, copies from or mounts, and its frontend.
///
/// BuildKit replaces variables in `FROM` alone, with the values of the `ARG`s before the first one; `--from=` and `from=` are
/// taken as written.
struct Dockerfile: Equatable, Sendable {
  /// The images, each as it is written and as far as it is known.
  private(set) var images: [Named] = []
  /// The image that reads the file, where a `# syntax=` line names one.
  private(set) var frontend: String?

  struct Named: Equatable, Sendable {
    /// The reference; nothing stands for what only the builder knows.
    let parts: [String?]
  }

  /// Reads the text; `arguments` are the build's own values, nothing where only the builder knows one.
  init(_ text: String, arguments: [String: String?]) {
    var (stages, values) = (Set<String>(), [String: [String?]]())
    var isGlobal = true
    let (lines, escape, syntax) = Self.logical(text)
    frontend = syntax
    for line in lines {
      var words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      while words.first?.uppercased() == "ONBUILD" { words.removeFirst() }
      switch words.first?.uppercased() ?? "" {
      case "ARG" where isGlobal:
        for word in words.dropFirst() {
          let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
          guard let name = sides.first else { continue }
          let own = sides.count > 1 ? Self.replace(sides[1], values, escape) : [nil]
          values[name] = arguments[name].map { [$0] } ?? own
        }
      case "FROM":
        isGlobal = false
        let rest = words.dropFirst().drop { $0.hasPrefix("--") }
        guard let image = rest.first else { continue }
        let parts = Self.replace(image, values, escape)
        if !Self.isStage(parts, stages) { images.append(Named(parts: parts)) }
        if rest.dropFirst().first?.uppercased() == "AS", let alias = rest.dropFirst(2).first {
          stages.insert(alias.lowercased())
        }
      case "COPY", "ADD", "RUN":
        for name in Self.sources(line, escape) where !stages.contains(name.lowercased()) && Int(name) == nil {
          images.append(Named(parts: [name]))
        }
      default: break
      }
    }
  }

  private static func isStage(_ parts: [String?], _ stages: Set<String>) -> Bool {
    let known = parts.compactMap { $0 }
    return known.count == parts.count && stages.contains(known.joined().lowercased())
  }

  /// Joins continued lines and leaves comments out; gives the escape character and the frontend, too.
  private static func logical(_ text: String) -> (lines: [String], escape: Character, syntax: String?) {
    var (lines, escape, syntax): ([String], Character, String?) = ([], "\\", nil)
    var (open, isHead): (String?, Bool) = (nil, true)
    let plain = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
    for raw in plain.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      let line = String(raw).trimmed
      if line.hasPrefix("#") || line.hasPrefix("//") && isHead {
        guard isHead else { continue }
        let sides = line.drop { $0 == "#" || $0 == "/" }.split(separator: "=", maxSplits: 1)
        let key = sides.first.map { String($0).trimmed.lowercased() }
        if sides.count == 2, key == "syntax", syntax == nil { syntax = String(sides[1]).trimmed }
        if sides.count == 2, key == "escape", String(sides[1]).trimmed == "`" { escape = "`" }
        continue
      }
      // BuildKit reads the same from JSON.
      if isHead, line.hasPrefix("{") { syntax = syntax ?? line }
      if line.isEmpty { continue }
      isHead = false
      if line.last == escape {
        open = (open ?? "") + line.dropLast()
      } else {
        lines.append((open ?? "") + line)
        open = nil
      }
    }
    if let open { lines.append(open) }
    return (lines, escape, syntax)
  }

  /// The values of `--from=…` and `from=…` in an instruction.
  private static func sources(_ line: String, _ escape: Character) -> [String] {
    let plain = line.filter { $0 != "\"" && $0 != "'" && $0 != escape }
    return plain.matches(of: /(?i)from=([^\s,]+)/).map { String($0.1) }
  }

  /// Puts values in the place of variables; what only a shell's patterns can tell is left unknown.
  private static func replace(_ text: String, _ values: [String: [String?]], _ escape: Character) -> [String?] {
    let plain = text.filter { $0 != "\"" && $0 != "'" && $0 != escape }
    var (parts, rest): ([String?], Substring) = ([], plain[...])
    while let dollar = rest.firstIndex(of: "$") {
      parts.append(String(rest[..<dollar]))
      rest = rest[rest.index(after: dollar)...]
      if let match = rest.prefixMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) {
        parts += values[String(match.output)] ?? [nil]
        rest = rest[match.range.upperBound...]
      } else if let match = rest.prefixMatch(of: /\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+])([^${}]*))?\}/) {
        parts += value(of: String(match.1), match.2.map(String.init), match.3.map(String.init) ?? "", values)
        rest = rest[match.range.upperBound...]
      } else {
        // Nested or cut in pieces by a pattern.
        return [nil]
      }
    }
    return parts + [String(rest)]
  }

  private static func value(
    of name: String, _ sign: String?, _ word: String, _ values: [String: [String?]]
  ) -> [String?] {
    guard let known = values[name] else {
      return [sign?.hasSuffix("-") == true ? word : sign == nil ? nil : ""]
    }
    if known.contains(nil) { return [nil] }
    let isEmpty = known.allSatisfy { $0?.isEmpty == true }
    return switch sign {
    case ":-"?: isEmpty ? [word] : known
    case ":+"?: [isEmpty ? "" : word]
    case "+"?: [word]
    default: known
    }
  }
}

extension Dockerfile {
  /// Whether a text has nothing that a builder could read in another way than this does: lines end as usual, only the first lines
  /// say how, and no quote hides where a value or a here-document ends.
  static func isPlain(_ text: String) -> Bool {
    var before: Unicode.Scalar = "\n"
    for scalar in text.unicodeScalars {
      if before == "\r", scalar != "\n" { return false }
      let isControl = scalar.value < 0x20 || [0x7f, 0x85, 0x2028, 0x2029].contains(scalar.value)
      if isControl, !["\t", "\n", "\r"].contains(scalar) { return false }
      before = scalar
    }
    if before == "\r" { return false }
    var isHead = true
    for line in text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false) {
      let isDirective = line.firstMatch(of: /^\s*#\s*[A-Za-z]+\s*=/) != nil
      if !isHead || !isDirective, line.firstMatch(of: /(?i)^\s*#\s*escape\s*=/) != nil { return false }
      isHead = isHead && isDirective
      if line.firstMatch(of: /(?i)^\s*ARG\s/) != nil,
        line.replacing(/="[^"'\s\\=]*"|='[^"'\s\\=]*'/, with: "=").contains(where: { "\"'\\`".contains($0) })
      {
        return false
      }
      let plain = line.replacing(/<<-?(?:[A-Za-z0-9_]+|"[A-Za-z0-9_]+"|'[A-Za-z0-9_]+')(?=[\s;|&>)]|$)/, with: "")
      if plain.contains("<<"), plain.firstMatch(of: /(?i)^\s*(RUN|COPY|ADD)\s/) != nil, !plain.contains("<<<") {
        return false
      }
    }
    return true
  }
}

extension Dockerfile.Named {
  /// The reference for people, with `…` for what only the builder knows.
  var text: String { parts.map { $0 ?? "…" }.joined() }

  /// Whether it is an image, or can be: whatever is known of it occurs in the image's reference.
  func mayBe(_ image: Image) -> Bool {
    let known = parts.compactMap { $0 }
    if known.count == parts.count { return Image(known.joined()).isSame(as: image) }
    var rest = image.full[...]
    for part in known where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
