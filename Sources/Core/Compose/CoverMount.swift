/// A read-only mount of a stack's own directory, laid over the place where a container could write to it: a service that
/// mounts the directory above, `..:/data`, sees its Compose files at `/data/compose` and cannot change them.
///
/// A mount point cannot be renamed by who is in the container, but what is above one could be. So the directory has to lie right
/// below what is mounted, and that right below the container's root.
public struct CoverMount: Codable, Sendable, Equatable {
  /// The stack's directory on the host, an absolute path.
  let source: String
  /// The path in the container.
  let target: String

  /// Describes a mount.
  public init(source: String, target: String) { (self.source, self.target) = (source, target) }

  /// Whether nobody in a container that has a path of the host at a target could move this mount away.
  public func isRightBelow(_ source: String, _ target: String) -> Bool {
    Path.parent(self.source) == source && Path.parent(self.target) == target && Path.parent(target) == "/"
      && target != "/" && Path.name(self.source) == Path.name(self.target)
  }

  fileprivate var json: JSON {
    let (source, target) = (source.replacing("$", with: "$$"), target.replacing("$", with: "$$"))
    return .object([
      "type": .string("bind"), "source": .string(source), "target": .string(target), "read_only": .bool(true),
      "bind": .object(["create_host_path": .bool(false)]),
    ])
  }

  /// Whether a service has it already.
  fileprivate func stands(in service: JSON) -> Bool {
    service["volumes"].array.contains { mount in
      mount["type"]?.string == "bind" && mount["read_only"]?.bool == true
        && mount["source"]?.unescaped.string.map(Path.normalized) == source
        && mount["target"]?.unescaped.string.map(Path.normalized) == target
    }
  }
}

extension JSON {
  /// Finds the mounts that keep services of a resolved model from their stack's directory, by service; `forms` are the
  /// absolute paths by which the directory is known. Where a service has something else at the place or below it, nothing is
  /// laid over it.
  public func covers(of forms: Set<String>) -> [String: [CoverMount]] {
    unescaped["services"].object.compactMapValues { service in
      let covers = service["volumes"].array.compactMap { mount -> CoverMount? in
        guard mount["type"]?.string == "bind", mount["read_only"]?.bool != true,
          let source = mount["source"]?.string.map(Path.normalized),
          let target = mount["target"]?.string.map(Path.normalized)
        else { return nil }
        return forms.sorted().map { CoverMount(source: $0, target: Path.join(target, Path.name($0))) }
          .first { $0.isRightBelow(source, target) }
      }.filter { cover in
        cover.stands(in: service)
          || !service.mountPoints.contains { Path.relative($0, to: cover.target) != nil }
      }
      return covers.isEmpty ? nil : covers
    }
  }

  /// Every path in the container at which a service of a resolved model has something mounted.
  private var mountPoints: [String] {
    let named = ["volumes", "configs", "secrets"].flatMap { self[$0].array.compactMap { $0["target"]?.string } }
    let temporary = (self["tmpfs"]?.string.map { [$0] } ?? self["tmpfs"].strings).map { text in
      String(text.prefix { $0 != ":" })
    }
    return (named + temporary).map(Path.normalized)
  }

  /// Adds mounts to the services of a resolved model that do not have them yet.
  public func covered(by covers: [String: [CoverMount]]) -> JSON {
    changing("services") { services in
      for (name, mounts) in covers {
        guard let service = services[name] else { continue }
        let missing = mounts.filter { !$0.stands(in: service) }.map(\.json)
        services[name] = .object(service.object.merging(["volumes": .array(service["volumes"].array + missing)]) { $1 })
      }
    }
  }
}

extension DesiredStack {
  /// The mounts that keep its services from its own directory, by service.
  public var covers: [String: [CoverMount]] {
    Dictionary(services.compactMap { service in service.covers.map { (service.name, $0) } }) { first, _ in first }
  }
}
