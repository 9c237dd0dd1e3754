/// Describes a program to start: what it is given, how long it may take and how much it may say.
public struct Command: Sendable {
  /// The absolute path of the program.
  public var executable: String
  /// The arguments, without the program's own name.
  var arguments: [String]
  /// The complete environment: nothing is inherited.
  var environment: [String: String]
  /// The directory to start in; `nil` for the caller's own.
  var directory: String?
  /// The bytes written to standard input, which is then closed. Empty: standard input is `/dev/null`.
  var input: [UInt8]
  /// The longest time from the start; then the process group is ended.
  var deadline: Duration
  /// The time between SIGTERM and SIGKILL when the process group is ended early.
  public var grace: Duration
  /// The number of bytes kept of each output stream; the rest is read and dropped.
  public var outputLimit: Int
  /// The number of bytes of memory that the program, and each that it starts, may hold; `nil` for no bound.
  var memoryLimit: Int?
  /// The number of bytes of each file that the program, and each that it starts, may write; `nil` for no bound.
  var fileLimit: Int?

  /// Describes a program; see the properties.
  public init(
    _ executable: String,
    _ arguments: [String] = [],
    environment: [String: String] = [:],
    directory: String? = nil,
    input: [UInt8] = [],
    deadline: Duration = .seconds(60),
    grace: Duration = .seconds(5),
    outputLimit: Int = 8 << 20,
    memoryLimit: Int? = nil,
    fileLimit: Int? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.input = input
    self.deadline = deadline
    self.grace = grace
    self.outputLimit = outputLimit
    self.memoryLimit = memoryLimit
    self.fileLimit = fileLimit
  }
}
