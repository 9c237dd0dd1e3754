import Core
import Foundation
import Testing

@testable import CLI

@Suite("A rule is explained") struct ExplainTests {
  @Test(arguments: Rule.all.map(\.id)) func `a program gets what the page says`(_ id: String) throws {
    let rule = try CLI.rule(id)
    let json = try JSONDecoder().decode([String: String].self, from: JSONEncoder().encode(Explanation(rule)))
    #expect(json["rule"] == id && json["severity"] == rule.severity.rawValue)
    let page = Explanation.page(of: rule)
    for name in ["summary", "why", "help", "waive"] { #expect(page.contains(try #require(json[name])), "\(name)") }
    #expect(json["refused"] == rule.bad && json["accepted"] == rule.good && json.count == 8)
  }
}
