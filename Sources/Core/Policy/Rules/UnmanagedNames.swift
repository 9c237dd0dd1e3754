/// The names of the projects of files that are proposed as stacks: no two are to be the same.
struct ProjectNames {
  private var taken: Set<String>
  /// The names that several files would have by themselves.
  private let shared: Set<String>
  private let stacks: Set<String>

  /// Begins with the names that are `taken`; `paths` are all files, `stacks` the directories that are one.
  init(taken: Set<String>, of paths: Set<String>, stacks: Set<String>) {
    (self.taken, self.stacks) = (taken, stacks)
    shared = Set(Dictionary(grouping: paths, by: Discovery.project(of:)).filter { $0.value.count > 1 }.keys)
  }

  /// How files are written: by globs, and those of the rest that are `alike` by their directories.
  typealias Cover = (globs: [(pattern: String, paths: [String])], rest: [String], alike: Set<String>)

  /// Covers files so that their stacks do not collide, as far as that can be; `isFree` says that they become none.
  func cover(_ wanted: Set<String>, among all: [String], known: Set<String>, isFree: Bool) -> Cover {
    if isFree {
      let cover = Glob.covering(wanted, among: all, known: known)
      return (cover.globs, cover.rest, [])
    }
    func attempt(_ isStrict: Bool) -> (cover: Cover, clashes: Int) {
      var names = self
      let cover = Glob.covering(wanted, among: all, known: known) { pattern, paths in
        names.take(paths, by: Glob(pattern), isStrict)
      }
      let alike = names.takeDirectories(of: cover.rest)
      return ((cover.globs, cover.rest, alike), names.clashes(among: cover.rest.filter { !alike.contains($0) }))
    }
    let first = attempt(false)
    if first.clashes == 0 { return first.cover }
    let second = attempt(true)
    return second.clashes < first.clashes ? second.cover : first.cover
  }

  /// Takes the names that files have by a glob; says whether all are free. A strict one leaves files that are called like others
  /// to globs that name them by their directories.
  private mutating func take(_ paths: [String], by glob: Glob, _ isStrict: Bool) -> Bool {
    let own = paths.map { Discovery.project(of: $0, takenBy: glob) }
    guard Set(own).count == own.count, taken.isDisjoint(with: own) else { return false }
    if isStrict, paths.contains(where: { shared.contains(Discovery.project(of: $0, takenBy: glob)) }) { return false }
    taken.formUnion(own)
    return true
  }

  /// Takes the names of directories for files that are alone there and called like others.
  private mutating func takeDirectories(of rest: [String]) -> Set<String> {
    var alike: Set<String> = []
    for (directory, paths) in Dictionary(grouping: rest, by: Path.parent).sorted(by: { $0.key < $1.key }) {
      guard paths.count == 1, directory != ".", !stacks.contains(directory),
        shared.contains(Discovery.project(of: paths[0])), taken.insert(Path.name(directory).asProjectName).inserted
      else { continue }
      alike.insert(paths[0])
    }
    return alike
  }

  /// How many files have a name by themselves that is taken.
  private func clashes(among rest: [String]) -> Int {
    var all = taken
    return rest.count { !all.insert(Discovery.project(of: $0)).inserted }
  }
}
