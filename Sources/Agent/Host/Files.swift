import Core
import Encoding
import Glibc

/// Small calls on the file system, with their errors as sentences.
enum Files {
  static func failure(
    _ what: String, help: String = "check that clup may write there, and run it again"
  ) -> Failure {
    let code = errno
    let reason = String(cString: strerror(code))
    let isFull = code == ENOSPC || code == EDQUOT
    let room = "make room on that disk and run clup again: nothing that was there before is lost"
    return Failure(.host, "\(what): \(reason)", help: isFull ? room : help, outage: isFull ? .disk : nil)
  }

  static func unreadable(_ path: String) -> Failure {
    failure(
      "cannot read \(path)", help: "check that clup may read it and that its disk has no errors, and run it again")
  }

  /// Whether a disk has less room left than a sync needs for itself.
  static func isFull(_ path: String) -> Bool {
    var found = statvfs()
    return statvfs(path, &found) == 0 && UInt64(found.f_bavail) * UInt64(found.f_frsize) < 1 << 20
  }

  static func status(_ path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }

  /// The status of what a path leads to, through every link.
  static func followed(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }

  /// Tells a file from another that takes its place, and from itself with another content.
  static func version(of path: String) -> String? {
    status(path).map { "\($0.st_ino) \($0.st_size) \($0.st_ctim.tv_sec).\($0.st_ctim.tv_nsec)" }
  }

  /// Whether a path leads nowhere; one that cannot be looked at may lead somewhere.
  static func isMissing(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)
  }

  static func isDirectory(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFDIR }
  static func isLink(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFLNK }
  static func isRegular(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFREG }

  /// Whether nobody but root and whoever runs clup can change it.
  static func isGuarded(_ status: stat) -> Bool {
    status.st_mode & 0o022 == 0 && (status.st_uid == 0 || status.st_uid == geteuid())
  }

  static func link(at path: String, in directory: Int32 = AT_FDCWD) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlinkat(directory, path, &buffer, buffer.count)
    return count < 0 ? nil : String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Follows every link; nothing when the path leads nowhere.
  static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  static func names(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(Failure) {
    if mkdir(path, mode) == 0 { return }
    if errno == ENOENT {
      try makeDirectories(Path.parent(path))
      if mkdir(path, mode) == 0 { return }
    }
    let code = errno
    if code == EEXIST, let found = followed(path), isDirectory(found) { return }
    errno = code == EEXIST ? ENOTDIR : code
    throw failure("cannot make the directory \(path)")
  }

  /// Reads a regular file of at most `limit` bytes; nothing when there is none.
  static func read(_ path: String, limit: Int = 64 << 20, from start: Int = 0, to end: Int = .max) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, isRegular(status), status.st_size <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: max(0, min(Int(status.st_size), end) - start))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled, off_t(start + filled))
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      filled += count
    }
    return Array(bytes.prefix(filled))
  }

  /// Reads a text of the kernel's, whose length nobody knows before.
  static func text(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var (bytes, buffer): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 64 << 10))
    while true {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return count < 0 ? nil : String(decoding: bytes, as: UTF8.self) }
      bytes += buffer.prefix(count)
    }
  }

  /// Writes all bytes to a descriptor; says whether it could.
  static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Keeps what nobody misses when it is lost: it is not flushed, and that it cannot be written is no trouble.
  static func note(_ bytes: [UInt8], in file: String) {
    let temporary = unique(file)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return }
    let isWhole = write(bytes, to: descriptor)
    close(descriptor)
    if !isWhole || rename(temporary, file) != 0 { unlink(temporary) }
  }

  /// Writes beside, flushes and renames, so that the name always holds the old content or the new one.
  static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(Failure) {
    let temporary = unique(path)
    try write(temporary, bytes, mode: mode)
    try put(temporary, at: path, "cannot write \(path)")
    flush(Path.parent(path))
  }

  /// Writes a new file and flushes it.
  ///
  /// By its open file it also gets its owner: somebody in a container may have put a link at the name by then.
  static func write(_ path: String, _ bytes: [UInt8], mode: mode_t, owner: stat? = nil) throws(Failure) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw failure("cannot write \(path)") }
    let complete =
      write(bytes, to: descriptor) && owner.map { fchown(descriptor, $0.st_uid, $0.st_gid) } ?? 0 == 0
      && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
    try end(descriptor, path, isWhole: complete)
  }

  /// Closes a new file, and removes one that is not whole.
  private static func end(_ descriptor: Int32, _ path: String, isWhole: Bool) throws(Failure) {
    let problem = isWhole ? nil : failure("cannot write \(path)")
    close(descriptor)
    if let problem {
      unlink(path)
      throw problem
    }
  }

  /// Copies a file, a link or a pipe with its owner, mode and times; a file of a release opens for its owner on the way.
  ///
  /// A socket is nothing without the program that made it, and is left out.
  static func copy(_ path: String, _ found: stat, to copy: String, opening: Bool) throws(Failure) {
    if isLink(found) {
      guard symlink(link(at: path) ?? "", copy) == 0 else { throw failure("cannot copy \(path)") }
      lchown(copy, found.st_uid, found.st_gid)
      return
    }
    if found.st_mode & S_IFMT == S_IFIFO {
      guard mkfifo(copy, found.st_mode & 0o777) == 0 else { throw failure("cannot copy \(path)") }
      chown(copy, found.st_uid, found.st_gid)
      return
    }
    guard isRegular(found) else { return }
    let source = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard source >= 0 else { throw unreadable(path) }
    defer { close(source) }
    let target = Glibc.open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard target >= 0 else { throw failure("cannot write \(copy)") }
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var isWhole = true
    while isWhole {
      let count = buffer.withUnsafeMutableBytes { Glibc.read(source, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count == 0 { break }
      isWhole = count > 0 && write(Array(buffer.prefix(count)), to: target)
    }
    if isWhole {
      let mode = opening ? found.st_mode & 0o777 | 0o200 : found.st_mode & 0o7777
      let times = [found.st_atim, found.st_mtim]
      isWhole =
        fchown(target, found.st_uid, found.st_gid) == 0 && fchmod(target, mode) == 0 && futimens(target, times) == 0
        && fsync(target) == 0
    }
    try end(target, copy, isWhole: isWhole)
  }

  /// Puts a symbolic link in place by one rename.
  static func link(_ path: String, to target: String) throws(Failure) {
    let temporary = unique(path)
    guard symlink(target, temporary) == 0 else { throw failure("cannot link \(path)") }
    try put(temporary, at: path, "cannot link \(path)")
    flush(Path.parent(path))
  }

  /// Renames a new file or link into its place, or removes it where that fails.
  static func put(_ fresh: String, at path: String, _ what: String) throws(Failure) {
    if rename(fresh, path) == 0 { return }
    let problem = failure(what)
    unlink(fresh)
    throw problem
  }

  static func flush(_ directory: String) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Flushes a directory and all directories below it.
  static func flushAll(_ directory: String) {
    for name in names(in: directory) {
      let path = "\(directory)/\(name)"
      if status(path).map(isDirectory) ?? false { flushAll(path) }
    }
    flush(directory)
  }

  /// Removes a tree that clup made; links are removed, never followed.
  static func remove(_ path: String) {
    guard let found = status(path) else { return }
    if isDirectory(found) {
      // Root needs no right for it.
      if geteuid() != 0 { chmod(path, 0o700) }
      for name in names(in: path) { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  static func unique(_ path: String) -> String {
    "\(Path.parent(path))/.\(Path.name(path)).clup-\(randomName())"
  }
}
