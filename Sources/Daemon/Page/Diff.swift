/// Shows a unified diff file by file; each line keeps its sign, so that colour is never all that tells.
struct Diff {
  /// How many lines are shown; the command line has the rest.
  static let most = 3000

  private struct File {
    var name: String
    var lines: [String] = []
  }

  private var files: [File] = []
  private var left = 0

  init(_ text: String) {
    var shown = 0
    var isHead = true
    for line in Shown.split(text) {
      if line.hasPrefix("diff --git ") {
        files.append(File(name: Self.name(in: line)))
        isHead = true
      } else if line.hasPrefix("@@") {
        isHead = false
      }
      if line.isEmpty || isHead && Self.heads.contains(where: line.hasPrefix) { continue }
      if files.isEmpty { files.append(File(name: "Changes")) }
      shown += 1
      if shown > Self.most { left += 1 } else { files[files.count - 1].lines.append(line) }
    }
  }

  private static let heads = ["diff --git ", "index ", "--- ", "+++ ", "new file", "deleted file"]

  /// Takes the second half of `a/path b/path`, which are of one length.
  private static func name(in line: String) -> String {
    let names = line.dropFirst("diff --git ".count)
    let half = names.dropFirst(names.count / 2 + 1)
    return String(half.hasPrefix("b/") ? half.dropFirst(2) : half)
  }

  var html: HTML {
    if files.isEmpty { return .nothing }
    let rest: HTML? =
      left == 0 ? nil : "<p>\(left.counted("line")) more: <code>clup sync --dry-run --diff</code> shows all.</p>"
    return Page.section("diff", "Changes in files", "\(files.map(show))\(rest)")
  }

  private func show(_ file: File) -> HTML {
    let added = file.lines.filter { $0.hasPrefix("+") }.count
    let removed = file.lines.filter { $0.hasPrefix("-") }.count
    return """
      <details open class="file" id="file-\(Shown.anchor(file.name))"><summary><code>\(file.name)</code> \
      <span class="age">\(added.counted("line")) added, \(removed) removed</span></summary>
      <pre>\(Shown.lines(file.lines, signed: true).map(line))</pre></details>
      """
  }

  private func line(_ text: String) -> HTML {
    switch text.first {
    case "+": "<ins>\(text)\n</ins>"
    case "-": "<del>\(text)\n</del>"
    case "@": "<span class=\"hunk\">\(text)\n</span>"
    default: "<span>\(text)\n</span>"
    }
  }
}
