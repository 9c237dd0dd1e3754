import Foundation

@testable import Agent
@testable import Core

extension Target {
  /// What the kernel says of the mounts of a process, whose paths a container may have named.
  static let mounts = Target("mounts") { bytes in
    let text = text(bytes)
    _ = MountedDisk.all(in: text)
    let mounts = KernelMounts(text)
    hold(!mounts.write(to: (device: "", root: "/")), "what is mounted nowhere cannot be written to")
    for entry in mounts.entries.prefix(20) {
      if let place = mounts.place(of: entry.point) {
        hold(mounts.entries.contains { $0.device == place.device }, "a place is on something that is mounted")
      }
      let isShown = mounts.entries.contains { other in
        other.isWritable && other.device == entry.device && Path.relative(entry.root, to: other.root) != nil
      }
      hold(isShown || !mounts.write(to: (entry.device, entry.root)), "what is mounted read-only cannot be written to")
    }
  }
}
