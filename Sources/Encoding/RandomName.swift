/// Returns a name that nobody else uses: 64 random bits in letters and digits.
public func randomName() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }
