import Dispatch

/// Where a sync runs: file calls may block, so it keeps off the cooperative pool.
final class WorkExecutor: TaskExecutor {
  private let queue = DispatchQueue(label: "clup.work", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
