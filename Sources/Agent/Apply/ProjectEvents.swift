import Core
import Engine
import Synchronization

/// Follows what happens to a project's containers while they are watched, and to the room that they have, until it is let go.
final class ProjectEvents: Sendable {
  /// Each asks for a look; nothing more comes once the watching task is cancelled.
  let looks: AsyncStream<Void>
  private let looker: AsyncStream<Void>.Continuation
  private let broken = Mutex(false)
  private let pump = Mutex<Task<Void, Never>?>(nil)

  /// A stream that ends sooner was never listened to, which says nothing about the engine.
  private static let shortest = Duration.milliseconds(500)

  /// The disk that they are on.
  let disk: DiskWatch

  private let project: String
  private let engine: EngineClient

  init(of project: String, _ engine: EngineClient) {
    (looks, looker) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    (self.project, self.engine, disk) = (project, engine, DiskWatch(of: engine))
  }

  /// Begins to listen; once more does nothing.
  func begin() {
    pump.withLock { pump in
      if pump != nil { return }
      let events = engine.events([
        "type": ["container"], "label": [ComposeLabel.of(project)],
        "event": ["start", "die", "destroy", "health_status"],
      ])
      let began = ContinuousClock.now
      pump = Task { [weak self] in
        do { for try await _ in events { self?.wake() } } catch {}
        let isLong = began.duration(to: .now) > Self.shortest
        if !Task.isCancelled, isLong { self?.broken.withLock { $0 = true } }
        self?.wake()
      }
    }
  }

  deinit { pump.withLock { $0?.cancel() } }

  /// Whether the engine ended the stream: then it stopped, or was started again, and so were its containers.
  var hasBroken: Bool { broken.withLock { $0 } }

  func wake() { looker.yield() }
}
