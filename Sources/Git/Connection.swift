import CGit2
import Glibc

/// Fills in what libgit2 is told of a connection, and leads its questions to a `Login` and a `TransferMonitor`.
enum Connection {
  /// What libgit2's callbacks are given; lives as long as the call.
  private final class Payload {
    let login: Login
    let monitor: TransferMonitor?
    init(_ login: Login, _ monitor: TransferMonitor?) { (self.login, self.monitor) = (login, monitor) }
  }

  /// Calls with the options of a connection.
  static func with(
    _ login: Login, _ monitor: TransferMonitor?, _ call: (UnsafeMutablePointer<git_remote_connect_options>) -> Int32
  )
    -> Int32
  {
    filled(login, monitor) { callbacks, proxy in
      var options = git_remote_connect_options()
      git_remote_connect_options_init(&options, UInt32(GIT_REMOTE_CONNECT_OPTIONS_VERSION))
      options.callbacks = callbacks
      options.proxy_opts = proxy
      // Of redirects to another host none is followed: libgit2 would answer that one with the credentials of the first.
      options.follow_redirects = GIT_REMOTE_REDIRECT_NONE
      return call(&options)
    }
  }

  static func fetching(
    _ login: Login, _ monitor: TransferMonitor?, tags: Bool, _ call: (UnsafeMutablePointer<git_fetch_options>) -> Int32
  ) -> Int32 {
    filled(login, monitor) { callbacks, proxy in
      var options = git_fetch_options()
      git_fetch_options_init(&options, UInt32(GIT_FETCH_OPTIONS_VERSION))
      options.download_tags = tags ? GIT_REMOTE_DOWNLOAD_TAGS_AUTO : GIT_REMOTE_DOWNLOAD_TAGS_NONE
      options.update_fetchhead = 0
      options.callbacks = callbacks
      options.proxy_opts = proxy
      options.follow_redirects = GIT_REMOTE_REDIRECT_NONE
      return call(&options)
    }
  }

  private static func filled(
    _ login: Login, _ monitor: TransferMonitor?, _ call: (git_remote_callbacks, git_proxy_options) -> Int32
  ) -> Int32 {
    let payload = Payload(login, monitor)
    return withExtendedLifetime(payload) {
      var callbacks = git_remote_callbacks()
      git_remote_init_callbacks(&callbacks, UInt32(GIT_REMOTE_CALLBACKS_VERSION))
      callbacks.payload = Unmanaged.passUnretained(payload).toOpaque()
      callbacks.credentials = { out, _, name, allowed, payload in
        Connection.payload(payload)?.login.credential(out, name.map { String(cString: $0) }, allowed)
          ?? GIT_PASSTHROUGH.rawValue
      }
      callbacks.certificate_check = { certificate, _, _, payload in
        Connection.payload(payload)?.login.check(certificate) ?? GIT_ECERTIFICATE.rawValue
      }
      callbacks.transfer_progress = { progress, payload in
        guard let monitor = Connection.payload(payload)?.monitor, let progress = progress?.pointee else { return 0 }
        let isWhole = progress.total_objects > 0 && progress.received_objects == progress.total_objects
        return monitor.note(progress.received_bytes, isWhole: isWhole) ? 0 : GIT_EUSER.rawValue
      }
      var proxy = git_proxy_options()
      git_proxy_options_init(&proxy, UInt32(GIT_PROXY_OPTIONS_VERSION))
      guard let address = login.access.proxy else { return call(callbacks, proxy) }
      return address.withCString {
        proxy.type = GIT_PROXY_SPECIFIED
        proxy.url = $0
        return call(callbacks, proxy)
      }
    }
  }

  private static func payload(_ pointer: UnsafeMutableRawPointer?) -> Payload? {
    pointer.map { Unmanaged<Payload>.fromOpaque($0).takeUnretainedValue() }
  }
}
