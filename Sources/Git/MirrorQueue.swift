import Dispatch

/// Runs the mirror's calls one after the other on a Dispatch queue, since libgit2 blocks and its errors are thread-local.
final class MirrorQueue: SerialExecutor {
  private let queue = DispatchQueue(label: "git.mirror")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
