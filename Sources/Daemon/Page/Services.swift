import Core

struct Services {
  private let services: [ServiceReport]
  private let stack: String
  private let time: Time

  /// When the actions are carried out; states are from before a plan, and from after a sync. What is under way is neither good nor
  /// bad yet.
  enum Time { case now, underWay, planned, done }

  init(_ services: [ServiceReport], of stack: String, _ time: Time) {
    self.services = services
    self.stack = stack
    self.time = time
  }

  /// The services behind a line that counts them, open where one of them is not well.
  var folded: HTML {
    if services.isEmpty { return .nothing }
    let well = services.filter { tone($0) != .bad }.count
    let rest = well == services.count ? "" : ", \(services.count - well) not well"
    let open: HTML = rest.isEmpty ? "" : " open"
    return """
      <details\(open)><summary>\(services.count.counted("service"))\(rest)<span class="quiet"> of \(stack)</span></summary>\
      \(table)</details>
      """
  }

  var table: HTML {
    if services.isEmpty { return .nothing }
    let acts = ![.now, .underWay].contains(time) && services.contains { $0.action != .keep }
    let head: HTML = acts ? "<th scope=\"col\">Action</th>" : ""
    return """
      <table><caption class="quiet">Services of \(stack)</caption><thead><tr><th scope="col">Service</th>\(head)\
      <th scope="col">\(time == .planned ? "Now" : "State")</th></tr></thead><tbody>\(services.map { row($0, acts: acts) })</tbody></table>
      """
  }

  private func row(_ service: ServiceReport, acts: Bool) -> HTML {
    let why: HTML? = time == .underWay ? nil : service.reason.map { "<span class=\"why\">\($0)</span>" }
    let action: HTML? = acts ? "<td>\(service.action.rawValue)</td>" : nil
    let state = tone(service).word(service.words)
    return "<tr><th scope=\"row\"><code>\(service.name)</code>\(why)</th>\(action)<td>\(state)</td></tr>"
  }

  /// Tells how well a service is, as far as its state and health say; one that ended and is to be kept was a one-shot.
  private func tone(_ service: ServiceReport) -> Tone {
    let isWell = service.state == "running" && ["healthy", "none"].contains(service.health)
    if time == .underWay { return isWell ? .good : .calm }
    if service.health == "unhealthy" || ["dead", "restarting"].contains(service.state) { return .bad }
    if time == .now, service.action != .keep { return .bad }
    return isWell ? .good : .calm
  }
}

extension ServiceReport {
  fileprivate var words: String { health == "none" ? state : "\(state), \(health)" }
}
