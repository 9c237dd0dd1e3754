import Core
import Glibc

/// What a sync finds out before it reads the commit and the state: where the repository leads, and what runs. The two are
/// asked for at once.
struct EarlyCheck: Sendable {
  let head: Sources.Answer<FollowedHead>
  private let listing: Task<Result<[Container], Failure>, Never>
  private let asked: ContinuousClock.Instant
  private let checkout: Checkout
  /// The file of the records as it was then.
  private let records: String?
  /// What the last sync saw, where all of it is the same: then there is nothing to do.
  let same: LastCheck?
  /// What the last sync saw, where at least the disk is the same.
  let sameDisk: LastCheck?
  /// Whether the last sync that looked had the same configuration: then the checkout is no other host's.
  let isOwn: Bool

  /// How long a listing counts as what runs now.
  private static let freshness = Duration.seconds(1)

  /// Asks for both, and compares with what the last sync saw. Where the head alone tells that there is something to do, the
  /// engine is not waited for.
  init(since check: LastCheck, fetch: Fetch, programs: Programs) async throws(Failure) {
    let settings = fetch.settings
    (asked, isOwn) = (.now, check.isOf(settings))
    (checkout, records) = (fetch.checkout, Files.version(of: fetch.checkout.stateFile))
    let listing = Task(executorPreference: WorkExecutor()) { await Self.list(programs, settings.liveRoot) }
    self.listing = listing
    async let isSameDisk = check.isSame(onDiskAt: settings.liveRoot)
    do throws(Failure) { head = try await fetch.head() } catch {
      listing.cancel()
      throw error
    }
    sameDisk = await isSameDisk ? check : nil
    guard head.value.commit == check.commit, sameDisk != nil, case .success(let now) = await Self.ended(listing),
      check.isSame(head.value, programs, settings, now)
    else {
      // Where the engine is away, a whole sync says so.
      same = nil
      return
    }
    same = check
  }

  /// The containers, unless they were listed too long ago, or somebody has written records since.
  func fresh() async -> [Container]? {
    guard Files.version(of: checkout.stateFile) == records else { return nil }
    return asked.duration(to: .now) < Self.freshness ? try? await Self.ended(listing).get() : nil
  }

  /// Waits for a listing, which ends with whoever waits for it.
  private static func ended(_ listing: Task<Result<[Container], Failure>, Never>) async -> Result<[Container], Failure>
  {
    await withTaskCancellationHandler {
      await listing.value
    } onCancel: {
      listing.cancel()
    }
  }

  private static func list(_ programs: Programs, _ liveRoot: String) async -> Result<[Container], Failure> {
    do throws(Failure) { return .success(try await programs.containers(of: liveRoot)) } catch { return .failure(error) }
  }
}

extension SyncRequest {
  /// Whether it asks for no more than that the host is what the repository says.
  var isPlain: Bool {
    !dryRun && !diff && !isRepair && stacks.isEmpty && commit == nil && acceptRewrite == nil && !retry && !resume
      && rollback == nil
  }
}

extension Sync {
  /// What a whole sync saw that found nothing to do.
  struct HostCheck {
    let head: FollowedHead
    let observed: Observed
    let containers: [Container]
    let state: State
  }

  /// Makes what asks the repository.
  func fetch(_ checkout: Checkout) -> Fetch {
    Fetch(settings: settings, checkout: checkout, environment: environment, notes: !request.dryRun, say: say)
  }

  /// Looks whether anything is another than the last sync saw; nothing where that is not known.
  func early(_ checkout: Checkout, _ programs: Programs) async throws(Failure) -> EarlyCheck? {
    guard request.isPlain, let check = LastCheck(of: checkout) else { return nil }
    return try await EarlyCheck(since: check, fetch: fetch(checkout), programs: programs)
  }

  /// Looks once more at what a sync saw; nothing where it is another now.
  func places(_ seen: HostCheck?, _ report: Report, _ checkout: Checkout, began: timespec) -> PathStates? {
    guard let seen else { return nil }
    let (state, place) = (seen.state, LastCheck.place(of: settings))
    let observe = Observe(
      settings: settings, checkout: checkout, links: checkout.linkPlanning(state))
    let names = Set(report.stacks.map(\.name)).union(state.standing.keys)
      .union(state.links.filter { $0.value.kind == .link }.keys.map(LinkPlanning.shared))
    return PathStates(
      observed: seen.observed, by: observe, names: names,
      decide: ["/proc/self/exe", place, AcceptedFindings.file(beside: place)],
      began: began)
  }

  /// Keeps what was seen, for the next sync to compare with.
  func remember(
    _ seen: HostCheck, at places: PathStates, _ report: Report, _ programs: Programs, _ checkout: Checkout
  ) {
    let mirror = checkout.mirror
    var places = places
    places.add([
      checkout.stateFile, checkout.historyFile, "\(mirror)/HEAD", "\(mirror)/refs/clup/trusted",
      "\(mirror)/refs/clup/tag", "\(mirror)/refs/heads/\(settings.follow.mirrorBranch)",
    ])
    LastCheck(
      report, head: seen.head, programs: programs, settings: settings, places: places, containers: seen.containers
    )?.write(to: checkout)
  }
}

extension Sync.Ended {
  /// The same with the time that it took.
  func closed(_ start: ContinuousClock.Instant) -> Sync.Ended {
    var ended = self
    ended.report.durationMs = (ContinuousClock.now - start).milliseconds
    return ended
  }
}

extension Report {
  /// Says that all is as the last sync saw it.
  mutating func take(_ check: LastCheck) {
    (stacks, links) = check.stacks
    (commit, outcome) = (check.commit, .unchanged)
  }
}
