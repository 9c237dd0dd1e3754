import Core

extension Resolve {
  /// Refuses tracked files, at and below paths, that are encrypted and would be given to a container as they are: clup decrypts
  /// nothing, and the container would take the ciphertext for the value.
  func encrypted(_ name: String, _ paths: some Sequence<String>, _ gather: ComposeSources) async throws(Failure)
    -> [Diagnostic]
  {
    var found: [Diagnostic] = []
    let lifted = settings.policy.tracked.map { Glob($0.path) }
    var seen: Set<String> = []
    for (named, entry) in Set(paths).sorted().flatMap({ named in view.tree.files(under: named).map { (named, $0) } }) {
      let path = entry.path
      guard entry.isRegular, seen.insert(path).inserted, !lifted.contains(where: { $0.covers(path) }),
        let bytes = try await view.tracked.smallContents(of: entry), let kind = Ciphertext.kind(of: bytes)
      else { continue }
      found.append(
        Diagnostic(
          rule: "forbidden-file", at: References.place(of: named, in: gather.sources), stack: name,
          message: "\(path) is encrypted (\(kind)), and clup decrypts nothing: a container would get the ciphertext",
          help: "decrypt it on the host into a file that git does not have, and name that one here; for a program that "
            + "decrypts it itself, allow it on the host: `policy: {tracked: [{path: \(path), reason: …}]}`"))
    }
    return found
  }
}
