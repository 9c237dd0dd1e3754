/// What validation does not know, and the host allows: `policy: {options: …}`.
public struct AllowedOptions: Sendable, Equatable {
  /// Volume drivers, and file system types of the local driver such as `nfs`.
  var volumeDrivers: [String] = []
  var logDrivers: [String] = []
  /// Network and address drivers.
  var networkDrivers: [String] = []
  var networkOptions: [String] = []
  var runtimes: [String] = []
  /// Values of `security_opt`.
  var securityOptions: [String] = []
  var sysctls: [String] = []
  /// Keys of the Compose file, `*` for a chosen name: `services.*.annotations`.
  var keys: [String] = []

  /// Each list with its key in the configuration.
  static let lists: [(key: String, path: WritableKeyPath<AllowedOptions, [String]> & Sendable)] = [
    ("volume_drivers", \.volumeDrivers), ("log_drivers", \.logDrivers), ("network_drivers", \.networkDrivers),
    ("network_options", \.networkOptions), ("runtimes", \.runtimes), ("security_opt", \.securityOptions),
    ("sysctls", \.sysctls), ("keys", \.keys),
  ]

  /// A text that changes whenever something else is allowed.
  var fingerprint: String { Self.lists.map { "\($0.key) \(self[keyPath: $0.path])" }.joined(separator: " ") }
}
