import FoundationEssentials
import Synchronization

/// Something that happened to a container, a network or an image.
public struct EngineEvent: Sendable, Decodable, Equatable {
  /// `container`, `network`, `image`.
  public let type: String
  /// `start`, `die`, `health_status: healthy` and others.
  public let action: String

  /// The labels of what it happened to, and its name.
  public var labels: [String: String] { actor?.attributes ?? [:] }

  private let actor: Actor?

  private struct Actor: Decodable, Equatable {
    let attributes: [String: String]?
    enum CodingKeys: String, CodingKey { case attributes = "Attributes" }
  }

  private enum CodingKeys: String, CodingKey {
    case type = "Type"
    case action = "Action"
    case actor = "Actor"
  }
}

extension EngineClient {
  /// Returns what happens from now on, until the reader stops or the connection ends; that it ended is thrown.
  ///
  /// An event is only a reason to look: some may be missed, and the engine confirms before it listens.
  public func events(_ filters: [String: [String]]) -> AsyncThrowingStream<EngineEvent, any Error> {
    AsyncThrowingStream { continuation in
      let lines = Lines()
      let task = Task {
        do throws(EngineError) {
          try await call("/events", query: [("filters", Self.filters(filters))], deadline: nil) { bytes in
            for line in lines.take(bytes) {
              guard let event = try? JSONDecoder().decode(EngineEvent.self, from: Data(line)) else { continue }
              continuation.yield(event)
            }
          }
          continuation.finish(throwing: EngineError(.broken, "the engine ended its stream of events"))
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
}

/// Puts lines together that come in pieces. One that has no end within a MiB is dropped.
final class Lines: Sendable {
  private let rest = Mutex<[UInt8]>([])

  /// Returns the lines that are whole with these bytes.
  func take(_ bytes: [UInt8]) -> [[UInt8]] {
    rest.withLock { rest in
      rest += bytes
      var parts = rest.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
      rest = parts.removeLast()
      if rest.count > 1 << 20 { rest = [] }
      return parts.filter { !$0.isEmpty }
    }
  }
}
