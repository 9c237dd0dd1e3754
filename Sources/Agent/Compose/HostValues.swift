import Core

extension Sequence<Reference> {
  /// The texts of the host's own files of values among them: what a stack reads beside its `.env`.
  func hostValues(_ liveRoot: String, _ tree: CommitTree?) -> [String] {
    filter { !$0.isRemote && (!$0.isComposeFile || $0.isImplied) }.compactMap { reference in
      guard Path.relative(reference.path, to: liveRoot).flatMap({ tree?[$0] }) == nil else { return nil }
      return Files.read(reference.path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
    }
  }
}
