/// Whom a container's program runs as, by numbers.
public struct Account: Sendable, Equatable {
  var uid: Int
  /// The user's own group.
  var gid: Int
  /// All groups, with that one.
  var groups: Set<Int>

  /// Finds it as the engine does: `user` is `USER[:GROUP]`, each a name or a number, and `extra` are groups given beside.
  /// `passwd` and `group` are the files of the container; see passwd(5) and group(5). Nothing where a name stands for
  /// nobody.
  public init?(user text: String, extra: [String], passwd: String, group: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = parts.first.flatMap { $0.isEmpty ? nil : $0 } ?? "0"
    let accounts = Self.lines(passwd)
    let account = accounts.first { $0.count > 3 && ($0[0] == name || $0[2] == name) }
    guard let uid = account.flatMap({ Int($0[2]) }) ?? Int(name) else { return nil }
    self.uid = uid
    let groups = Self.lines(group)
    func number(_ name: String) -> Int? {
      groups.first { $0.count > 2 && $0[0] == name }.flatMap { Int($0[2]) } ?? Int(name)
    }
    if parts.count > 1 {
      guard let gid = number(parts[1]) else { return nil }
      (self.gid, self.groups) = (gid, [gid])
    } else {
      gid = account.flatMap { Int($0[3]) } ?? 0
      let own = account.map { account in
        groups.filter { $0.count > 3 && $0[3].split(separator: ",").contains { $0 == account[0] } }
      }
      self.groups = Set([gid] + (own ?? []).compactMap { Int($0[2]) })
    }
    self.groups.formUnion(extra.compactMap(number))
  }

  private static func lines(_ text: String) -> [[String]] {
    text.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
