import Glibc

/// Writes a moment down as strftime(3) does, in the time of this host or in UTC.
func text(of moment: time_t, as format: String, inUTC: Bool = false) -> String {
  var (moment, parts) = (moment, tm())
  if inUTC { gmtime_r(&moment, &parts) } else { localtime_r(&moment, &parts) }
  var buffer = [CChar](repeating: 0, count: 32)
  let count = strftime(&buffer, buffer.count, format, &parts)
  return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Returns the day on this host, `YYYY-MM-DD`.
func today() -> String { text(of: time(nil), as: "%Y-%m-%d") }
