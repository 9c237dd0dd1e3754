@testable import Agent
@testable import Core
import Foundation
import Git

/// A directory of its own that goes away with the test.
struct Scratch: ~Copyable {
  let root = NSTemporaryDirectory() + "clup-agent-" + UUID().uuidString

  init() throws { try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  var settings: Settings {
    Settings(repository: "r", branch: "main", liveRoot: root + "/live", checkout: root + "/clup")
  }

  @discardableResult
  func write(_ path: String, _ text: String) throws -> String {
    let file = root + "/" + path
    try FileManager.default.createDirectory(atPath: Path.parent(file), withIntermediateDirectories: true)
    try text.write(toFile: file, atomically: false, encoding: .utf8)
    return file
  }

  func links() throws -> Links {
    let checkout = Checkout(path: settings.checkout)
    let observe = Observe(settings: settings, checkout: checkout, links: LinkPlanning(pointers: checkout.pointers))
    return Links(settings: settings, mirror: try mirror(), observe: observe)
  }

  func read(_ path: String) throws -> String { try String(contentsOfFile: root + "/" + path, encoding: .utf8) }

  func mirror() throws -> Mirror { try Mirror(at: root + "/mirror.git", branch: "main", create: true) }

  func names(_ path: String) -> [String] { Files.names(in: root + "/" + path) }
}
