@testable import Agent
@testable import Core
import Glibc
import Testing

@Suite("Who may write the configuration says what is accepted, and no repository")
struct BaselineFileTests {
  static func refusal(_ settings: Settings) -> String? {
    do throws(Failure) {
      _ = try BaselineFile.read(of: settings)
      return nil
    } catch {
      return error.kind == .configuration ? error.message : "another kind: \(error.message)"
    }
  }

  static func scene(_ scratch: borrowing Scratch, _ directory: String = "etc") throws -> (Settings, file: String) {
    var settings = scratch.settings
    settings.file = try scratch.write("\(directory)/clup.yaml", "x")
    return (settings, "\(scratch.root)/\(directory)/baseline.yaml")
  }

  @Test func `it is written with the configuration's mode, and only over what was read`() throws {
    let scratch = try Scratch()
    let (settings, file) = try Self.scene(scratch)
    #expect(try BaselineFile.read(of: settings) == nil)
    for mode: mode_t in [0o600, 0o644, 0o640, 0o666] {
      chmod(settings.file, mode)
      try BaselineFile.write("one", of: settings, before: try BaselineFile.read(of: settings))
      #expect(Files.status(file).map { $0.st_mode & 0o777 } == mode & 0o644)
    }
    #expect(throws: Failure.self) { try BaselineFile.write("two", of: settings, before: nil) }
    #expect(try scratch.read("etc/baseline.yaml") == "one" && scratch.names("etc").count == 2)
  }

  @Test func `one that others may write, or that leads elsewhere, is refused`() throws {
    let scratch = try Scratch()
    let (settings, file) = try Self.scene(scratch)
    try scratch.write("etc/baseline.yaml", "findings: []")
    for mode: mode_t in [0o620, 0o602, 0o666] {
      chmod(file, mode)
      #expect(
        Self.refusal(settings)?.hasPrefix("\(file) can be changed by other users than the one who runs clup") == true)
    }
    chmod(file, 0o644)
    #expect(Self.refusal(settings) == nil)
    rename(file, scratch.root + "/etc/there.yaml")
    symlink("there.yaml", file)
    #expect(Self.refusal(settings)?.contains("a link does not count") == true)
    unlink(file)
    symlink("nowhere", file)
    #expect(Self.refusal(settings)?.contains("a link does not count") == true)
  }

  @Test(arguments: ["live", "live/a", "clup", "clup/stacks"])
  func `none is read where files of the repository come to`(_ directory: String) throws {
    let scratch = try Scratch()
    let (settings, _) = try Self.scene(scratch, directory)
    #expect(Self.refusal(settings) == nil)
    try scratch.write("\(directory)/baseline.yaml", "findings: []")
    #expect(Self.refusal(settings)?.contains("where clup puts files of the repository") == true)
  }
}
