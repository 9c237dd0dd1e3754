import Core
import HTTPServer

extension Routes {
  /// Gives a page for people, where the path names one.
  func page(_ request: HTTPRequest) async -> HTTPResponse? { nil }
}
