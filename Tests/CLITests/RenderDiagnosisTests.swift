@testable import CLI
import Core
import Testing

@Suite("A diagnosis for people")
struct RenderDiagnosisTests {
  static let found = Diagnosis(
    host: "claw",
    checks: [
      Check(.host, "kernel", .good, found: "Linux 6.1", expected: "5.4 or later"),
      Check(
        .host, "clock", .warning, found: "not synchronised", expected: "synchronised",
        help: "`timedatectl set-ntp true`"),
      Check(
        .stacks, "a-service-with-a-long-name", stack: "gw", .failed, found: "exited with 1\u{1B}[2J",
        expected: "running",
        help: "`docker logs a-service` says why; `clup sync --stack gw` starts it again"),
      Check(.service, "unit", skipped: "systemd does not run here"),
    ])

  @Test func `what is good is one line, the rest says what was expected and how to fix it`() {
    #expect(
      Render.diagnosis(Self.found, width: 72, ink: Ink(isOn: false)) == [
        "Host", "  ✓ kernel                Linux 6.1", "  ! clock                 not synchronised",
        "                          expected: synchronised",
        "                          fix: `timedatectl set-ntp true`", "", "Stacks · gw",
        "  ✗ a-service-with-a-long-name", "                          exited with 1[2J",
        "                          expected: running",
        "                          fix: `docker logs a-service` says why;",
        "                               `clup sync --stack gw` starts it again", "", "clup",
        "  - unit                  skipped: systemd does not run here", "",
        "  ✗ a-service-with-a-long-name (gw)", "claw: 1 ok, 1 warning, 1 failed, 1 skipped",
      ])
  }

  @Test func `no line is wider than the terminal, and colours are for terminals`() {
    for width in [60, 80, 120] {
      let lines = Render.diagnosis(Self.found, width: width, ink: Ink(isOn: false))
      #expect(lines.allSatisfy { $0.count <= width && !$0.contains("\u{1B}") })
    }
    #expect(Render.diagnosis(Self.found, width: 80, ink: Ink(isOn: true)).contains { $0.contains("\u{1B}[31m✗") })
  }
}
