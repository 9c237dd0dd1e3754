import Foundation
import Git
import Testing

@Suite("What is kept beside a mirror stays as long as a commit needs it")
struct StoreTests {
  @Test func `a stored file is read through the mirror, and goes with the last commit that needs it`() async throws {
    let scratch = try await Scratch()
    let (one, other) = (try await scratch.commit(["x": "1"]), try await scratch.commit(["x": "2"]))
    let mirror = try scratch.mirror()
    let path = scratch.root + "/store.git"
    let store = try Mirror(at: path, branch: "none", create: true)
    let content = String(repeating: "a large content\n", count: 50_000)
    try content.write(toFile: scratch.root + "/file", atomically: false, encoding: .utf8)
    let id = try await store.store(scratch.root + "/file")
    #expect(id == blobID(of: Array(content.utf8)))
    try await store.keep(id, as: "name", for: one)
    try await store.keep(id, as: "name", for: other)
    try await mirror.include(path)
    #expect(try await mirror.contents(of: id, limit: .max) == Array(content.utf8))
    #expect(try await store.kept("name") == id)
    #expect(try await store.kept("another") == nil)
    #expect(try await store.keepOnly(for: [other]))
    #expect(try await store.kept("name") == id)
    #expect(try await !store.keepOnly(for: []))
    #expect(try await store.kept("name") == nil)
    #expect(!FileManager.default.fileExists(atPath: "\(path)/objects/\(id.prefix(2))/\(id.dropFirst(2))"))
    #expect(try await Mirror(at: path, branch: "none", create: true).kept("name") == nil)
  }

  @Test func `a single commit is brought, whether or not a branch leads to it`() async throws {
    let scratch = try await Scratch()
    let first = try await scratch.commit(["x": "1"])
    try await scratch.commit(["x": "2"])
    let mirror = try scratch.mirror()
    try await mirror.fetch(pinned: first, from: scratch.url, deadline: .seconds(10))
    #expect(await mirror.contains(first))
    #expect(try await mirror.head() == nil)
    let absent = String(repeating: "1", count: 40)
    await #expect(throws: GitError.self) {
      try await mirror.fetch(pinned: absent, from: scratch.url, deadline: .seconds(10))
    }
  }

  @Test func `a commit of pointers holds them and nothing else`() async throws {
    let scratch = try await Scratch()
    let mirror = try scratch.mirror()
    let id = try await mirror.commit(holding: [("0", Array("one".utf8)), ("1", Array("two".utf8))])
    let entries = try await mirror.entries(of: id)
    #expect(entries.map(\.path) == [".", "0", "1"])
    #expect(try await mirror.contents(of: entries[2].id, limit: 10) == Array("two".utf8))
  }
}

@Suite("A file is known by the id that git gives it")
struct BlobIDTests {
  @Test func `a file that is read piece by piece has the id of its bytes`() throws {
    let path = NSTemporaryDirectory() + "clup-blob-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = [UInt8](repeating: 7, count: 3 << 20)
    #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    #expect(blobID(ofFile: path) == blobID(of: bytes))
    #expect(blobID(ofFile: path + ".gone") == nil)
  }
}
