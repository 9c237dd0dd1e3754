import Dispatch
import Foundation
import Synchronization

/// Takes each input of libFuzzer's; see LLVMFuzzerTestOneInput there.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  chosen.read(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}

/// What reads bytes that somebody else wrote, and what must hold whatever they are.
struct Target: Sendable {
  /// The name of its directory below `corpus`.
  let name: String
  let read: @Sendable ([UInt8]) -> Void

  init(_ name: String, _ read: @escaping @Sendable ([UInt8]) -> Void) {
    self.name = name
    self.read = read
  }

  static let all = [
    compose, settings, places, files, webhook, http, engine, answer, gitObject, gitTree, gitNames, state, checked,
    mounts,
    history,
  ]
}

/// The one that CLUP_FUZZ_TARGET names.
private let chosen: Target = {
  signal(SIGPIPE, SIG_IGN)
  let name = ProcessInfo.processInfo.environment["CLUP_FUZZ_TARGET"] ?? ""
  guard let target = Target.all.first(where: { $0.name == name }) else {
    complain("CLUP_FUZZ_TARGET names none of \(Target.all.map(\.name).joined(separator: ", "))")
    exit(2)
  }
  return target
}()

/// Ends the process as a crash does, so that libFuzzer keeps the input.
func hold(_ condition: Bool, _ what: @autoclosure () -> String) {
  if condition { return }
  complain("does not hold: \(what())")
  abort()
}

func complain(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

/// A directory for files, which whoever starts this removes.
let scratch = ProcessInfo.processInfo.environment["CLUP_FUZZ_SCRATCH"] ?? NSTemporaryDirectory()

private final class Box<Value: Sendable>: Sendable { let value = Mutex<Value?>(nil) }

/// Waits for what is asynchronous: libFuzzer calls one input after the other.
func waiting<Value: Sendable>(for work: @escaping @Sendable () async -> Value) -> Value? {
  let (box, done) = (Box<Value>(), DispatchSemaphore(value: 0))
  Task.detached {
    let value = await work()
    box.value.withLock { $0 = value }
    done.signal()
  }
  done.wait()
  return box.value.withLock { $0 }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// The lines of an input that is a list of texts.
func lines(_ bytes: [UInt8]) -> [String] {
  bytes.split(separator: 10, omittingEmptySubsequences: false).prefix(8).map { text($0) }
}
