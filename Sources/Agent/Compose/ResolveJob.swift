import Core

extension Resolve {
  func resolve(job path: String) async throws(Failure) -> Answer {
    if let found = try await large.findings(in: [path], stack: path).first {
      return Answer(diagnostics: [found.asFinal])
    }
    var gather = ComposeSources(view: view, observe: observe, home: programs.home)
    try await gather.note(path)
    try await gather.note(Path.join(Path.parent(path), ".env"))
    if let refusal = try await gather.read([path], in: Path.parent(path), interpolate) {
      return try await refuse(path, .job, refusal, gather)
    }
    if let answer = try await refusedReads(path, .job, &gather) { return answer }
    try await gather.noteReferences()
    var asked = Asked(
      path, directory: Path.join(view.root, Path.parent(path)), files: [path], naming: ["-f", Path.name(path)],
      values: goTuning, invents: view.invents)
    for name in gather.sources.first?.document?["x-clup"]?["params"]?.sequence?.compactMap(\.string) ?? [] {
      asked.take(name, gather.sources)
    }
    let outcome = try await ask(&asked, &gather)
    guard outcome.succeeded, let json = try? JSON(parsing: outcome.output) else {
      return try await refuse(path, .job, outcome.errorText, asked, &gather)
    }
    var answer = Answer(
      diagnostics: unset(path, outcome.errorText, gather) + unreadable(path, gather), placeholders: asked.placeholders,
      invented: asked.invented, sources: gather.sources)
    if view.invents { answer.diagnostics += gaps(path, gather, unknown: asked.placeholders) }
    if let climbing = try await climbing(path, asked, json, gather) {
      answer.diagnostics.append(climbing)
      return answer
    }
    answer.subjects = [try await subject(path, .job, model(json, asked, gather), gather, asked)]
    if let other = try await withDefaults(asked, &gather) {
      answer.subjects.append(try await subject(path, .job, other, gather, asked))
    }
    return answer
  }
}
