import CLI
import FoundationEssentials
import Glibc

let process = ProcessInfo.processInfo
let status = await CLI.run(Array(CommandLine.arguments.dropFirst()), environment: process.environment)
exit(status.rawValue)
