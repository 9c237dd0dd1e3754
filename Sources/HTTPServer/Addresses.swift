import Glibc

/// Returns an IP address as text, an IPv4 one that came over an IPv6 socket as IPv4; `nil` for other addresses.
func host(of address: UnsafePointer<sockaddr>) -> String? {
  guard let length = length(of: address) else { return nil }
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
    guard let start = buffer.baseAddress,
      getnameinfo(address, length, start, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST) == 0
    else { return nil }
    let text = String(cString: start)
    return text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst(7)) : text
  }
}

/// Returns the port of an IP address; `nil` for other addresses.
func port(of address: UnsafePointer<sockaddr>) -> UInt16? {
  guard length(of: address) != nil else { return nil }
  // The port has the same place in sockaddr_in and sockaddr_in6.
  return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
}

private func length(of address: UnsafePointer<sockaddr>) -> socklen_t? {
  switch Int32(address.pointee.sa_family) {
  case AF_INET: socklen_t(MemoryLayout<sockaddr_in>.size)
  case AF_INET6: socklen_t(MemoryLayout<sockaddr_in6>.size)
  default: nil
  }
}
