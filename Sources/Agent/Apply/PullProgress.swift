import Core
import Synchronization

/// Counts the bytes of a `docker compose --progress json pull`, which tells of each layer as a line of JSON.
final class PullProgress: Sendable {
  private struct Layer: Hashable { let image, id: String }
  private struct Size { var done, total: Int }
  private struct Seen {
    var layers: [Layer: Size] = [:]
    var told: ContinuousClock.Instant?
    var isWhole = false
  }

  /// The time between two things that are told.
  private static let pause = Duration.milliseconds(250)

  private let seen = Mutex(Seen())

  /// Takes a line, where it tells of a layer; `tell` hears now and then how much has come and how much there is.
  func take(_ line: String, tell: (_ bytes: Int, _ total: Int) -> Void) -> Bool {
    guard let json = try? JSON(parsing: Array(line.utf8)), let id = json["id"]?.string,
      let image = json["parent_id"]?.string
    else { return false }
    guard case .integer(let total)? = json["total"], case .integer(let current)? = json["current"], total > 0,
      current > 0
    else { return true }
    let size: (Int, Int)? = seen.withLock { seen in
      // Unpacking a layer counts from the beginning again.
      let layer = Layer(image: image, id: id)
      let before = seen.layers[layer] ?? Size(done: 0, total: total)
      seen.layers[layer] = Size(done: max(before.done, min(current, total)), total: max(before.total, total))
      let sum = seen.layers.values.reduce((0, 0)) { ($0.0 &+ $1.done, $0.1 &+ $1.total) }
      let (wasWhole, now) = (seen.isWhole, ContinuousClock.now)
      seen.isWhole = sum.0 == sum.1
      if let told = seen.told, told.duration(to: now) < Self.pause, wasWhole || !seen.isWhole { return nil }
      seen.told = now
      return sum
    }
    if let size { tell(size.0, size.1) }
    return true
  }

  /// Returns the sentences for people out of lines of JSON; a line that is none stays as it is.
  static func sentences(in errors: String) -> String {
    errors.split(separator: "\n").compactMap { line in
      guard let json = try? JSON(parsing: Array(line.utf8)), case .object = json else { return String(line) }
      return json["message"]?.string
    }.joined(separator: "\n")
  }
}
