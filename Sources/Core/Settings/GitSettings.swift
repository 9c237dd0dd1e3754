import YAML

/// The section `git:`: what is fetched that the repository itself only names.
public struct GitSettings: Sendable, Equatable {
  /// Whether the submodules that stacks use are fetched.
  public var submodules = false
  /// Whether the files that Git LFS keeps, and that stacks use, are fetched.
  public var lfs = false

  /// Whether anything is fetched beside the repository.
  public var isOn: Bool { submodules || lfs }

  /// What stands for the section in the text by which a stack is looked at again; nothing where nothing is fetched.
  public var fingerprint: String { (submodules ? " submodules" : "") + (lfs ? " lfs" : "") }
}

extension SettingsReader {
  mutating func gitSettings(_ node: Node) -> GitSettings {
    let keys = section(node, "git", keys: ["submodules", "lfs"])
    var git = GitSettings()
    git.submodules = boolean(keys, "submodules")
    git.lfs = boolean(keys, "lfs")
    return git
  }
}
