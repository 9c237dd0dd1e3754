import Core

/// A plan while it is made: each step of `Prepare` adds to it.
struct PlanDraft: Sendable {
  /// The stacks of the commit, and those that are pinned.
  let names: Set<String>
  /// Those among them that the sync is about.
  let chosen: Set<String>
  /// The containers, or nothing where the engine does not answer.
  let containers: [Container]?
  /// Where each stack is to go.
  var targets: [String: StackTarget]
  var observed: Observed
  /// Each commit that a stack is brought to.
  var snapshots: CommitSnapshots
  /// Why each stack is looked at more closely.
  var reasons: [String: [String]] = [:]
  /// The stacks that are looked at only because what may run is judged again.
  var judgedAgain: Set<String> = []
  /// What Compose is asked about, and at which commit.
  var sources: [Prepare.Work] = []
  /// The stacks that are kept at what was good, each with its record.
  var kept: [String: Deployment] = [:]
  /// The stacks whose takeover was cut off and cannot go on: what a person ran comes back.
  var abandoned: Set<String> = []
  var answers: [Resolve.Answer] = []
  /// What the configuration's `links:` are to be, by live path.
  var wishes: [String: DesiredLink] = [:]
  var desired: [String: DesiredStack] = [:]
  /// The project of each stack that Compose was asked about.
  var projects: [String: String] = [:]
  /// The images that stacks are to go back to and that are gone, as reasons.
  var lost: [String: [String]] = [:]
  var diagnostics: [Diagnostic] = []
}
