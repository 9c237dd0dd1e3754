import Testing

@testable import Core

/// A context that a builder may take for a path of the host is no clear address.
@Suite("Where a build context leads") struct BuildContextsTests {
  static func isRefused(_ build: [String: JSON]) -> Bool {
    Subject(
      stack: "app", kind: .stack, model: .object(["services": .object(["a": .object(["build": .object(build)])])]),
      sources: [], paths: HostPaths(liveRoot: "/live", checkout: "/live/clup", stacks: ["app": "app"], missing: []),
      policy: Policy(), today: "2026-01-01", environmentFiles: [:]
    ).unclearContexts.isEmpty == false
  }

  @Test(arguments: [
    "/live/app", "https://host.example/a.git#main:sub", "http://localhost:3000/a.git", "git://host.example/a.git",
    "git@host.example:a/b.git", "ssh://git@host.example/a.git", "github.com/docker/compose",
  ]) func `a path, or an address that every builder knows`(_ text: String) {
    #expect(!Self.isRefused(["context": .string(text)]))
  }

  @Test(arguments: [
    "a://../../bank", "ssh://../../bank", "https://host.example/../../../bank", "github.com/x/../../../bank",
    "HTTPS://host.example/a.git", "a://b", "file://../../bank", "file:///etc", "oci-layout://../../bank",
    "docker-image://../../bank", "service:../../x://y",
  ]) func `anything else`(_ text: String) { #expect(Self.isRefused(["context": .string(text)])) }

  @Test(arguments: [
    ("service:b", false), ("docker-image://busybox:1", false), ("oci-layout:///live/app/i", false),
    ("file://i", false), ("a://../../bank", true), ("ssh://../../bank", true),
  ]) func `an additional context may be an image or a service too`(_ text: String, _ isRefused: Bool) {
    #expect(Self.isRefused(["additional_contexts": .object(["x": .string(text)])]) == isRefused)
  }
}
