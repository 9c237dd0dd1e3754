/// A container as `docker inspect` shows it while a deploy is watched.
public struct WatchedContainer: Sendable, Equatable {
  /// The engine's id.
  public var id: String
  /// The container's name.
  public var name = ""
  /// The service.
  public var service: String
  /// `running`, `exited`, `restarting`, `created`, `paused` or `dead`.
  public var state: String
  /// `healthy`, `unhealthy`, `starting` or `none`.
  public var health: String
  /// What the program ended with.
  var exitCode: Int
  /// How often the engine has started it again.
  public var restarts: Int
  /// How long it has been running.
  public var age: Duration
  /// Compose's hash of the configuration that it was made with.
  var hash = ""
  /// The id of its image.
  public var image = ""
  /// The directory that `docker compose` was run for.
  var directory = ""
  /// The engine's names of the networks that it is in, where that was asked for.
  public var networks: Set<String>?
  /// How long ago its last health check began; nothing where there was none.
  public var checked: Duration?
  /// Which of its service's containers it is, as Compose counts.
  public var number = 1
  /// The volumes that the engine made for it alone.
  public var volumes: AnonymousVolumes?
}

/// What a look at a stack's containers says about its deploy.
public enum Verdict: Sendable, Equatable {
  case good
  /// Not yet; time alone may decide after this long. `goal` ends the sentence "waiting for".
  case wait(Duration?, because: String, goal: String)
  /// What went wrong, and the container that shows it.
  case failed(String, container: String)

  /// How long a service must keep running that has no health check.
  static let settle = Duration.seconds(2)
  /// How often the engine may start a container again before it counts as a loop.
  static let restartLimit = 3
  /// The same for a service that is to end well one day, `restart: on-failure`: it may have to wait for another one.
  static let retryLimit = 10

  /// Judges a stack; `restarts` holds how often each container from before the deploy had been started again by then.
  public static func of(
    _ services: [DesiredService], containers: [WatchedContainer], restarts: [String: Int]
  ) -> Verdict {
    let byService = Dictionary(grouping: containers) { $0.service }
    var waiting: Verdict?
    for service in services where service.replicas > 0 {
      let own = byService[service.name] ?? []
      if own.count < service.replicas {
        let why = "\(service.name) has \(own.count) of \(service.replicas) containers"
        waiting = waiting ?? .wait(nil, because: why, goal: "the containers of \(service.name)")
      }
      for container in own {
        switch judge(container, service, before: restarts[container.id] ?? 0) {
        case .good: continue
        case .failed(let why, let id): return .failed(why, container: id)
        case .wait(let time, let why, let goal):
          // The shortest time comes first, so that a failure is seen when it can be.
          if case .wait(let known?, _, _)? = waiting, time.map({ $0 >= known }) ?? true { continue }
          waiting = .wait(time, because: why, goal: goal)
        }
      }
    }
    return waiting ?? .good
  }

  private static func judge(_ container: WatchedContainer, _ service: DesiredService, before: Int) -> Verdict {
    let name = service.name
    if container.state != "running", service.rests(container.id) { return .good }
    let restarted = container.restarts - before
    if container.state == "exited", container.exitCode == 0, !service.restarts { return .good }
    if restarted >= (service.restarts ? restartLimit : retryLimit) {
      // While it runs, the engine does not tell what it ended with.
      let ended = container.state == "running" ? "" : " (exit \(container.exitCode))"
      return .failed("\(name) keeps restarting\(ended)", container: container.id)
    }
    switch container.state {
    case "running":
      switch container.health {
      case "healthy": return .good
      case "unhealthy": return .failed("\(name) is unhealthy", container: container.id)
      case "starting": return .wait(nil, because: "\(name) is not healthy yet", goal: "\(name) to become healthy")
      default:
        let needed = restarted > 0 ? settle * 5 : settle
        if container.age >= needed { return .good }
        return .wait(needed - container.age, because: "\(name) has only just started", goal: "\(name) to keep running")
      }
    case "exited", "dead":
      return .failed("\(name) ended with exit \(container.exitCode)", container: container.id)
    case "restarting":
      let why = "\(name) is being started again (exit \(container.exitCode))"
      return .wait(
        .seconds(1), because: why, goal: "\(name), which ended with exit \(container.exitCode), to start again")
    case "paused": return .failed("\(name) is paused", container: container.id)
    default: return .wait(nil, because: "\(name) is \(container.state)", goal: "\(name) to start")
    }
  }
}
