// swift-tools-version: 6.0
import PackageDescription

// Arrows are the allowed imports; `Tests/StructureTests` holds every `import` line against this table.
// `deploy/version` prints what CLUP_VERSION should be; deploy/install does so. A build by hand is of no version.
let version = Context.environment["CLUP_VERSION"] ?? "0.1.0-dev"

let package = Package(
  name: "clup",
  products: [.executable(name: "clup", targets: ["clup"])],
  targets: [
    .systemLibrary(name: "CGit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
      name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev", "libgnutls28-dev"])]),
    .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
    .target(name: "CLinux"),
    // In C, so that another version compiles one file anew and no module.
    .target(name: "CVersion", cSettings: [.define("CLUP_VERSION", to: "\"\(version)\"")]),

    .target(name: "Encoding"),
    .target(name: "Git", dependencies: ["CGit2", "Encoding"]),
    .target(name: "YAML", dependencies: ["CYAML"]),
    .target(name: "HTTPServer", dependencies: ["CMicrohttpd"]),
    .target(name: "Processes", dependencies: ["CLinux"]),
    .target(name: "Digests", dependencies: ["CGnuTLS", "Encoding"]),
    .target(name: "Engine", dependencies: ["CCurl", "Encoding"]),
    .target(name: "Core", dependencies: ["Encoding", "YAML"]),
    .target(name: "Agent", dependencies: ["Core", "Digests", "Encoding", "Engine", "Git", "Processes", "YAML"]),
    .target(name: "Daemon", dependencies: ["Agent", "Core", "Encoding", "HTTPServer", "Processes"]),
    .target(name: "CLI", dependencies: ["Agent", "Core", "CVersion", "Daemon", "Encoding"]),
    .executableTarget(name: "clup", dependencies: ["CLI"]),

    .testTarget(name: "EncodingTests", dependencies: ["Encoding"]),
    .testTarget(name: "GitTests", dependencies: ["Git", "Processes"]),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
    .testTarget(name: "ProcessesTests", dependencies: ["Processes", "FenceProbe"]),
    .executableTarget(name: "FenceProbe", dependencies: ["Processes"], path: "Tests/FenceProbe"),
    .testTarget(name: "EngineTests", dependencies: ["Engine"], exclude: ["Answers"]),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "Processes"]),
    .testTarget(name: "CoreTests", dependencies: ["Core", "YAML"]),
    .testTarget(name: "DigestsTests", dependencies: ["Digests"]),
    .testTarget(name: "AgentTests", dependencies: ["Agent", "Core", "Digests", "Git"]),
    .testTarget(name: "DaemonTests", dependencies: ["Agent", "Core", "Daemon", "HTTPServer"]),
    .testTarget(name: "CLITests", dependencies: ["CLI", "Core", "Processes"]),
    .testTarget(name: "StructureTests"),
    .testTarget(name: "EndToEndTests", dependencies: ["Core", "Digests", "Processes"]),
    // Kills clup at a system call of the tests' choice; part of no release.
    .executableTarget(name: "KillAt", path: "Tests/KillAt"),
  ],
  swiftLanguageModes: [.v6]
)

// Most of what a short sync holds are pages of its program: a smaller one is worth more here than a faster one.
for target in package.targets where [.regular, .executable].contains(target.type) {
  target.swiftSettings = [.unsafeFlags(["-Osize"], .when(configuration: .release))]
}

// Tests/fuzz builds this with libFuzzer, which takes the place of a main program.
if Context.environment["CLUP_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "Fuzz",
      dependencies: ["Agent", "CLI", "CGit2", "Core", "Daemon", "Digests", "Engine", "Git", "HTTPServer", "YAML"],
      path: "Tests/Fuzz", exclude: ["corpus"]))
}
