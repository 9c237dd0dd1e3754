/// Reads what gpgv writes to its status descriptor; see doc/DETAILS of GnuPG, "Format of the --status-fd output".
public enum OpenPGPStatus {
  /// Returns what the lines mean for a signature that was made at `time`, in seconds since 1970.
  ///
  /// An expired key counts where it expired only after that time, a revoked one never: whoever has a key can write any time
  /// into what it signs. More than one signature is none that can be judged.
  public static func check(_ text: String, at time: Int64) -> SignatureCheck {
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("[GNUPG:] ") }.map {
      $0.dropFirst(9).split(separator: " ").map(String.init)
    }
    func all(_ keyword: String) -> [[String]] { lines.filter { $0.first == keyword } }
    let verdicts = ["GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"].flatMap(all)
    guard let verdict = verdicts.first, verdicts.count == 1, verdict.count > 1 else {
      return SignatureCheck(
        .badSignature, detail: verdicts.isEmpty ? "it cannot be read" : "it holds more than one signature")
    }
    let signer = verdict[0] == "ERRSIG" ? nil : verdict.dropFirst(2).joined(separator: " ")
    let valid = all("VALIDSIG")
    let key = valid.first?.dropFirst().first ?? verdict[1]
    switch verdict[0] {
    case "GOODSIG", "EXPKEYSIG":
      guard valid.count == 1, let made = valid[0].dropFirst(3).first.flatMap({ Int64($0) }) else {
        return SignatureCheck(.badSignature, signer: signer, key: key, detail: "gpgv did not call it valid")
      }
      if verdict[0] == "GOODSIG" { return SignatureCheck(.good, signer: signer, key: key) }
      // The first one that expired: the key itself or the one that it belongs to.
      guard let end = all("KEYEXPIRED").compactMap({ $0.dropFirst().first.flatMap { Int64($0) } }).min(),
        max(time, made) < end
      else { return SignatureCheck(.expiredKey, signer: signer, key: key) }
      return SignatureCheck(.good, signer: signer, key: key)
    case "REVKEYSIG": return SignatureCheck(.revokedKey, signer: signer, key: key)
    case "EXPSIG": return SignatureCheck(.expiredKey, signer: signer, key: key, detail: "the signature itself expired")
    case "ERRSIG":
      // The reason 9 is a key that is not there, 4 a kind of key or digest that gpgv does not know.
      return verdict.dropFirst(6).first == "9"
        ? SignatureCheck(.unknownKey, key: verdict.dropFirst(7).first ?? key)
        : SignatureCheck(.badSignature, key: key, detail: "gpgv cannot check this kind of signature")
    default: return SignatureCheck(.badSignature, signer: signer, key: key)
    }
  }
}
