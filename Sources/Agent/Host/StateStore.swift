import Core
import Dispatch
import FoundationEssentials
import Git
import Glibc
import Synchronization

/// A deployment, and the id that it is kept under.
struct KeptDeployment: Sendable {
  let id: String
  let deployment: Deployment
}

extension Checkout {
  /// Tells clup's own links, also those that lead to where this checkout lay before.
  func linkPlanning(_ state: State) -> LinkPlanning {
    LinkPlanning(
      pointers: pointers, former: state.formerPlaces.map { "\($0)/stacks" },
      known: state.standing.values.flatMap(\.links.values))
  }

  /// Where each deployment lies under its id, the digest of what it says. It never changes.
  var deployments: String { "\(path)/deployments" }

  func state() throws(Failure) -> State {
    var known: [String: KeptDeployment] = [:]
    return try state(&known)
  }

  /// Reads the state; whoever replaces it meanwhile takes nothing away that this one needs. Of what is `known` by stack nothing
  /// is read again, and what is read is known from then on.
  func state(_ known: inout [String: KeptDeployment]) throws(Failure) -> State {
    for _ in 0..<4 {
      let before = Files.status(stateFile)?.st_ino
      do throws(Failure) {
        let state = try read(&known)
        if state.lost == LostRecords() || Files.status(stateFile)?.st_ino == before { return state }
      } catch {
        if Files.status(stateFile)?.st_ino == before { throw error }
      }
    }
    return try read(&known)
  }

  private func read(_ known: inout [String: KeptDeployment]) throws(Failure) -> State {
    let name = stateFile
    guard let bytes = Files.read(name) else {
      if Files.status(name) != nil { throw Files.unreadable(name) }
      return Files.names(in: deployments).isEmpty ? State() : lost("\(name) is missing")
    }
    if let file = try? JSONDecoder().decode(StateFile.self, from: Data(bytes)), file.schema == State.schema {
      return try read(file, &known)
    }
    let schema = (try? JSON(parsing: bytes))?["schema"]?.string
    if schema == StateVersion1.schema, let old = try? JSONDecoder().decode(StateVersion1.self, from: Data(bytes)) {
      return old.state
    }
    throw Schema.refusal(
      of: name, bytes, knowing: State.schema,
      lost: "the last good commits, the held commits, the pins and the owners of links")
  }

  private func read(_ file: StateFile, _ known: inout [String: KeptDeployment]) throws(Failure) -> State {
    var (read, damaged): ([String: KeptDeployment], [String: String]) = ([:], [:])
    var found = known.values.reduce(into: [:]) { $0[$1.id] = $1.deployment }
    found.merge(deployments(file.ids.filter { found[$0] == nil })) { $1 }
    var state = try file.state { stack, id throws(Failure) -> Deployment? in
      let kept = if let known = found[id] { Optional(known) } else { try deployment(id) }
      if let kept {
        read[stack] = KeptDeployment(id: id, deployment: kept)
      } else {
        damaged[stack] = LostRecords.consequence(for: stack, of: self.file(of: id))
      }
      return kept
    }
    known = read
    state.lost.stacks = damaged
    return state
  }

  private func lost(_ what: String) -> State {
    var state = State()
    state.lost.all = LostRecords.consequence(of: what)
    return state
  }

  private func file(of id: String) -> String { "\(deployments)/\(id).json" }

  /// Writes the state down: first what nobody has kept yet of what it names, then the records. `known` are the ids of the
  /// deployments that were written already, by stack.
  func write(_ state: State, _ known: inout [String: KeptDeployment]) throws(Failure) {
    try keepLost()
    var (fresh, kept): ([String: [UInt8]], [String: KeptDeployment]) = ([:], [:])
    let file = StateFile(state) { stack, deployment in
      if let known = known[stack], known.deployment == deployment {
        kept[stack] = known
        return known.id
      }
      let bytes = encode(deployment)
      let id = blobID(of: bytes)
      if Files.read(self.file(of: id)).map({ blobID(of: $0) }) != id { fresh[id] = bytes }
      kept[stack] = KeptDeployment(id: id, deployment: deployment)
      return id
    }
    try reserve.givingRoom { () throws(Failure) in
      try keepVersion1()
      try Files.makeDirectories(deployments, mode: 0o700)
      for (id, bytes) in fresh { try Files.replace(self.file(of: id), with: bytes, mode: 0o600) }
      try Files.replace(stateFile, with: encode(file), mode: 0o600)
    }
    known = kept
  }

  /// Removes the deployments that no record names any more, and what a write that was cut off has left.
  func sweepDeployments(keeping known: [String: KeptDeployment]) {
    let needed = Set(known.values.map { "\($0.id).json" })
    for name in Files.names(in: deployments) where !needed.contains(name) { Files.remove("\(deployments)/\(name)") }
  }

  /// Reads those deployments that can be read, several at once.
  private func deployments(_ ids: [String]) -> [String: Deployment] {
    let read = Mutex<[String: Deployment]>([:])
    let size = 16
    DispatchQueue.concurrentPerform(iterations: (ids.count + size - 1) / size) { part in
      let own = ids.dropFirst(part * size).prefix(size).reduce(into: [:]) { $0[$1] = try? deployment($1) }
      read.withLock { $0.merge(own) { $1 } }
    }
    return read.withLock { $0 }
  }

  /// Reads a deployment; nothing where its file is gone, or is not what was written there.
  private func deployment(_ id: String) throws(Failure) -> Deployment? {
    let name = file(of: id)
    guard let bytes = Files.read(name) else {
      if let found = Files.status(name), Files.isRegular(found), errno != EIO {
        throw Files.unreadable(name)
      }
      return nil
    }
    guard blobID(of: bytes) == id else { return nil }
    guard let deployment = try? JSONDecoder().decode(Deployment.self, from: Data(bytes)) else {
      throw Failure(.host, "\(name) was written by a later version of clup", help: "install that version again")
    }
    return deployment
  }

  /// Deployments that nobody knows now stay: the file that names them may come back from a backup.
  private func keepLost() throws(Failure) {
    guard Files.status(stateFile) == nil, !Files.names(in: deployments).isEmpty else { return }
    let kept = "\(deployments).lost-\(time(nil))"
    guard rename(deployments, kept) == 0 else { throw Files.failure("cannot keep \(deployments) as \(kept)") }
  }

  /// What an earlier version wrote stays next to what takes its place.
  private func keepVersion1() throws(Failure) {
    let (name, kept) = (stateFile, "\(path)/state-1.json")
    // Whoever wrote deployments has read it, and kept it.
    guard Files.status(deployments) == nil, Files.status(name) != nil, Files.status(kept) == nil else { return }
    guard link(name, kept) == 0 else { throw Files.failure("cannot keep \(name) as \(kept)") }
  }
}
