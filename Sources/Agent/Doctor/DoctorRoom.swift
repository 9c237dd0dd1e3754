import Core
import Engine
import Glibc

extension Doctor {
  /// Finds what is known to take room on a disk.
  func uses(of disk: MountedDisk, among disks: [MountedDisk], _ stacks: [SeenStack], _ engine: SeenEngine) async
    -> [DiskUse]
  {
    func isHere(_ path: String) -> Bool { MountedDisk.holding(Self.nearest(path), among: disks) == disk }
    let deadline = ContinuousClock.now + .seconds(10)
    var uses: [DiskUse] = []
    func add(_ name: String, _ path: String, _ way: String?) {
      if isHere(path) { uses.append(DiskUse(name, size: Self.size(below: path, until: deadline), way: way)) }
    }
    let keep = settings.sync.keepReleases
    add(
      "clup's releases", checkout.releases,
      keep > 1 ? "`sync: {keep_releases: 1}`, here \(keep); the next deploy drops the others" : nil)
    add("clup's mirror of the repository", checkout.mirror, nil)
    for source in Set(stacks.flatMap { mounts(of: $0).map(\.mount.source) }).sorted() { add(source, source, nil) }
    if let root = engine.root, isHere(root), let programs = engine.programs {
      let answer = await within(.seconds(15)) { try? await programs.engine.usage() }
      if let usage = answer ?? nil {
        uses += [
          DiskUse("Docker's images", size: usage.images, way: "`docker image prune`; `docker system df -v` names them"),
          DiskUse("Docker's build cache", size: usage.buildCache, way: "`docker builder prune`"),
          DiskUse("Docker's volumes", size: usage.volumes, way: "`docker system df -v` names those that nothing uses"),
          DiskUse("files that containers wrote outside of volumes", size: usage.containers, way: "`docker ps -as`"),
        ]
      }
      add(
        "containers' logs", "\(root)/containers",
        "`logging: {options: {max-size: 10m}}` bounds them from the next deploy on")
    }
    return uses
  }

  /// The bytes that lie below a path on its own disk; as far as it came when the time is over.
  private static func size(below path: String, until deadline: ContinuousClock.Instant) -> Int {
    guard let top = Files.status(path) else { return 0 }
    var (size, open) = (Int(top.st_blocks) * 512, Files.isDirectory(top) ? [path] : [])
    while let directory = open.popLast(), ContinuousClock.now < deadline {
      for name in Files.names(in: directory) {
        let child = "\(directory)/\(name)"
        guard let found = Files.status(child), found.st_dev == top.st_dev else { continue }
        size += Int(found.st_blocks) * 512
        if Files.isDirectory(found) { open.append(child) }
      }
    }
    return size
  }
}
