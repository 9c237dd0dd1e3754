import Foundation
import Glibc
import Synchronization

@testable import Agent
@testable import Core
@testable import Engine

extension Target {
  /// The bodies of the engine's answers, and the streams that it frames.
  static let engine = Target("engine") { bytes in
    let (data, decoder) = (Data(bytes), JSONDecoder())
    for listed in (try? decoder.decode([ListedContainer].self, from: data)) ?? [] {
      hold(!listed.name.hasPrefix("/"), "a name has no slash before it")
      if let container = Container(listed) {
        hold((container.mounts ?? []).map(\.source).allSatisfy(Path.isAbsolute), "a bind is an absolute path")
      }
    }
    _ = try? decoder.decode([ListedResource].self, from: data)
    _ = try? decoder.decode(EngineInfo.self, from: data)
    _ = try? decoder.decode(JSON.self, from: data)
    let output = ContainerOutput(frames: bytes)
    hold(output.output.count + output.errors.count <= max(0, bytes.count - 8), "no frame says more than came")
    if let version = Version(text(bytes)) {
      hold(Version(version.description) == version, "a version is written as read")
    }
    hold(taken(bytes, by: 1) == taken(bytes, by: max(1, bytes.count)), "lines do not depend on the pieces they come in")
    for line in taken(bytes, by: 7) {
      hold(!line.isEmpty && !line.contains(10), "a line is one")
      _ = try? decoder.decode(EngineEvent.self, from: Data(line))
    }
  }

  private static func taken(_ bytes: [UInt8], by size: Int) -> [[UInt8]] {
    let lines = Lines()
    return stride(from: 0, to: bytes.count, by: size).flatMap {
      lines.take(Array(bytes[$0..<min(bytes.count, $0 + size)]))
    }
  }

  /// A whole answer of the engine's, head and body, through libcurl; its first byte says what was asked.
  static let answer = Target("answer") { bytes in
    guard let first = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    let open = Peers()
    let client = EngineClient(
      .connected { () throws(EngineError) in try open.peer(saying: rest) }, version: first % 2 == 0 ? "1.43" : nil)
    _ = waiting {
      switch first % 12 / 2 {
      case 0: _ = try? await client.containers(labels: ["l"])
      case 1: _ = try? await client.info().version
      case 2: _ = try? await client.tags(of: "clup/keep").count
      case 3: _ = try? await client.log(of: "c", lines: 3).output
      case 4: _ = try? await client.execute(["true"], in: "c", deadline: .seconds(2), limit: 4096).status
      default:
        do {
          for try await event in client.events([:]) { _ = event.action }
        } catch {}
      }
      return true
    }
    open.close()
  }
}

/// The other ends of connections to an engine that says the same to everybody.
private final class Peers: Sendable {
  private let descriptors = Mutex<[Int32]>([])

  func peer(saying bytes: [UInt8]) throws(EngineError) -> Int32 {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0 else {
      throw EngineError(.unreachable, "no sockets")
    }
    _ = Glibc.send(pair[1], bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    shutdown(pair[1], Int32(SHUT_WR))
    descriptors.withLock { [end = pair[1]] in $0.append(end) }
    return pair[0]
  }

  func close() { descriptors.withLock { for one in $0 { Glibc.close(one) } } }
}
