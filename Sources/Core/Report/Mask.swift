/// Hides secret values in texts that are shown or kept: Compose and containers quote what they were given.
public struct Mask: Sendable {
  private var names: [(value: String, name: String)] = []

  /// Takes `NAME=value` lines; with `all`, every value of four letters and more, otherwise those whose name promises a
  /// secret.
  public init(assignments: some Sequence<Substring>, all: Bool, except: Set<String> = []) {
    for line in assignments {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      // Compose's own settings are names and paths that a message is about.
      guard parts.count == 2, parts[1].count >= 4, !except.contains(parts[0]), !parts[0].hasPrefix("COMPOSE_") else {
        continue
      }
      if all || Secrets.isSecretName(parts[0]) || parts[0].uppercased().hasSuffix("KEY") {
        names.append((parts[1], parts[0]))
        // Compose quotes values as Go does.
        let quoted = parts[1].replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        if quoted != parts[1] { names.append((quoted, parts[0])) }
      }
    }
    // A longer value may hold a shorter one.
    names.sort { $0.value.count > $1.value.count }
  }

  /// Returns the same without the values that are services of these Compose files: a service's name must not be taken for the
  /// value of a variable that is the same.
  public func sparing(_ files: [ComposeSource]) -> Mask {
    let services = Set(files.flatMap { $0.document?["services"]?.mapping ?? [] }.compactMap(\.key.string))
    var fewer = self
    fewer.names.removeAll { services.contains($0.value) }
    return fewer
  }

  /// Returns the same with the values of further files of values.
  public func adding(valuesIn texts: some Sequence<String>) -> Mask {
    let more = texts.flatMap(References.values).map { "\($0.name)=\($0.value)"[...] }
    if more.isEmpty { return self }
    var longer = Mask(assignments: more, all: true)
    longer.names = (names + longer.names).sorted { $0.value.count > $1.value.count }
    return longer
  }

  /// Replaces each value by the name of its variable.
  public func hide(_ text: String) -> String {
    names.reduce(text) { $0.replacing($1.value, with: "${\($1.name)}") }
  }
}
