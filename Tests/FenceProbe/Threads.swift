import Dispatch
import Foundation
import Synchronization

/// Threads that exist before the fence and wait for a word to do something behind it.
final class Waiting: Sendable {
  private let word = DispatchSemaphore(value: 0)
  private let done = DispatchGroup()
  private let started = DispatchSemaphore(value: 0)
  private let count: Int

  init(workers: Int, threads: Int, _ body: @escaping @Sendable (String) -> Void) {
    count = workers + threads
    for number in 0..<count {
      let work: @Sendable () -> Void = { [started, word, done] in
        started.signal()
        word.wait()
        body("early \(number < workers ? "worker" : "thread") \(number)")
        done.leave()
      }
      done.enter()
      if number < workers {
        DispatchQueue(label: "worker \(number)").async(execute: work)
      } else {
        Thread.detachNewThread(work)
      }
    }
    for _ in 0..<count { started.wait() }
  }

  func go() {
    for _ in 0..<count { word.signal() }
    done.wait()
  }
}

/// Does something in a thread that is started for it.
func inNewThread(_ body: @escaping @Sendable () -> Void) {
  let done = DispatchSemaphore(value: 0)
  Thread.detachNewThread {
    body()
    done.signal()
  }
  done.wait()
}

/// Starts threads one after the other, each by the one before, until told to stop.
final class Chain: Sendable {
  private let stopped = Atomic(false)
  private let ended = DispatchSemaphore(value: 0)
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
    next()
  }

  func stop() {
    stopped.store(true, ordering: .sequentiallyConsistent)
    ended.wait()
  }

  private func next() {
    Thread.detachNewThread { [self] in
      body()
      usleep(1000)
      if stopped.load(ordering: .sequentiallyConsistent) { ended.signal() } else { next() }
    }
  }
}
