/// What is to stand at a live path.
public struct DesiredLink: Codable, Sendable, Equatable {
  /// A symbolic link through the pointer, or the content itself.
  public enum Kind: String, Codable, Sendable { case link, copy }
  /// How the file reaches the live path.
  public var kind: Kind
  /// The path in the repository.
  public var from: String
  /// The id of the content.
  public var id: String
  /// Whether the content is a program; a copy takes its mode from this.
  public var executable = false
  /// The ids of the copies that may still stand there instead; nothing once this one was put in place.
  var replaces: [String]?
  /// The commit that the pointer of a shared path names; nothing while it is on its way.
  public var commit: String?
  /// Whether a container may write to it: then what it writes stays until a commit changes the file.
  public var isWritable: Bool?
  /// What the host had there itself before clup came, which is kept beside it; nothing where it had nothing, or nobody knows.
  var former: LiveEntry?
}

extension DesiredLink {
  /// Describes a live path for what a commit has.
  public init(kind: Kind, _ entry: TrackedPath) {
    self.init(kind: kind, from: entry.path, id: entry.id, executable: entry.kind == .executable)
  }

  /// Returns whether both put the same there.
  func isSame(as other: DesiredLink) -> Bool {
    kind == other.kind && from == other.from && id == other.id && executable == other.executable
      && isWritable ?? false == other.isWritable ?? false
  }

  /// The same with what the host had there before, as a record says, or as it stands there now.
  func covering(_ present: LiveEntry, known: DesiredLink?, isOwn: (String) -> Bool) -> DesiredLink {
    var link = self
    switch present {
    case _ where known != nil: link.former = known?.former
    case .link(let text) where !isOwn(text): link.former = present
    case .file: link.former = present
    default: link.former = nil
    }
    return link
  }

  /// Whether it is a copy that was put in place.
  var isPlaced: Bool { kind == .copy && replaces == nil }

  /// Returns the link for as long as nobody knows whether it was put in place.
  var pending: DesiredLink {
    var link = self
    link.replaces = replaces ?? []
    link.commit = nil
    return link
  }

  /// Returns whether clup wrote the file with this id there, and no person did.
  public func wrote(_ file: String) -> Bool {
    kind == .copy && id == file || (replaces ?? []).contains(file)
  }

  /// Whether a copy with the same content may have another mode than this one.
  func differsInMode(from wish: DesiredLink) -> Bool {
    kind == .copy && id == wish.id && (executable != wish.executable || (replaces ?? []).contains(id))
  }

  /// Returns what is to take the place of this one: a sync that is cut off in between leaves the one or the other.
  func transitioning(to next: DesiredLink) -> DesiredLink {
    var next = next
    let copies =
      (replaces ?? [])
      + (kind == .copy && !(next.kind == .copy && next.id == id && next.executable == executable) ? [id] : [])
    // A copy that takes the place of a link is not there yet either.
    next.replaces = copies.isEmpty && replaces == nil && kind == next.kind ? nil : copies
    next.commit = nil
    next.former = next.former ?? former
    return next
  }
}
