import Testing

@testable import Core

@Suite("A network takes nothing that the host has itself") struct HostNetworksTests {
  static func findings(_ network: String, present: Set<String> = []) throws -> [String] {
    let model = try JSON(
      parsing: Array("{\"name\": \"app\", \"services\": {}, \"networks\": {\"n\": \(network)}}".utf8))
    var subject = Subject(
      stack: "app", kind: .stack, model: model, sources: [],
      paths: HostPaths(liveRoot: "/live", checkout: nil, stacks: [:], isHost: true), policy: Policy(),
      today: "2026-01-01")
    var found = Present(networks: present, volumes: [], images: [])
    found.interfaces = [
      "eth0": [AddressRange(0x0ada_0500, bits: 24)], "br-lan": [], "br-own": [AddressRange(0x0a01_0000, bits: 24)],
    ]
    subject.present = found
    return subject.hostNetworks.map(\.message)
  }

  @Test(arguments: [
    (#"{"ipam": {"config": [{"subnet": "10.218.5.0/24"}]}}"#, "through eth0"),
    (#"{"ipam": {"config": [{"subnet": "10.218.5.128/25"}]}}"#, "through eth0"),
    (#"{"ipam": {"config": [{"subnet": "10.218.0.0/16"}]}}"#, "through eth0"),
    (#"{"ipam": {"config": [{"subnet": "10.0.0.0/8"}]}}"#, "far more"),
    (#"{"driver_opts": {"com.docker.network.bridge.name": "br-lan"}}"#, "interface br-lan"),
  ]) func `what the host reaches, or an interface of its own, is refused`(_ network: String, _ words: String) throws {
    let found = try Self.findings(network)
    #expect(found.count == 1 && found[0].contains(words), "\(found)")
  }

  @Test(arguments: [
    #"{"ipam": {"config": [{"subnet": "10.218.6.0/24"}]}}"#, #"{"ipam": {"config": [{"subnet": "fd00::/64"}]}}"#, "{}",
    #"{"driver": "macvlan", "ipam": {"config": [{"subnet": "10.218.5.0/24"}]}}"#,
    #"{"external": true, "name": "lan"}"#, #"{"driver_opts": {"com.docker.network.bridge.name": "br-new"}}"#,
  ]) func `what is free, or meant to be the host's, is not`(_ network: String) throws {
    #expect(try Self.findings(network) == [])
  }

  @Test func `a network that is there keeps its addresses and its bridge`() throws {
    let own =
      #"{"name": "own", "ipam": {"config": [{"subnet": "10.1.0.0/24"}]}, "driver_opts": {"com.docker.network.bridge.name": "br-own"}}"#
    #expect(try Self.findings(own, present: ["own"]) == [])
    #expect(try Self.findings(own).count == 2)
  }
}
