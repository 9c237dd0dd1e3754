import Core

/// Lists what was done at live paths.
enum LinkList {
  static func section(_ links: [LinkReport]) -> HTML {
    let changed = links.filter { $0.action != .keep }
    let kept = links.filter { $0.action == .keep }
    if links.isEmpty { return .nothing }
    let list: HTML? = changed.isEmpty ? nil : "<ul class=\"links\">\(changed.map(line))</ul>"
    let rest: HTML? =
      kept.isEmpty
      ? nil
      : """
      <details id="kept"><summary>\(kept.count.counted("live path")) kept</summary>\
      <ul class="links">\(kept.map(line))</ul></details>
      """
    return Page.section("links", "Live paths", "\(list)\(rest)")
  }

  private static func line(_ link: LinkReport) -> HTML {
    let backup: HTML? = link.backup.map { "<span class=\"why\">what was there is kept as <code>\($0)</code></span>" }
    return """
      <li><span class="action">\(link.action.rawValue)</span> <div><code>\(link.live)</code>\
      <span class="why"><span aria-hidden="true">→</span><span class="quiet">to</span>&nbsp;<code>\(link.target)</code></span>\
      \(backup)</div></li>
      """
  }
}
