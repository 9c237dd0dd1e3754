import Agent
import Core

/// The status page: HTML made of what the daemon knows, whole without a script and without anything from elsewhere.
enum Page {
  /// The headers of every page; its one style sheet and its one script are allowed by their digests.
  static let headers = [
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": [
      "default-src 'none'", "style-src '\(styleDigest)'", "script-src '\(scriptDigest)'", "img-src data:",
      "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; "),
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
  ]

  /// The places that the head of a page leads to.
  enum Place { case overview, plan, elsewhere }

  /// Lays out a page: its head, the sentence that says how things stand, and what it is about.
  ///
  /// The script puts what is new under `main` in its place; there the sentence alone is read out when it changes.
  static func frame(
    _ seen: StatusPageModel, at place: Place, _ headline: Headline, below: HTML = .nothing, every seconds: Int = 5,
    _ body: HTML
  ) -> [UInt8] {
    let page: HTML = """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark"><meta name="generator" content="clup \(seen.version)">
      <title>\(headline.title) · \(seen.host.isEmpty ? "clup" : seen.host)</title>
      <link rel="icon" href="\(headline.tone.icon)">
      <style>\(style)</style></head>
      <body data-every="\(seconds)"><a class="skip" href="#main">Skip to the content</a>
      <header><p class="name"><a href="/">clup</a> <span>\(seen.host)</span></p>
      <nav aria-label="Pages"><ul>\(link("/", "Stacks", place == .overview))\
      \(link("/plan", "Plan", place == .plan))</ul></nav>
      </header>
      <main id="main" tabindex="-1"><div class="state \(headline.tone.name)">
      <span class="mark" aria-hidden="true">\(headline.tone.mark)</span>
      <div><div id="state" aria-live="polite"><h1>\(headline.sentence)</h1></div>\(below)</div></div>
      \(body)</main>
      <footer><p>\(source(seen))</p>
      <p>clup \(seen.version)<noscript> · without scripts, reload the page to see what is new</noscript></p></footer>
      <script>\(script)</script></body></html>

      """
    return page.bytes
  }

  private static func link(_ path: HTML, _ words: HTML, _ isHere: Bool) -> HTML {
    "<li><a href=\"\(path)\"\(isHere ? " aria-current=\"page\"" as HTML : .nothing)>\(words)</a></li>"
  }

  private static func source(_ seen: StatusPageModel) -> HTML {
    seen.repository.isEmpty
      ? "no repository is set" : "<code>\(seen.repository)</code>, following <code>\(seen.branch)</code>"
  }

  /// Shows a commit by the first letters of its id.
  static func commit(_ id: String) -> HTML { "<code title=\"\(id)\">\(String(id.prefix(7)))</code>" }

  /// Counts things: `1 stack`, `2 stacks`.

  /// Makes a section with a heading of the second level.
  static func section(_ id: HTML, _ heading: HTML, _ body: HTML) -> HTML {
    "<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">\(heading)</h2>\(body)</section>"
  }
}
