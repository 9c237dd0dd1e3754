import Agent
import Core
import Processes

/// The host's status and plan, each asked for once however many want to know it at the same moment.
struct StatusCache: Sendable {
  typealias Plan = (report: Report?, diff: String, error: String?)

  private let statuses: Cached<Result<Status, ProcessError>>
  private let plans: Cached<Plan>

  init(_ children: ChildProcesses) {
    statuses = Cached {
      do throws(ProcessError) { return .success(try await children.status()) } catch { return .failure(error) }
    }
    plans = Cached {
      do throws(ProcessError) { return try await children.plan() } catch { return (nil, "", error.message) }
    }
  }

  /// Returns a status that is at most so old.
  func status(within age: Duration) async -> Result<Status, ProcessError> { await statuses.answer(within: age) }

  /// Returns what a sync would do; at most so old, since it asks the repository.
  func plan(within age: Duration) async -> Plan { await plans.answer(within: age) }

  /// Makes the next one ask again.
  func forget() async {
    await statuses.forget()
    await plans.forget()
  }
}

/// The last answer to a question.
private actor Cached<Answer: Sendable> {
  private let ask: @Sendable () async -> Answer
  private var last: (answer: Answer, at: ContinuousClock.Instant)?
  private var asking: Task<Answer, Never>?

  init(_ ask: @escaping @Sendable () async -> Answer) { self.ask = ask }

  func answer(within age: Duration) async -> Answer {
    if let last, last.at.duration(to: .now) < age { return last.answer }
    if let asking { return await asking.value }
    let task = Task { [ask] in await ask() }
    asking = task
    let answer = await task.value
    asking = nil
    last = (answer, .now)
    return answer
  }

  func forget() { last = nil }
}
