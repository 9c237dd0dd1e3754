/// Works on `/`-separated path text without touching the disk.
///
/// The kernel compares bytes: `é` in one letter or in two are different names, and a letter that joins the one before it does
/// not join a slash. So does this.
public enum Path {
  private static let slash = UInt8(ascii: "/")

  /// Whether a path starts from the root directory.
  public static func isAbsolute(_ path: some StringProtocol) -> Bool { path.utf8.first == slash }

  /// Returns the components that are not empty, `.` and `..` included.
  public static func components(_ path: String) -> [Substring] {
    path.utf8.split(separator: slash).map { Substring($0) }
  }

  /// Joins two paths; an absolute second path wins, and `.` on either side adds nothing.
  public static func join(_ base: String, _ path: String) -> String {
    if isAbsolute(path) || base.isEmpty || base == "." { return normalized(path) }
    return normalized(base + "/" + path)
  }

  /// Removes empty and `.` components and resolves `..` by text alone; an empty relative path becomes `.`.
  public static func normalized(_ path: String) -> String {
    if isNormalized(path) { return path }
    let isAbsolute = isAbsolute(path)
    var parts: [Substring] = []
    for part in components(path) where part != "." {
      if part == ".." {
        if let last = parts.last, last != ".." {
          parts.removeLast()
        } else if !isAbsolute {
          parts.append(part)
        }
      } else {
        parts.append(part)
      }
    }
    let text = parts.joined(separator: "/")
    return isAbsolute ? "/" + text : (text.isEmpty ? "." : text)
  }

  /// Whether every component is a name; most paths are so.
  private static func isNormalized(_ path: String) -> Bool {
    var (length, dots, isFirst) = (0, 0, true)
    for byte in path.utf8 {
      if byte == slash {
        // Only a component of one or two bytes can be `.` or `..`.
        if length == 0 ? !isFirst : length == dots && dots <= 2 { return false }
        (length, dots, isFirst) = (0, 0, false)
      } else {
        length += 1
        if byte == UInt8(ascii: ".") { dots += 1 }
      }
    }
    return length > 0 && !(length == dots && dots <= 2)
  }

  /// Counts how often a text that holds paths goes up a directory.
  public static func climbs(in text: String) -> Int {
    func isName(_ byte: UInt8) -> Bool { byte.isDigit || byte.isLetter || byte >= 0x80 || "_.-".utf8.contains(byte) }
    return text.utf8.split { !isName($0) }.count { $0.elementsEqual("..".utf8) }
  }

  /// Returns the directory that holds the path: `.` for a bare name, `/` for a top-level absolute one.
  public static func parent(_ path: String) -> String {
    guard let last = path.utf8.lastIndex(of: slash) else { return "." }
    return last == path.startIndex ? "/" : String(path[..<last])
  }

  /// Returns the last component.
  public static func name(_ path: String) -> String {
    guard let last = path.utf8.lastIndex(of: slash) else { return path }
    return String(path[path.utf8.index(after: last)...])
  }

  /// Returns the part of `path` below `directory` (`.` for the directory itself), or nothing when it lies elsewhere.
  /// Both are normalized paths of the same kind.
  public static func relative(_ path: String, to directory: String) -> String? {
    let bytes = path.utf8
    if directory == "." {
      return isAbsolute(path) || bytes.starts(with: "..".utf8) ? nil : path
    }
    guard bytes.starts(with: directory.utf8) else { return nil }
    let rest = bytes.dropFirst(directory.utf8.count)
    if rest.isEmpty { return "." }
    if directory == "/" { return String(Substring(rest)) }
    return rest.first == slash ? String(Substring(rest.dropFirst())) : nil
  }

  /// Whether one of two paths is the other or lies below it.
  public static func overlap(_ one: String, _ other: String) -> Bool {
    relative(one, to: other) != nil || relative(other, to: one) != nil
  }

  /// Returns every directory above a relative path, the nearest last: `a/b/c` gives `a`, `a/b`.
  public static func ancestors(_ path: String) -> [String] {
    var result: [String] = []
    var directory = parent(path)
    while directory != "." && directory != "/" {
      result.insert(directory, at: 0)
      directory = parent(directory)
    }
    return result
  }
}
