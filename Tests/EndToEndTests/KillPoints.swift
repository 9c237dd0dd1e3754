import Foundation

/// Chooses the calls of a run at which clup is killed.
///
/// `CLUP_KILL_POINTS` says how many of each scenario, spread over the run with a beginning drawn by lot: unless told, 1. `17,18` are
/// these two. `all` are all of them, and `distinct` those that
/// leave another host behind than the one before.
struct KillPoints {
  let wish: String?

  init(_ wish: String? = ProcessInfo.processInfo.environment["CLUP_KILL_POINTS"]) { self.wish = wish }

  /// Gives the numbers of calls, the first being 1; `calls` are as `KillAt` writes them.
  func chosen(of calls: [String]) -> [Int] {
    let wish = wish ?? "1"
    if calls.isEmpty { return [] }
    if wish == "all" { return Array(1...calls.count) }
    if wish == "distinct" { return Self.distinct(calls) }
    if wish.contains(",") { return wish.split(separator: ",").compactMap { Int($0) }.filter { $0 <= calls.count } }
    let wanted = min(max(Int(wish) ?? 1, 1), calls.count)
    let first = Int.random(in: 0..<max(calls.count / wanted, 1))
    return (0..<wanted).map { 1 + min(first + $0 * calls.count / wanted, calls.count - 1) }
  }

  /// Leaves out where a kill leaves the same as one call earlier, as far as anybody looks: after a call that only brings to the disk
  /// what is there, or opens or makes what is there already; and in the middle of what nobody reads before it has its name.
  static func distinct(_ calls: [String]) -> [Int] {
    var (seen, begun) = (Set<String>(), [String: Int]())
    return calls.enumerated().compactMap { index, call in
      let words = call.split(separator: " ", omittingEmptySubsequences: false).dropFirst().map(String.init)
      guard let name = words.first, words.count > 1 else { return index + 1 }
      if ["fsync", "fdatasync"].contains(name) { return nil }
      // What is taken away may be made once more.
      if name.hasPrefix("unlink") || name.hasPrefix("rename") || name == "rmdir" {
        seen = seen.filter { !$0.hasSuffix(" \(words[1])") }
      }
      if ["openat", "openat2", "mkdir", "mkdirat"].contains(name), !seen.insert("\(name) \(words[1])").inserted {
        return nil
      }
      guard !name.hasPrefix("rename"), let place = half(words[1]) ?? (words.count > 2 ? half(words[2]) : nil) else {
        return index + 1
      }
      // Before it is begun, and begun: what is further done to it nobody sees.
      begun[place, default: 0] += 1
      return begun[place, default: 0] <= 2 ? index + 1 : nil
    }
  }

  /// The part of a path that nobody looks into: it gets its name when it is whole, or is cleared away.
  private static func half(_ path: String) -> String? {
    var place: [Substring] = []
    for part in path.split(separator: "/", omittingEmptySubsequences: false) {
      place.append(part)
      let isHalf =
        part.hasPrefix(".") && (part.contains(".clup-") || part.hasPrefix(".new.")) || part.hasPrefix("view.")
        || part.hasPrefix("pack_git2_") || part.hasSuffix(".lock") || part == "incoming"
      if isHalf { return place.joined(separator: "/") }
    }
    return nil
  }
}
