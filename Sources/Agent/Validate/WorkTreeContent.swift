import Core
import Git

/// What a commit of a work tree would hold; with submodules where the configuration has them fetched, as far as they are
/// checked out there.
struct WorkTreeContent {
  let directory: String
  let git: GitSettings

  func tree() throws(Failure) -> CommitTree {
    let paths = try entries(of: directory)
    let tree = CommitTree(commit: "", paths: paths, growing: git.isOn)
    for module in paths where git.submodules && module.kind == .submodule {
      let place = "\(directory)/\(module.path)"
      guard Files.status("\(place)/.git") != nil else {
        tree.refuse(
          module.path,
          CommitTree.Refusal(
            "\(module.path) is a submodule that is not checked out here, and clup cannot check what is in it",
            help: "git submodule update --init \(module.path)"))
        continue
      }
      tree.add(try entries(of: place), at: module.path)
    }
    return tree
  }

  private func entries(of directory: String) throws(Failure) -> [TrackedPath] {
    let (listed, submodules, keptByLFS): ([String]?, Set<String>, Set<String>)
    do throws(GitError) {
      listed = try WorkTree.files(in: directory)
      submodules = try WorkTree.submodules(in: directory)
      // What lies there is what a sync fetches.
      keptByLFS = git.lfs ? [] : try WorkTree.keptByLFS(in: directory, among: listed ?? [])
    } catch {
      throw Failure(.host, error.message, help: "check that \(directory) can be read")
    }
    var paths: [TrackedPath] = []
    var directories: Set<String> = ["."]
    for path in (listed ?? walk(directory, "")).map(Path.normalized) {
      guard let kind = kind(of: "\(directory)/\(path)", isSubmodule: submodules.contains(path)) else { continue }
      paths.append(
        TrackedPath(path: path, kind: kind, id: keptByLFS.contains(path) ? TrackedPath.keptByLFS : "work tree"))
      directories.formUnion(Path.ancestors(path))
    }
    return paths + directories.map { TrackedPath(path: $0, kind: .directory, id: "work tree") }
  }

  private func kind(of place: String, isSubmodule: Bool) -> TrackedPath.Kind? {
    if isSubmodule { return .submodule }
    guard let found = Files.status(place) else { return nil }
    if Files.isLink(found) { return .symlink }
    if Files.isDirectory(found) { return .submodule }
    return found.st_mode & 0o100 != 0 ? .executable : .file
  }

  private func walk(_ root: String, _ prefix: String) -> [String] {
    Files.names(in: "\(root)/\(prefix)").flatMap { name -> [String] in
      let path = prefix + name
      guard name != ".git", let found = Files.status("\(root)/\(path)") else { return [] }
      return Files.isDirectory(found) ? walk(root, path + "/") : [path]
    }
  }
}
