/// Works on each element, at most so many at once, and gives the results in order; the first failure ends the rest.
func each<Element: Sendable, Result: Sendable>(
  _ elements: [Element], atOnce limit: Int, _ work: @escaping @Sendable (Element) async throws(Failure) -> Result
) async throws(Failure) -> [Result] {
  typealias Answer = Swift.Result<Result, Failure>
  let (answers, cause) = await withTaskGroup(of: (Int, Answer).self) { group in
    var answers: [Int: Answer] = [:]
    var cause: Failure?
    var next = 0
    func start() {
      guard next < elements.count else { return }
      let (index, element) = (next, elements[next])
      next += 1
      group.addTask {
        do throws(Failure) { return (index, .success(try await work(element))) } catch {
          return (index, .failure(error))
        }
      }
    }
    for _ in 0..<limit { start() }
    while let (index, answer) = await group.next() {
      answers[index] = answer
      if case .failure(let failure) = answer {
        cause = cause ?? failure
        next = elements.count
        group.cancelAll()
      } else {
        start()
      }
    }
    return (answers, cause)
  }
  if let cause { throw cause }
  var results: [Result] = []
  for (_, answer) in answers.sorted(by: { $0.key < $1.key }) { results.append(try answer.get()) }
  return results
}
