/// Works on `/`-separated path text without touching the disk.
public enum Path {
  /// Joins two paths; an absolute second path wins, and `.` on either side adds nothing.
  public static func join(_ base: String, _ path: String) -> String {
    if path.hasPrefix("/") || base.isEmpty || base == "." { return normalized(path) }
    return normalized(base + "/" + path)
  }

  /// Removes empty and `.` components and resolves `..` by text alone; an empty relative path becomes `.`.
  public static func normalized(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." {
        if let last = parts.last, last != ".." {
          parts.removeLast()
        } else if !path.hasPrefix("/") {
          parts.append(part)
        }
      } else {
        parts.append(part)
      }
    }
    let text = parts.joined(separator: "/")
    return path.hasPrefix("/") ? "/" + text : (text.isEmpty ? "." : text)
  }

  /// Counts how often a text that holds paths goes up a directory.
  public static func climbs(in text: String) -> Int {
    text.split { !($0.isLetter || $0.isNumber || "_.-".contains($0)) }.count { $0 == ".." }
  }

  /// Gives the directory that holds the path: `.` for a bare name, `/` for a top-level absolute one.
  public static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Gives the last component.
  public static func name(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return path }
    return String(path[path.index(after: slash)...])
  }

  /// Gives the part of `path` below `directory` (`.` for the directory itself), or nothing when it lies elsewhere.
  /// Both are normalized paths of the same kind.
  public static func relative(_ path: String, to directory: String) -> String? {
    if directory == "." { return path.hasPrefix("/") || path.hasPrefix("..") ? nil : path }
    if path == directory { return "." }
    let prefix = directory == "/" ? "/" : directory + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : nil
  }

  /// Gives every directory above a relative path, the nearest last: `a/b/c` gives `a`, `a/b`.
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
