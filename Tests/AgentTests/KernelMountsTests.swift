import Testing

@testable import Agent

@Suite("What the kernel has mounted decides whether a container can write to a directory") struct KernelMountsTests {
  static let host = KernelMounts(
    """
    1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw
    2 1 8:2 /data /srv rw,relatime shared:1 - ext4 /dev/sdb1 rw
    3 1 0:5 / /proc rw - proc proc rw
    """)

  @Test func `a path lies in the file system that is mounted nearest above it`() throws {
    let place = try #require(Self.host.place(of: "/srv/live/run/app"))
    #expect(place == ("8:2", "/data/live/run/app"))
    #expect(try #require(Self.host.place(of: "/home")) == ("8:1", "/home"))
    #expect(try #require(Self.host.place(of: "/srv")) == ("8:2", "/data"))
  }

  static let rows: [(name: String, mounts: String, isOpen: Bool)] = [
    ("nothing of it", "5 4 0:9 / / rw - overlay overlay rw", false),
    ("the directory above", "6 5 8:2 /data/live/run /data rw,relatime - ext4 x rw", true),
    ("the directory above, read-only", "6 5 8:2 /data/live/run /data ro,relatime - ext4 x rw", false),
    (
      "covered",
      "6 5 8:2 /data/live/run /data rw - ext4 x rw\n7 6 8:2 /data/live/run/app /data/app ro - ext4 x rw", false
    ),
    (
      "covered where a link has led the mount",
      "6 5 8:2 /data/live/run /keep rw - ext4 x rw\n7 5 8:2 /data/live/run/app /data/app ro - ext4 x rw", true
    ),
    (
      "the cover is of the directory that was there before",
      "6 5 8:2 /data/live/run /data rw - ext4 x rw\n7 6 8:2 /data/live/run/old /data/app ro - ext4 x rw", true
    ),
    (
      "what holds it is hidden by another mount",
      "6 5 8:2 /data/live/run /data rw - ext4 x rw\n8 6 0:9 / /data rw - tmpfs x rw\n"
        + "7 8 8:2 /data/live/run/app /data/app ro - ext4 x rw", false
    ),
    (
      "below a directory that the container could move",
      "6 5 8:2 /data/live/run /srv/data rw - ext4 x rw\n7 6 8:2 /data/live/run/app /srv/data/app ro - ext4 x rw", true
    ),
    ("another file system", "6 5 8:3 /data/live/run /data rw - ext4 x rw", false),
    ("beside it", "6 5 8:2 /data/live/run/jobs /data rw - ext4 x rw", false),
    ("a name with a blank", "6 5 8:2 /data/live/run/my\\040app /data rw - ext4 x rw", false),
  ]

  @Test(arguments: rows) func `a cover counts where it really lies`(_ name: String, _ mounts: String, _ isOpen: Bool) {
    #expect(KernelMounts(mounts).write(to: ("8:2", "/data/live/run/app")) == isOpen, "\(name)")
  }
}
