extension Page {
  /// Reports that nothing is kept under an address: 404.
  static func missing(_ path: String, of seen: StatusPageModel) -> [UInt8] {
    frame(
      seen, at: .elsewhere, Headline(.note, "There is nothing here"), every: 30,
      """
      <p class="empty"><code>\(path)</code> is not a page of clup, or a run that is no longer kept. \
      <a href="/">See the state of the host.</a></p>
      """)
  }
}
