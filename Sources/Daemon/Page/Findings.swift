import Core

/// Lists what validation found, errors first.
enum Findings {
  static func section(_ diagnostics: [Diagnostic]) -> HTML {
    if diagnostics.isEmpty { return .nothing }
    let sorted = diagnostics.enumerated().sorted { (weight($0.element), $0.offset) < (weight($1.element), $1.offset) }
    return Page.section("findings", "Findings", "<ul class=\"findings\">\(sorted.map { line($0.element) })</ul>")
  }

  private static func weight(_ finding: Diagnostic) -> Int { finding.refuses ? 0 : finding.waived ? 2 : 1 }

  private static func line(_ finding: Diagnostic) -> HTML {
    let tone: Tone = finding.refuses ? .bad : finding.waived ? .calm : .note
    let place = [finding.file] + [finding.line, finding.column].compactMap { $0.map(String.init) }
    return """
      <li class="\(tone.name)"><div class="top"><code>\(place.joined(separator: ":"))</code>\
      \(tone.word(finding.word))</div>
      <p class="text">\(finding.message) <span class="age">[<code>\(finding.rule)</code>]</span></p>
      <p class="text help"><strong>Help</strong>: \(finding.help)</p></li>
      """
  }
}
