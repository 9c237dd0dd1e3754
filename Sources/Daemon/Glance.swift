import Agent
import Core
import Processes

/// The host's status, asked for once however many want to know it at the same moment.
actor Glance {
  private let children: Children
  private var last: (answer: Result<Status, ProcessError>, at: ContinuousClock.Instant)?
  private var asking: Task<Result<Status, ProcessError>, Never>?

  init(_ children: Children) { self.children = children }

  /// Gives a status that is at most so old.
  func status(within age: Duration) async -> Result<Status, ProcessError> {
    if let last, last.at.duration(to: .now) < age { return last.answer }
    if let asking { return await asking.value }
    let children = children
    let task = Task<Result<Status, ProcessError>, Never> {
      do throws(ProcessError) { return .success(try await children.status()) } catch { return .failure(error) }
    }
    asking = task
    let answer = await task.value
    asking = nil
    last = (answer, .now)
    return answer
  }

  /// Makes the next one ask anew.
  func forget() { last = nil }
}
