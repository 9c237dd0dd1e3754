import CLinux
import Glibc

/// Starts a command on the given standard streams, and returns its process id; it leads its own process group.
func spawn(_ command: Command, input: Int32, output: Int32, errors: Int32) throws(ProcessError) -> pid_t {
  try checkStrings(of: command)
  let environment = command.environment.map { "\($0.key)=\($0.value)" }
  var pid: pid_t = 0
  let number = withStringArray([command.executable] + command.arguments) { arguments in
    withStringArray(environment) { environment in
      clinux_spawn(
        &pid, command.executable, arguments, environment, command.directory, input, output, errors,
        UInt64(max(command.memoryLimit ?? 0, 0)), UInt64(max(command.fileLimit ?? 0, 0)))
    }
  }
  if number != 0 { throw refusal(number, to: command) }
  return pid
}

/// Refuses what would be silently cut or misread on its way to the child.
private func checkStrings(of command: Command) throws(ProcessError) {
  guard command.executable.hasPrefix("/") else {
    throw ProcessError(kind: .notFound, message: "cannot run \(command.executable): not an absolute path")
  }
  let names = command.environment.keys
  let strings = [command.executable, command.directory ?? ""] + command.arguments + names + command.environment.values
  if strings.contains(where: { $0.utf8.contains(0) }) {
    throw ProcessError(
      kind: .system(EINVAL),
      message: "cannot run \(command.executable): a path, an argument or a variable holds a NUL byte")
  }
  if names.contains(where: { $0.isEmpty || $0.utf8.contains(UInt8(ascii: "=")) }) {
    throw ProcessError(
      kind: .system(EINVAL), message: "cannot run \(command.executable): the name of a variable is empty or holds '='")
  }
}

/// Tells what an error number of posix_spawn(3) is about: it covers the directory, the file and its interpreter.
private func refusal(_ number: Int32, to command: Command) -> ProcessError {
  let what = "cannot run \(command.executable)"
  if let directory = command.directory, number == ENOENT || number == ENOTDIR || number == EACCES {
    var status = stat()
    if stat(directory, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR {
      return ProcessError(kind: .noSuchDirectory, message: "\(what): there is no directory \(directory)")
    }
    if faccessat(AT_FDCWD, directory, X_OK, AT_EACCESS) != 0 {
      return ProcessError(kind: .notPermitted, message: "\(what): the directory \(directory) may not be entered")
    }
  }
  switch number {
  case ENOENT where access(command.executable, F_OK) == 0:
    return ProcessError(kind: .notFound, message: "\(what): the interpreter that it names is missing")
  case ENOENT, ENOTDIR:
    return ProcessError(kind: .notFound, message: "\(what): no such file")
  case EACCES, EPERM:
    return ProcessError(kind: .notPermitted, message: "\(what): it is not an executable file")
  default:
    return .system(number, what)
  }
}

/// Lends `strings` as a C array that ends with NULL.
private func withStringArray<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
) -> Result {
  let copies: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
  defer { copies.forEach { free($0) } }
  return copies.withUnsafeBufferPointer { body($0.baseAddress) }
}
