import Foundation
import Processes
import Synchronization

// Raises a fence, which cannot be lowered again, and tells on standard output what goes behind it:
//   FenceProbe attempts INSIDE OTHER OUTSIDE   each attempt by each kind of thread and child, with its error number
//   FenceProbe race INSIDE OUTSIDE             while threads come and go: the microseconds it took, and who is not held
//   FenceProbe deaf INSIDE                     with a thread that blocks every signal
//   FenceProbe exec PATH... -- PROGRAM ...     another program
let words = Array(CommandLine.arguments.dropFirst())

func raised(_ writable: [String], deadline: Duration = .seconds(10)) -> Bool {
  do {
    let raised = try Fence.raise(writable: writable, deadline: deadline)
    print("raised \(raised)")
    return raised
  } catch {
    print("error \(error)")
    return false
  }
}

switch words.first {
case "attempts":
  let places = Places(inside: words[1], other: words[2], outside: words[3])
  let tell: @Sendable (String) -> Void = { who in
    for (name, error) in places.forbidden(who) { print("refused|\(who)|\(name)|\(error)") }
    for (name, error) in places.allowed(who) { print("done|\(who)|\(name)|\(error)") }
  }
  let waiting = Waiting(workers: 3, threads: 3, tell)
  _ = try await run(Command("/bin/true"))
  guard raised([places.inside, places.other, "/dev"]) else { exit(1) }
  tell("main")
  waiting.go()
  inNewThread { tell("new thread") }
  await Task.detached { tell("task") }.value
  DispatchQueue(label: "late").sync { tell("sync") }
  for (who, script) in [
    ("child", "echo x >>\(places.outside)/file"), ("grandchild", "sh -c 'echo x >\(places.outside)/new'; exit $?"),
    ("remover", "rm -rf \(places.outside)/file"), ("escapee", "setsid sh -c 'echo x >\(places.outside)/new'"),
  ] {
    let outcome = try await run(Command("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"]))
    print("refused|\(who)|\(script)|\(outcome.errorText.contains("Permission denied") ? EACCES : 0)")
  }
  let inside = try await run(Command("/bin/sh", ["-c", "echo x >\(places.inside)/child && echo x >/dev/null"]))
  print("done|child|write inside|\(inside.succeeded ? 0 : EACCES)")

case "race":
  let free = Atomic(0)
  let check: @Sendable (String) -> Void = { _ in
    if opened(words[2] + "/file", O_WRONLY) != EACCES { free.wrappingAdd(1, ordering: .relaxed) }
  }
  let isRaised = Atomic(false)
  let waiting = Waiting(workers: 4, threads: 3, check)
  let chain = Chain { if isRaised.load(ordering: .sequentiallyConsistent) { check("link of the chain") } }
  _ = try await run(Command("/bin/true"))
  let start = ContinuousClock.now
  guard raised([words[1]]) else { exit(1) }
  let time = start.duration(to: .now)
  isRaised.store(true, ordering: .sequentiallyConsistent)
  check("main")
  waiting.go()
  chain.stop()
  inNewThread { check("new thread") }
  print("free \(free.load(ordering: .relaxed))")
  print("microseconds \(time / .microseconds(1))")

case "deaf":
  let waiting = Waiting(workers: 0, threads: 1) { _ in }
  let ready = DispatchSemaphore(value: 0)
  let late = DispatchSemaphore(value: 0)
  Thread.detachNewThread {
    var every = sigset_t()
    sigfillset(&every)
    pthread_sigmask(SIG_BLOCK, &every, nil)
    ready.signal()
    late.wait()
    // What was asked in vain is answered now, and must not end the process.
    pthread_sigmask(SIG_UNBLOCK, &every, nil)
    ready.signal()
  }
  @Sendable func wait() { ready.wait() }
  wait()
  _ = raised([words[1]], deadline: .milliseconds(200))
  late.signal()
  wait()
  waiting.go()
  print("alive")

case "exec":
  let end = words.firstIndex(of: "--") ?? words.count
  _ = raised(Array(words[1..<end]))
  let program = Array(words[(end + 1)...])
  var arguments: [UnsafeMutablePointer<CChar>?] = program.map { strdup($0) }
  arguments.append(nil)
  fflush(nil)
  execv(program[0], &arguments)
  print("error \(errno)")
  exit(127)

default:
  exit(2)
}
