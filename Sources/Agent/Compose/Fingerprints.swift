import Core
import Git

extension Settings {
  /// Returns the text that is kept with a failure to know whether the host gives the stack another chance since.
  func fingerprint(of stack: String) -> String {
    let files = stacks[stack]?.composeFiles.map { " \($0)" } ?? ""
    return digest(
      of: "\(stacks[stack]?.healthSettings ?? "")\(files) \(sync.deployTimeout.text) \(sync.pullTimeout.text)")
  }
}

/// The first half of a text's blob id.
func digest(of text: String) -> String { String(blobID(of: Array(text.utf8)).prefix(16)) }

/// Returns the text by which a network, volume, config or secret is known: the engine's name for it, and a digest; `definition`
/// is what is meant, without doubled dollar signs.
func resourceDigest(_ definition: JSON) -> String {
  "\(definition["name"]?.string ?? "-") \(blobID(of: definition.canonical))"
}

extension ComposeService {
  /// Returns the text by which each network, volume, config and secret is known that it uses; `values` are those of variables of
  /// which configs and secrets are made.
  func digests(_ values: [String: String]) -> [String: String] {
    resources.mapValues { definition in
      guard let variable = definition["environment"]?.string, let value = values[variable] else {
        return resourceDigest(definition.unescaped)
      }
      return resourceDigest(JSON.object(definition.object.merging(["value": .string(value)]) { $1 }).unescaped)
    }
  }
}

/// Returns a digest of each part of a resolved model, `services a` or `name`, to say what of it is another.
func modelDigests(_ model: JSON) -> [String: String] {
  var digests: [String: String] = [:]
  for (section, value) in model.object {
    guard case .object(let entries) = value else {
      digests[section] = blobID(of: value.canonical)
      continue
    }
    for (name, entry) in entries { digests["\(section) \(name)"] = blobID(of: entry.canonical) }
  }
  return digests
}

/// Returns the text that is kept with a stack to know whether the policy has changed since.
func policyFingerprint(_ settings: Settings, today: String) -> String {
  digest(of: settings.policy.fingerprint(today: today) + settings.git.fingerprint)
}
