import Glibc

/// Two directories inside the fence and one outside, which holds `file`, `directory`, `empty` and a listening `socket`.
struct Places: Sendable {
  let inside: String
  let other: String
  let outside: String

  /// Tries what must be refused, and gives each error number.
  func forbidden(_ who: String) -> [(name: String, error: Int32)] {
    let mine = "\(inside)/\(who).mine"
    close(open(mine, O_CREAT | O_WRONLY, 0o600))
    let file = "\(outside)/file"
    let new = "\(outside)/new"
    return [
      ("write", opened(file, O_WRONLY)),
      ("append", opened(file, O_WRONLY | O_APPEND)),
      ("open and truncate", opened(file, O_RDONLY | O_TRUNC)),
      ("truncate", number(truncate(file, 0))),
      ("create", opened(new, O_WRONLY | O_CREAT)),
      ("mkdir", number(mkdir(new, 0o700))),
      ("mkfifo", number(mkfifo(new, 0o600))),
      ("device", number(mknod(new, S_IFCHR | 0o600, 0x103))),
      ("bind", withSocket(new) { number(bind($0, $1, $2)) }),
      ("symlink", number(symlink(file, new))),
      ("unlink", number(unlink(file))),
      ("rmdir", number(rmdir("\(outside)/empty"))),
      ("rename there", number(rename(file, new))),
      ("rename below", number(rename(file, "\(outside)/directory/file"))),
      ("rename out", number(rename(mine, new))),
      ("rename over", number(rename(mine, file))),
      ("rename in", number(rename(file, "\(inside)/\(who).taken"))),
      ("link there", number(link(file, new))),
      ("link out", number(link(mine, new))),
      ("link in", number(link(file, "\(inside)/\(who).linked"))),
    ]
  }

  /// Does what must still work, and gives each error number or 0.
  func allowed(_ who: String) -> [(name: String, error: Int32)] {
    let file = "\(inside)/\(who)"
    let moved = "\(other)/\(who)"
    let directory = "\(inside)/\(who).d"
    let descriptor = open(file, O_CREAT | O_EXCL | O_RDWR, 0o600)
    let folder = open(inside, O_RDONLY | O_DIRECTORY)
    defer {
      close(descriptor)
      close(folder)
    }
    return [
      ("write inside", number(Int32(write(descriptor, "text", 4)))),
      ("fsync", number(fsync(descriptor))),
      ("fsync the directory", number(fsync(folder))),
      ("rename across", number(rename(file, moved))),
      ("link across", number(link(moved, file))),
      ("truncate inside", number(truncate(file, 1))),
      ("unlink inside", number(unlink(file))),
      ("symlink inside", number(symlink(moved, file))),
      ("mkdir inside", number(mkdir(directory, 0o700))),
      ("rename a directory across", number(rename(directory, "\(moved).d"))),
      ("rmdir inside", number(rmdir("\(moved).d"))),
      ("write to a device", opened("/dev/null", O_WRONLY)),
      ("read outside", opened("\(outside)/file", O_RDONLY)),
      ("list outside", opened(outside, O_RDONLY | O_DIRECTORY)),
      ("connect outside", withSocket("\(outside)/socket") { number(connect($0, $1, $2)) }),
    ]
  }
}

func opened(_ path: String, _ flags: Int32) -> Int32 {
  let descriptor = open(path, flags, 0o600)
  if descriptor < 0 { return errno }
  close(descriptor)
  return 0
}

private func number(_ result: Int32) -> Int32 {
  result < 0 ? errno : 0
}

private func withSocket(_ path: String, _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  return withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      body(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
}
