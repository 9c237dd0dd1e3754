// swift-tools-version: 6.0
import PackageDescription

// Arrows are the allowed imports; `Tests/StructureTests` holds every `import` line against this table.
let package = Package(
  name: "clup",
  products: [.executable(name: "clup", targets: ["clup"])],
  targets: [
    .systemLibrary(name: "CGit2", pkgConfig: "libgit2", providers: [.apt(["libgit2-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
      name: "CMicrohttpd", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev", "libgnutls28-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-gnutls-dev"])]),
    .target(name: "CLinux"),

    .target(name: "Git", dependencies: ["CGit2"]),
    .target(name: "YAML", dependencies: ["CYAML"]),
    .target(name: "HTTPServer", dependencies: ["CMicrohttpd"]),
    .target(name: "Processes", dependencies: ["CLinux"]),
    .target(name: "JSONText"),
    .target(name: "Engine", dependencies: ["CCurl", "JSONText"]),
    .target(name: "Core", dependencies: ["JSONText", "YAML"]),
    .target(name: "Agent", dependencies: ["Core", "Git", "JSONText", "YAML", "Processes", "Engine"]),
    .target(name: "Daemon", dependencies: ["Agent", "Core", "HTTPServer", "Processes"]),
    .target(name: "CLI", dependencies: ["Agent", "Core", "Daemon"]),
    .executableTarget(name: "clup", dependencies: ["CLI"]),

    .testTarget(name: "GitTests", dependencies: ["Git", "Processes"]),
    .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
    .testTarget(name: "JSONTextTests", dependencies: ["JSONText"]),
    .testTarget(name: "ProcessesTests", dependencies: ["Processes", "FenceProbe"]),
    .executableTarget(name: "FenceProbe", dependencies: ["Processes"], path: "Tests/FenceProbe"),
    .testTarget(name: "EngineTests", dependencies: ["Engine"]),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer", "Processes"]),
    .testTarget(name: "CoreTests", dependencies: ["Core", "YAML"]),
    .testTarget(name: "AgentTests", dependencies: ["Agent", "Core", "Git"]),
    .testTarget(name: "DaemonTests", dependencies: ["Agent", "Core", "Daemon", "HTTPServer"]),
    .testTarget(name: "CLITests", dependencies: ["CLI", "Core"]),
    .testTarget(name: "StructureTests"),
    .testTarget(name: "EndToEndTests", dependencies: ["Core", "Processes"]),
    // Kills clup at a system call of the tests' choice; part of no release.
    .executableTarget(name: "KillAt", path: "Tests/KillAt"),
  ],
  swiftLanguageModes: [.v6]
)
