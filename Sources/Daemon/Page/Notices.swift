import Agent
import Core

extension Page {
  /// Tells what keeps clup from seeing or doing all that it should.
  static func notices(_ seen: StatusPageModel) -> HTML {
    let moments = Moments(now: seen.now)
    var notices: [HTML] = []
    if let error = seen.statusError, seen.status == nil {
      notices.append(notice(.bad, "The state of the host could not be read", "<p class=\"text\">\(error)</p>"))
    }
    notices += own(seen)
    if let error = seen.status?.error {
      let since: HTML? = seen.status?.waiting.first { $0.outage == .engine }.map {
        "<p>clup has been waiting for it since \(moments.ago($0.since)), and continues once it answers.</p>"
      }
      notices.append(
        notice(
          .bad, "The engine does not answer",
          """
          <p class="text">\(error)</p>\(since)
          <p>Commits, pins and results are from clup's own records. Whether the containers run is not known.</p>
          """))
    }
    if let lost = seen.status?.lost {
      let items = lost.map { "<li>\($0)</li>" as HTML }
      notices.append(notice(.bad, "Records cannot be read", "<ul>\(items)</ul>"))
    }
    if let why = seen.unreachable {
      let since: HTML =
        seen.reached.map { "It was last reached \(moments.ago($0))." } ?? "It was not reached since clup was started."
      notices.append(
        notice(
          .note, "The repository cannot be reached",
          "<p class=\"text\">\(why)</p><p>\(since) Nothing new is deployed; drift is still repaired, and clup keeps asking.</p>"
        ))
    }
    if let trouble = seen.status?.trouble, seen.unreachable == nil, trouble.waitsFor != .engine {
      let commit: HTML? = trouble.commit.map { " \(Page.commit($0))" }
      let errors = trouble.errors.prefix(5).map { "<p class=\"text\">\($0)</p>" as HTML }
      let help: HTML? = trouble.help.map { "<p class=\"text help\"><strong>Help</strong>: \($0)</p>" }
      let more: HTML? = trouble.errors.count > 5 ? " \(trouble.errors.count - 5) more of them." : nil
      notices.append(
        notice(
          .bad, trouble.outcome == .refused ? "The branch's commit\(commit) is refused" : "Syncs fail",
          """
          \(errors)\(help)<p>\(more)First seen \(moments.ago(trouble.since)): \
          <a href="/runs/\(Shown.segment(trouble.report))">the whole report</a>. Nothing more is deployed; drift is still repaired.</p>
          """))
    }
    if let waivers = seen.status?.waivers, !waivers.isEmpty {
      let items = waivers.map { "<li>\($0)</li>" as HTML }
      notices.append(
        notice(
          .note, "Waivers that end or have ended",
          "<ul>\(items)</ul><p>Once a waiver has ended, new commits with what it covers are refused.</p>"
        )
      )
    }
    if seen.status?.fence == false {
      notices.append(
        notice(
          .note, "This kernel has no Landlock",
          "<p>Only clup's own checks keep it from writing outside its plan.</p>"))
    }
    if notices.isEmpty { return .nothing }
    return "<section aria-label=\"Notices\" class=\"notices\">\(notices)</section>"
  }

  /// Tells what is wrong with clup's own files and configuration.
  private static func own(_ seen: StatusPageModel) -> [HTML] {
    var notices: [HTML] = []
    if let why = seen.unwritten {
      notices.append(
        notice(
          .bad, "clup cannot write its own files",
          "<p class=\"text\">\(why)</p><p>Pushes are rejected until it can; clup keeps trying.</p>"))
    }
    if let why = seen.unconfigured {
      notices.append(
        notice(
          .bad, "The configuration cannot be used as it is now",
          "<p class=\"text\">\(why)</p><p>The last valid one stays in use until the file is fixed.</p>"
        ))
    }
    if !seen.restart.isEmpty {
      notices.append(
        notice(
          .note, "The configuration changed, and clup has to be restarted",
          "<p class=\"text\">\(seen.restart.joined(separator: ", ")) take effect after a restart.</p>"))
    }
    return notices
  }

  private static func notice(_ tone: Tone, _ heading: HTML, _ body: HTML) -> HTML {
    "<div class=\"notice \(tone.name)\"><h2><span aria-hidden=\"true\">\(tone.mark)</span> \(heading)</h2>\(body)</div>"
  }
}
