import Core
import Foundation

/// What stands below a directory, looked at without following a link.
struct Picture: Equatable {
  /// One name.
  struct Entry: Equatable {
    var inode: UInt64
    var mode: UInt32
    var owner: String
    /// In nanoseconds since 1970.
    var modified: Int
    /// The text of a link, the bytes of a file.
    var content: Data?

    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    var isLink: Bool { mode & S_IFMT == S_IFLNK }
    var isFile: Bool { mode & S_IFMT == S_IFREG }

    /// The entry without what differs from one run to the next.
    var essence: String { "\(mode) \(owner) \(content.map { String(decoding: $0, as: UTF8.self) } ?? "")" }
  }

  /// Each path, relative to the directory.
  private(set) var entries: [String: Entry] = [:]

  /// Looks at a directory, or at a single file, and leaves out what lies below `without`.
  init(_ directory: String, without: String? = nil) {
    add(directory, as: ".", without: without)
  }

  private mutating func add(_ path: String, as name: String, without: String?) {
    var found = stat()
    guard name != without, lstat(path, &found) == 0 else { return }
    var entry = Entry(
      inode: UInt64(found.st_ino), mode: found.st_mode, owner: "\(found.st_uid):\(found.st_gid)",
      modified: found.st_mtim.tv_sec * 1_000_000_000 + found.st_mtim.tv_nsec)
    if entry.isLink {
      entry.content = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)).map { Data($0.utf8) }
    } else if entry.isFile {
      entry.content = FileManager.default.contents(atPath: path)
    }
    entries[name] = entry
    guard entry.isDirectory else { return }
    for child in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      add(path + "/" + child, as: name == "." ? child : name + "/" + child, without: without)
    }
  }

  /// The content that each path leads to, through links; directories have none of their own.
  static func resolved(_ directory: String, without: String? = nil) -> [String: Data] {
    var contents: [String: Data] = [:]
    func add(_ path: String, _ name: String) {
      var found = stat()
      guard name != without, stat(path, &found) == 0 else { return }
      if found.st_mode & S_IFMT == S_IFDIR {
        for child in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
          add(path + "/" + child, name == "." ? child : name + "/" + child)
        }
      } else {
        contents[name] = FileManager.default.contents(atPath: path) ?? Data()
      }
    }
    add(directory, ".")
    return contents
  }

  /// The paths with their essences; the moments in the names of backups are left out.
  var essence: [String] {
    entries.map { path, entry in
      let name = path.firstRange(of: ".bak.").map { String(path[..<$0.upperBound]) } ?? path
      return "\(name) \(entry.essence)"
    }.sorted()
  }

  /// The parts of a path that a picture holds.
  func below(_ path: String) -> [String: Entry] {
    entries.filter { $0.key == path || $0.key.hasPrefix(path + "/") }
  }
}

/// Says how two sorted lists differ, for people.
func difference(_ one: [String], _ other: [String]) -> String {
  let changes = other.difference(from: one)
  return changes.map {
    switch $0 {
    case .insert(_, let line, _): "+ \(line)"
    case .remove(_, let line, _): "- \(line)"
    }
  }.joined(separator: "\n")
}
