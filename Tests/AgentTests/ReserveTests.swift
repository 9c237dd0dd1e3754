@testable import Agent
import Glibc
import Testing

@Suite("A full disk does not keep a failure from being put back and written down")
struct ReserveTests {
  private static let full = Failure(.host, "No space left on device", help: "make room")

  @Test func `the room is given up for work that fails, once`() throws {
    let scratch = try Scratch()
    let reserve = Reserve(path: scratch.root + "/reserve")
    reserve.keep()
    #expect(Files.status(reserve.path)?.st_size == Reserve.bytes)
    var tries = 0
    try reserve.givingRoom { () throws(Failure) in
      tries += 1
      if tries == 1 { throw Self.full }
    }
    #expect(tries == 2 && scratch.names(".") == [])
    #expect(throws: Failure.self) { try reserve.givingRoom { () throws(Failure) in throw Self.full } }
  }

  @Test func `work that succeeds costs no room`() throws {
    let scratch = try Scratch()
    let reserve = Reserve(path: scratch.root + "/reserve")
    reserve.keep()
    try reserve.givingRoom { () throws(Failure) in }
    reserve.makeRoom()
    #expect(scratch.names(".") == ["reserve"])
  }
}
