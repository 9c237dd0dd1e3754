import Dispatch

/// Where all of clup's own work runs: file calls may block, so it keeps off the cooperative pool.
public final class WorkExecutor: TaskExecutor {
  private let queue = DispatchQueue(label: "clup.work", attributes: .concurrent)

  /// Makes one.
  public init() {}

  /// Runs a piece of a task.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
