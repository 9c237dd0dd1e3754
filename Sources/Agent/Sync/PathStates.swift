import Core
import Glibc

/// The state of paths on the disk: the live paths, the pointers, and the files that decide. Each is a record that ends with
/// a zero byte, so that the kernel can be asked about it as it is.
struct PathStates: Sendable {
  /// What is known of a place.
  private enum Kind: UInt8 {
    case absent = 0x61
    case directory = 0x64
    /// A regular file, with its status.
    case file = 0x66
    /// A link, with its text.
    case link = 0x6c
    /// A socket, a pipe or a device.
    case other = 0x6f
    /// Whatever a path leads to, with the status of that.
    case target = 0x74
  }

  private(set) var bytes: [UInt8] = []

  /// Takes records that were kept.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Looks at the live paths and pointers that were observed, and at the files that `decide`, which count as read at `began`.
  /// Nothing when some of them are no longer what was seen.
  init?(observed: Observed, by observe: Observe, names: Set<String>, decide: [String], began: timespec) {
    let (settings, checkout) = (observe.settings, observe.checkout)
    let live = Set(observed.live.keys).union(observed.untracked.keys)
    let directory = Self.open(settings.liveRoot)
    defer { close(directory) }
    // Another file may have come there since, and be as old.
    func isAsObserved(_ path: String) -> Bool {
      observed.live[path].map { observe.live(path) == $0 } ?? true
        && observed.untracked[path].map { observe.untracked(path) == $0 } ?? true
    }
    for path in live {
      let seen = (observed.live[path], observed.untracked[path])
      guard add(live: path, in: directory, seen, isAsObserved, owns: observe.links.isOwn, before: began) else {
        return nil
      }
    }
    for name in names {
      let pointer = checkout.pointer(of: name)
      add(.link, pointer, Files.link(at: pointer) ?? "")
      add(.directory, "\(pointer)/.")
    }
    for path in decide { if !add(target: path, in: directory, before: began) { return nil } }
    // Whatever came in between is seen now, or has another status at the next look.
    guard names.allSatisfy({ observed.pointers[$0] != nil && checkout.commit(of: $0) == observed.pointers[$0] }) else {
      return nil
    }
  }

  /// Looks at further files, given by absolute paths, as they are now.
  mutating func add(_ files: [String]) { for path in files { _ = add(target: path, in: AT_FDCWD, before: nil) } }

  /// Adds a live path; false where it is not what was seen there, as a live path or as a file of the host's own, or where it
  /// changed since shortly before `moment`. Contents are looked at once more after the status.
  private mutating func add(
    live path: String, in directory: Int32, _ seen: (live: LiveEntry?, untracked: String?),
    _ isAsObserved: (String) -> Bool, owns: (String) -> Bool, before moment: timespec
  ) -> Bool {
    func isSeen(as entry: LiveEntry, _ untracked: String) -> Bool {
      (seen.live ?? entry) == entry && (seen.untracked ?? untracked) == untracked
    }
    var found = stat()
    guard fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW) == 0 else {
      add(.absent, path)
      return isSeen(as: .absent, Fingerprint.absent)
    }
    switch found.st_mode & S_IFMT {
    case S_IFDIR:
      add(.directory, path)
      return isSeen(as: .directory, Fingerprint.present)
    case S_IFLNK:
      let text = Files.link(at: path, in: directory) ?? ""
      add(.link, path, text)
      if owns(text) { return isSeen(as: .link(text), Fingerprint.absent) }
      return add(target: path, in: directory, before: moment) && isAsObserved(path)
    case S_IFREG:
      add(.file, path, Self.text(of: found))
      return Self.isOlder(found, than: moment) && isAsObserved(path)
    default:
      add(.other, path)
      return isSeen(as: .other, Fingerprint.present)
    }
  }

  /// Whether all of it is still so.
  func areSame(at liveRoot: String) -> Bool {
    let directory = Self.open(liveRoot)
    defer { close(directory) }
    var text = [CChar](repeating: 0, count: 4096)
    return bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      // Each field ends with a zero, the last one with the last byte.
      guard bytes.last == 0 else { return false }
      var position = 0
      func next() -> UnsafePointer<CChar>? {
        if position >= bytes.count { return nil }
        let field = (base + position).assumingMemoryBound(to: CChar.self)
        position += strlen(field) + 1
        return field
      }
      while position < bytes.count {
        guard let kind = Kind(rawValue: bytes[position]) else { return false }
        position += 1
        guard let path = next() else { return false }
        var found = stat()
        switch kind {
        case .absent:
          if fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW) == 0 { return false }
        case .link:
          let count = readlinkat(directory, path, &text, text.count)
          guard let wanted = next(), count >= 0, count == strlen(wanted), memcmp(wanted, text, count) == 0 else {
            return false
          }
        case .directory, .other:
          guard fstatat(directory, path, &found, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
          let mode = found.st_mode & S_IFMT
          guard kind == .directory ? mode == S_IFDIR : ![S_IFDIR, S_IFREG, S_IFLNK].contains(mode) else { return false }
        case .file, .target:
          let isThere = fstatat(directory, path, &found, kind == .file ? AT_SYMLINK_NOFOLLOW : 0) == 0
          guard let wanted = next(), String(cString: wanted) == (isThere ? Self.text(of: found) : "") else {
            return false
          }
        }
      }
      return true
    }
  }

  private mutating func add(target path: String, in directory: Int32, before moment: timespec?) -> Bool {
    var found = stat()
    let isThere = fstatat(directory, path, &found, 0) == 0
    add(.target, path, isThere ? Self.text(of: found) : "")
    return !isThere || moment.map { Self.isOlder(found, than: $0) } ?? true
  }

  private mutating func add(_ kind: Kind, _ fields: String...) {
    bytes.append(kind.rawValue)
    for field in fields {
      bytes += field.utf8
      bytes.append(0)
    }
  }

  private static func open(_ directory: String) -> Int32 { Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }

  /// What changed within the clock's last step may change again without another time.
  private static func isOlder(_ found: stat, than moment: timespec) -> Bool {
    max(found.st_mtim.tv_sec, found.st_ctim.tv_sec) < moment.tv_sec - 2
  }

  private static func text(of found: stat) -> String {
    "\(found.st_dev) \(found.st_ino) \(found.st_mode) \(found.st_size) "
      + "\(found.st_mtim.tv_sec).\(found.st_mtim.tv_nsec) \(found.st_ctim.tv_sec).\(found.st_ctim.tv_nsec)"
  }
}
