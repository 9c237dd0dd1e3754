/// A read-only mount of a stack's own directory, laid over the place where a container could write to it: a service that
/// mounts the directory above, `..:/data`, sees its Compose files at `/data/compose` and cannot change them.
public struct CoverMount: Codable, Sendable, Equatable {
  /// The stack's directory on the host, an absolute path.
  public let source: String
  /// The path in the container.
  public let target: String

  fileprivate var json: JSON {
    let (source, target) = (source.replacing("$", with: "$$"), target.replacing("$", with: "$$"))
    return .object([
      "type": .string("bind"), "source": .string(source), "target": .string(target), "read_only": .bool(true),
      "bind": .object(["create_host_path": .bool(false)]),
    ])
  }
}

extension JSON {
  /// Finds the mounts that keep services of a resolved model from their stack's directory, by service; `forms` are the
  /// absolute paths by which the directory is known.
  ///
  /// Only the directory right above can be mounted so: nobody renames a mount point, but what is above one could be. Where
  /// the model has something at the place itself, nothing is laid over it.
  public func covers(of forms: Set<String>) -> [String: [CoverMount]] {
    let plain = undollared
    let volumes = ComposeModel.bindVolumes(plain)
    return plain["services"].object.compactMapValues { service in
      let mounts = service["volumes"].array
      let taken = Set(mounts.compactMap { $0["target"]?.string.map(Path.normalized) })
      let covers = mounts.compactMap { mount -> CoverMount? in
        guard let text = mount["source"]?.string, let target = mount["target"]?.string,
          mount["read_only"]?.bool != true
        else { return nil }
        let volume = mount["type"]?.string == "volume" ? volumes[text] : (text, false)
        guard let volume, !volume.isReadOnly else { return nil }
        let source = Path.normalized(volume.path)
        guard let own = forms.sorted().first(where: { Path.parent($0) == source }) else { return nil }
        let place = Path.join(Path.normalized(target), Path.name(own))
        return taken.contains(place) ? nil : CoverMount(source: own, target: place)
      }
      return covers.isEmpty ? nil : covers
    }
  }

  /// Adds mounts to the services of a resolved model.
  public func covered(by covers: [String: [CoverMount]]) -> JSON {
    guard !covers.isEmpty, case .object(var members) = self, let services = self["services"]?.object else {
      return self
    }
    members["services"] = .object(
      services.merging(
        covers.reduce(into: [:]) { found, entry in
          guard let service = services[entry.key] else { return }
          let volumes = JSON.array(service["volumes"].array + entry.value.map(\.json))
          found[entry.key] = .object(service.object.merging(["volumes": volumes]) { $1 })
        }
      ) { $1 })
    return .object(members)
  }
}

extension DesiredService {
  /// What is laid over the service's part of the Compose files to mount its covers; nothing where it has none.
  public var coverFields: [String: JSON] { covers.map { ["volumes": .array($0.map(\.json))] } ?? [:] }
}

extension DesiredStack {
  /// The mounts that keep its services from its own directory, by service.
  public var covers: [String: [CoverMount]] {
    Dictionary(services.compactMap { service in service.covers.map { (service.name, $0) } }) { first, _ in first }
  }
}
