/// What of the records cannot be read any more, in words for people.
public struct LostRecords: Sendable, Equatable {
  /// Why all of it is lost; nothing where the records could be read.
  public var all: String?
  /// Why it is not known what a stack was brought to, by stack.
  public var stacks: [String: String] = [:]

  /// Starts with nothing lost.
  public init() {}

  /// All of it, as sentences.
  public var texts: [String] { (all.map { [$0] } ?? []) + stacks.sorted { $0.key < $1.key }.map(\.value) }

  /// Returns what becomes of a host whose records are lost.
  public static func consequence(of what: String) -> String {
    "\(what): pins, held commits and what each stack goes back to are lost; clup takes over the running containers as in a "
      + "first sync; pin again with `clup rollback`"
  }

  /// Returns what becomes of a stack whose deployment cannot be read.
  public static func consequence(for stack: String, of file: String) -> String {
    "\(file) is missing or damaged: clup does not know what \(stack) was deployed with, nor what it goes back to, and takes "
      + "it over as in a first sync"
  }
}
