/// The exit status of a command, by which scripts and `clup serve` know how it ended.
///
/// A second signal ends clup at once, with 128 and the number of the signal.
public enum ExitStatus: Int32, Sendable {
  /// Everything is in sync, or the command did what it was asked for.
  case success = 0
  /// A stack or the host failed, a stack is held or waits, or a check failed.
  case failed = 1
  /// The command line or the configuration is wrong.
  case usage = 2
  /// Validation, policy or trust refused the commit.
  case refused = 3
  /// The repository could not be reached.
  case unreachable = 4
  /// Other syncs work on every stack that was asked for.
  case busy = 5
}
