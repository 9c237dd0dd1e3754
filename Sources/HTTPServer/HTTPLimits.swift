/// Bounds what clients may take of a server.
public struct HTTPLimits: Sendable, Equatable {
  /// How many connections may be open; when one more comes, the one that waits longest makes room.
  ///
  /// Where answers take the places, 24 or a quarter more may wait for their clients; beyond those, clients queue in the
  /// kernel. A limit below 24 has no effect on connections that wait.
  var connections: Int
  /// How many of them may come from one IP address; the same rules hold among those. Unix sockets have no address.
  var connectionsPerAddress: Int
  /// How many bytes are set aside for a connection; the request line and the headers must fit into them.
  var headerBytes: Int
  /// How many bytes a body may have; all bodies on their way in may have 16 times as many together.
  var bodyBytes: Int
  /// How long a client may take to send a whole request, however steadily it drips, and again to take the whole answer.
  ///
  /// A connection on which nothing is asked is closed after the same time.
  var clientTime: Duration

  /// Makes limits; without arguments, those for a small server behind a reverse proxy.
  public init(
    connections: Int = 128, connectionsPerAddress: Int = 96, headerBytes: Int = 16 << 10, bodyBytes: Int = 1 << 20,
    clientTime: Duration = .seconds(10)
  ) {
    self.connections = connections
    self.connectionsPerAddress = connectionsPerAddress
    self.headerBytes = headerBytes
    self.bodyBytes = bodyBytes
    self.clientTime = clientTime
  }

  /// How many connections may wait for their clients even while all others are being answered.
  var reserve: Int { max(24, connections / 4) }

  /// How many connections a daemon may hold, those included that were ended and are not closed yet.
  var connectionsOfDaemon: Int { connections + reserve + 16 }

  var bodyBytesInAll: Int { bodyBytes * 16 }
}
