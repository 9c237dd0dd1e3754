import Agent
import Core
import Processes

/// The host's status, asked for once however many want to know it at the same moment.
actor StatusCache {
  private let children: Children
  private var last: (answer: Result<Status, ProcessError>, at: ContinuousClock.Instant)?
  private var asking: Task<Result<Status, ProcessError>, Never>?

  private typealias Plan = (report: Report?, diff: String, error: String?)
  private var plan: (answer: Plan, at: ContinuousClock.Instant)?
  private var planning: Task<Plan, Never>?

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

  /// Gives what a sync would do; at most so old, since it asks the repository.
  func plan(within age: Duration) async -> (report: Report?, diff: String, error: String?) {
    if let plan, plan.at.duration(to: .now) < age { return plan.answer }
    if let planning { return await planning.value }
    let children = children
    let task = Task<Plan, Never> {
      do throws(ProcessError) { return try await children.plan() } catch { return (nil, "", error.message) }
    }
    planning = task
    let answer = await task.value
    planning = nil
    plan = (answer, .now)
    return answer
  }

  /// Makes the next one ask anew.
  func forget() {
    last = nil
    plan = nil
  }
}
