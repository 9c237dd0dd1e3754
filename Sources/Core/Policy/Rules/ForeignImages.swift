extension Subject {
  /// Finds images of other stacks that a service runs, builds, mounts or is built from.
  ///
  /// Whoever builds an image under a name that another stack runs or builds decides what that one starts next.
  var foreignImages: [Finding] {
    services.flatMap { service, json -> [Finding] in
      let build = json["build"]
      let own = json["image"]?.string ?? build.map { _ in "\(model["name"]?.string ?? stack)-\(service)" }
      let names = [own].compactMap { $0 } + build["tags"].strings
      return names.compactMap { taken($0, by: service, builds: build != nil) } + borrowed(by: service, json)
        + unknownBuild(of: service, json) + imagesByID(of: service, json) + keptImages(of: service, json)
    }
  }

  private func mountedImages(_ json: JSON) -> [String] {
    json["volumes"].array.filter { $0["type"]?.string == "image" }.compactMap { $0["source"]?.string }
  }

  private func contextImages(_ build: JSON?) -> [String] {
    build["additional_contexts"].object.values.compactMap(\.string).filter { $0.hasPrefix("docker-image://") }
      .map { String($0.dropFirst(15)) }
  }

  /// The engine takes the first digits of an image's id for its name, whosever image that is.
  private func imagesByID(of service: String, _ json: JSON) -> [Finding] {
    let named = [("image", json["image"]?.string)].compactMap { key, name in name.map { (key, $0) } }
    return (named + mountedImages(json).map { ("volumes", $0) }).filter { Image.mayBeID($0.1) }.map { key, name in
      Finding(
        service: service, place: place(service, [key]),
        message: "\(service) names the image \(name), which may be the id of another stack's image",
        help: "write its name with a tag or a digest")
    }
  }

  /// What clup keeps for a stack to go back to is nobody else's.
  private func keptImages(of service: String, _ json: JSON) -> [Finding] {
    let build = json["build"]
    let names =
      [json["image"]?.string].compactMap { $0 } + build["tags"].strings + mountedImages(json) + contextImages(build)
      + (dockerfiles[service]?.images ?? []).map(\.text)
    return names.filter { Image($0).short == State.keptImages }.map { name in
      Finding(
        service: service, place: place(service, "image", item: [name]),
        message: "\(service) names the image \(name), which clup keeps for a stack to go back to",
        help: "write the name that the image was built or pulled under")
    }
  }

  private func taken(_ name: String, by service: String, builds: Bool) -> Finding? {
    let image = Image(name)
    let rival = others.sorted { $0.key < $1.key }.first { _, other in
      other.builds.contains { image.isSame(as: Image($0)) } || builds && other.runs.contains(image.reference)
    }
    if builds, rival == nil { return runByHand(name, service) }
    guard let rival, !policy.shares(.image(name), among: [stack, rival.key]) else { return nil }
    let theirs = rival.value.runs.contains(image.reference) && builds ? "runs" : "builds"
    return Finding(
      service: service, place: place(service, "image", item: [name]),
      message: "\(service) \(builds ? "builds" : "runs") the image \(name), which \(rival.key) \(theirs)",
      help: "give it another name, or \(sharing(name, with: rival.key))")
  }

  /// Whoever builds an image that somebody runs by hand decides what that one starts next.
  private func runByHand(_ name: String, _ service: String) -> Finding? {
    let known = others.values.reduce(into: belongings.projects.union(formerProjects)) { $0.formUnion($1.projects) }
    guard let user = present?.imageUsers[Image(name).reference]?.subtracting(known).min(),
      !policy.shares(.image(name), among: [stack])
    else { return nil }
    return Finding(
      service: service, place: place(service, "image", item: [name]),
      message: "\(service) builds the image \(name), which "
        + (user.isEmpty ? "a container that no project made runs" : "the project \(user) runs"),
      help:
        "give it another name, or share it on the host: `policy: {shared: [{image: \"\(name)\", stacks: [\(stack)]}]}`")
  }

  /// What a container or a build sees of an image that another stack builds.
  private func borrowed(by service: String, _ json: JSON) -> [Finding] {
    let build = json["build"]
    let caches = ["cache_from", "cache_to"].flatMap { build[$0].strings }.flatMap(BuildCache.images)
    let named = (contextImages(build) + caches).map { Dockerfile.Named(parts: [$0]) }
    let groups = [
      ("volumes", "reads", mountedImages(json).map { Dockerfile.Named(parts: [$0]) }),
      ("build", "reads", named),
      ("build", "is built from", dockerfiles[service]?.images ?? []),
    ]
    return groups.flatMap { key, verb, images in
      images.compactMap { named in
        guard let (image, owner) = rival({ named.mayBe($0) }) else { return nil }
        let text = named.parts.contains(nil) ? "\(named.text), which may be \(image)" : named.text
        return Finding(
          service: service, place: place(service, [key]),
          message: "\(service) \(verb) the image \(text), which \(owner) builds", help: sharing(image, with: owner))
      }
    }
  }

  /// A build whose Dockerfile nobody could read may start from any image of the host.
  private func unknownBuild(of service: String, _ json: JSON) -> [Finding] {
    guard let build = json["build"] else { return [] }
    var found: [Finding] = []
    if let frontend = dockerfiles[service]?.frontend ?? build["args"]?["BUILDKIT_SYNTAX"]?.text,
      !Self.frontends.contains(Image(frontend).short)
    {
      found.append(
        Finding(
          service: service, place: place(service, ["build"]),
          message:
            "the Dockerfile of \(service) is read by the program \(frontend), which can build from whatever it likes",
          help: "remove its `# syntax=` line and BUILDKIT_SYNTAX, or use docker/dockerfile"))
    }
    guard let (words, way) = secrecy(of: service, build), let (image, owner) = rival({ _ in true }) else {
      return found
    }
    found.append(
      Finding(
        service: service, place: place(service, ["build"]),
        message: "\(service) is built by a Dockerfile \(words), and may read the image \(image), which \(owner) builds",
        help: way ?? sharing(image, with: owner)))
    return found
  }

  /// Why nobody can tell what a service is built from, and the way out where sharing an image is none.
  private func secrecy(of service: String, _ build: JSON) -> (words: String, way: String?)? {
    let unread = (words: "that clup cannot read (its frontend or its form is not the usual one)", way: String?.none)
    if build["dockerfile_inline"]?.string != nil { return dockerfiles[service] == nil ? unread : nil }
    guard let path = Self.dockerfilePath(build) else { return ("from a server", nil) }
    if Path.relative(path, to: paths.liveRoot).map({ paths.tree?[$0] != nil }) == true {
      if dockerfiles[service] != nil { return nil }
      guard let objection = objection(to: path, readOnly: true) else { return unread }
      // What gives the stack its context gives it the Dockerfile in there.
      let context = build["context"]?.string ?? path
      let place = Path.relative(path, to: context) == nil ? path : context
      return ("that it may not have (\(objection.words))", help(for: place, of: service))
    }
    let writes = others.values.reduce(into: belongings.writes.union(formerWrites)) { $0.formUnion($1.writes) }
    let forms = paths.forms(path)
    let isWritable = writes.contains { write in forms.contains { Path.relative($0, to: write) != nil } }
    return isWritable && paths.isHost ? ("that a container may write to", nil) : nil
  }

  private func rival(_ isMeant: (Image) -> Bool) -> (image: String, owner: String)? {
    others.sorted { $0.key < $1.key }.lazy.flatMap { owner, other in
      other.builds.sorted().map { (image: $0, owner: owner) }
    }.first { image, owner in isMeant(Image(image)) && !isShared(image, with: owner) }
  }

  /// The host may have written the reference without its tag.
  private func isShared(_ image: String, with other: String) -> Bool {
    [image, Image(image).name].contains { policy.shares(.image($0), among: [stack, other]) }
  }

  private func sharing(_ image: String, with other: String) -> String {
    "share it on the host: `policy: {shared: [{image: \"\(image)\", stacks: [\(stack), \(other)]}]}`"
  }

  private static let frontends: Set<String> = ["docker/dockerfile", "docker/dockerfile-upstream"]

  /// Keeps what the services' Dockerfiles take from elsewhere; `texts` has those that are files, by service.
  public mutating func read(dockerfiles texts: [String: String]) {
    for (service, json) in services {
      guard let build = json["build"], let text = build["dockerfile_inline"]?.string ?? texts[service] else { continue }
      // What the builder may read otherwise counts as not read.
      guard Dockerfile.isPlain(text) else { continue }
      dockerfiles[service] = Dockerfile(text, arguments: build["args"].object.mapValues(\.text))
    }
  }

  /// The absolute path of a build's Dockerfile; nothing for a context that is not on this host.
  static func dockerfilePath(_ build: JSON) -> String? {
    guard let context = build["context"]?.string, Path.isAbsolute(context) else { return nil }
    return Path.join(context, build["dockerfile"]?.string ?? "Dockerfile")
  }

  /// The Dockerfiles that the stack may have, by service.
  public var readableDockerfiles: [String: String] {
    services.reduce(into: [:]) { found, service in
      guard let path = service.json["build"].flatMap(Self.dockerfilePath), objection(to: path, readOnly: true) == nil
      else { return }
      found[service.name] = path
    }
  }

  /// The references of the images that a service is built from, as far as they are known.
  public func bases(of service: String) -> [String] {
    (dockerfiles[service]?.images ?? []).filter { !$0.parts.contains(nil) }.map(\.text)
  }
}
