/// What changes between two models of a stack as Compose resolved them, one line for each value.
///
/// Values of `environment`, of configs and secrets, and those whose names promise a secret are named and never shown.
public struct ModelDiff {
  private let hide: (String) -> String

  /// `hide` masks what else must not be shown.
  public init(hide: @escaping (String) -> String) { self.hide = hide }

  /// Returns `- place: value` for what goes, `+ place: value` for what comes, `~ place: …` where the value is not shown.
  public func lines(from old: JSON?, to new: JSON) -> [String] {
    let (before, after) = (Self.values(of: old ?? .null), Self.values(of: new))
    let places = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
    return places.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { keys -> [String] in
      let (place, gone, come) = (keys.joined(separator: "."), before[keys], after[keys])
      if Self.isSecret(keys) { return ["~ \(place): \(gone == nil ? "added" : come == nil ? "removed" : "changed")"] }
      return [gone.map { "- \(place): \(hide($0))" }, come.map { "+ \(place): \(hide($0))" }].compactMap { $0 }
    }
  }

  private static func isSecret(_ keys: [String]) -> Bool {
    keys.contains("environment") || ["configs", "secrets"].contains(keys[0])
      || keys.contains(where: Secrets.isSecretName)
  }

  /// Every value of a model by the keys that lead to it; lists of plain values are one.
  private static func values(of model: JSON) -> [[String]: String] {
    var found: [[String]: String] = [:]
    func walk(_ value: JSON, _ keys: [String]) {
      switch value {
      case .object(let members): for (key, member) in members { walk(member, keys + [key]) }
      case .array(let items) where items.contains { if case .object = $0 { true } else { false } }:
        for (index, item) in items.enumerated() { walk(item, keys + [String(index)]) }
      case .null: break
      case .string(let text): found[keys] = text
      default: found[keys] = String(decoding: value.canonical, as: UTF8.self)
      }
    }
    for (key, member) in model.object where key != "name" { walk(member, [key]) }
    return found
  }
}
