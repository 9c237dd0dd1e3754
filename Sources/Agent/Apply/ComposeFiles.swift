import Core
import Git
import Glibc
import Processes

/// Where Compose runs for a stack, and the files that it takes there.
struct ComposeFiles: Sendable {
  let settings: Settings
  let checkout: Checkout
  let programs: Programs

  /// Gives the live directory in which Compose runs for a stack.
  func directory(of stack: DesiredStack) -> String { Path.join(settings.liveRoot, stack.place.directory) }

  /// The options that bring Compose to a stack's files when it runs in the stack's directory; none where it finds them
  /// itself. Where a container may write to a directory above, a file there need not be what was judged: Compose gets the
  /// release's files, and the values of `.env` that were judged. Whoever calls removes `copy`.
  private func options(of stack: DesiredStack) throws(Failure) -> (options: [String], copy: String?) {
    let files = stack.releasedFiles
    guard !files.isEmpty else { return (stack.place.options, nil) }
    let values = try values(of: stack)
    return (
      ["--project-directory", directory(of: stack), "--env-file", values?.file ?? "/dev/null"]
        + files.flatMap { ["-f", Path.join(checkout.pointer(of: stack.name), $0)] },
      values?.isCopy == true ? values?.file : nil
    )
  }

  /// Runs Compose for a stack, with more files laid over its own where there is an `input`.
  func compose(
    _ arguments: [String], for stack: DesiredStack, named options: [String] = [], variables: [String: String] = [:],
    input: [UInt8] = [], limits: Programs.Limits = .init(deadline: .seconds(120))
  ) async throws(Failure) -> Outcome {
    let directory = directory(of: stack)
    var (files, copy) = try self.options(of: stack)
    defer { if let copy { unlink(copy) } }
    if !input.isEmpty, files.isEmpty { files = try await found(in: directory).flatMap { ["-f", $0] } }
    return try await programs.compose(
      options + files + (input.isEmpty ? [] : ["-f", "-"]) + arguments, in: directory, variables: variables,
      input: input, limits: limits)
  }

  /// Finds the values of `.env` where no container writes: in the release, or else in a copy; nothing where there are none.
  private func values(of stack: DesiredStack) throws(Failure) -> (file: String, isCopy: Bool)? {
    let path = Path.join(stack.place.directory, ".env")
    if let id = stack.tracked[path], id != Fingerprint.absent {
      return (Path.join(checkout.pointer(of: stack.name), path), false)
    }
    let place = Path.join(settings.liveRoot, path)
    let bytes = Files.read(place, following: false, limit: ProjectOverlay.largestRead)
    guard (bytes.map { blobID(of: $0) } ?? Fingerprint.absent) == stack.untracked[path] ?? Fingerprint.absent else {
      throw Failure(
        .host, "\(place) is not what was judged, and a container of \(stack.name) may write there",
        help: "see who changed it, and sync again; it has to be a file, and no link")
    }
    guard let bytes else { return nil }
    let copy = "\(checkout.path)/view.\(String(UInt64.random(in: .min ... .max), radix: 36))"
    try Files.write(copy, bytes, mode: 0o600)
    return (copy, true)
  }

  /// The files that Compose takes by itself, which it no longer does once one is named.
  private func found(in directory: String) async throws(Failure) -> [String] {
    let asked = try await programs.compose(["config", "--environment"], in: directory)
    var values: [String: String] = [:]
    for line in asked.outputText.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    if let named = values["COMPOSE_FILE"], !named.isEmpty {
      return named.split(separator: values["COMPOSE_PATH_SEPARATOR"] ?? ":").map(String.init)
    }
    return [ComposeFileName.main, ComposeFileName.override].compactMap { names in
      names.first { Files.status(Path.join(directory, $0)) != nil }
    }
  }
}
