import Core
import Testing

@Suite("What changes in a resolved model is shown value by value, and no secret") struct ModelDiffTests {
  private static func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

  @Test(arguments: [
    (
      "a new image", #"{"services":{"w":{"image":"a"}}}"#, #"{"services":{"w":{"image":"b"}}}"#,
      ["- services.w.image: a", "+ services.w.image: b"]
    ),
    (
      "a new service", #"{"services":{}}"#, #"{"services":{"w":{"image":"b","init":true}}}"#,
      ["+ services.w.image: b", "+ services.w.init: true"]
    ),
    (
      "a mount", #"{"services":{"w":{"volumes":[{"source":"/a"}]}}}"#,
      #"{"services":{"w":{"volumes":[{"source":"/b"}]}}}"#,
      ["- services.w.volumes.0.source: /a", "+ services.w.volumes.0.source: /b"]
    ),
    (
      "a list of words", #"{"services":{"w":{"command":["a"]}}}"#, #"{"services":{"w":{"command":["a","b"]}}}"#,
      [#"- services.w.command: ["a"]"#, #"+ services.w.command: ["a","b"]"#]
    ),
    (
      "the environment", #"{"services":{"w":{"environment":{"A":"1","B":"2"}}}}"#,
      #"{"services":{"w":{"environment":{"B":"3","C":"4"}}}}"#,
      [
        "~ services.w.environment.A: removed", "~ services.w.environment.B: changed",
        "~ services.w.environment.C: added",
      ]
    ),
    (
      "a name that promises a secret", #"{"services":{"w":{"labels":{"db.password":"x"}}}}"#,
      #"{"services":{"w":{"labels":{"db.password":"y"}}}}"#, ["~ services.w.labels.db.password: changed"]
    ),
    (
      "the content of a config", #"{"configs":{"c":{"content":"x"}}}"#, #"{"configs":{"c":{"content":"y"}}}"#,
      ["~ configs.c.content: changed"]
    ),
    (
      "a value of the `.env`", #"{"services":{"w":{"image":"a:hidden"}}}"#, #"{"services":{"w":{"image":"b:hidden"}}}"#,
      ["- services.w.image: a:${V}", "+ services.w.image: b:${V}"]
    ),
    ("nothing", #"{"name":"p","services":{"w":{"image":"a"}}}"#, #"{"name":"q","services":{"w":{"image":"a"}}}"#, []),
  ])
  func lines(_ case: String, _ old: String, _ new: String, _ lines: [String]) throws {
    let diff = ModelDiff { $0.replacing("hidden", with: "${V}") }
    #expect(diff.lines(from: try Self.json(old), to: try Self.json(new)) == lines)
  }
}
