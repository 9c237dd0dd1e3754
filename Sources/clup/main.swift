import CLI
import FoundationEssentials
import Glibc

let process = ProcessInfo.processInfo
exit(await CLI.run(Array(CommandLine.arguments.dropFirst()), environment: process.environment))
