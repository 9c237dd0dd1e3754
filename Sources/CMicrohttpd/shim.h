#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>

// MHD_start_daemon and MHD_get_connection_info are variadic, which Swift cannot call.

// Starts a daemon with one epoll thread on a listening socket, which it takes over once it has started. `certificate` and
// `key` are PEM texts that are read before this returns, or NULL for plain HTTP; `payload` is given to every callback.
static inline struct MHD_Daemon *microhttpd_start(
    int socket, size_t connection_memory, unsigned int connections, const char *certificate, const char *key,
    void *(*target)(void *payload, const char *uri, struct MHD_Connection *connection),
    MHD_AccessHandlerCallback access, MHD_RequestCompletedCallback completed, MHD_NotifyConnectionCallback notify,
    void *payload) {
  struct MHD_OptionItem tls[] = {
      {certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)certificate},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
      {MHD_OPTION_END, 0, NULL},
  };
  return MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (certificate ? MHD_USE_TLS : 0), 0, NULL, NULL, access,
      payload, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,
      MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, target,
      payload, MHD_OPTION_NOTIFY_COMPLETED, completed, payload, MHD_OPTION_NOTIFY_CONNECTION, notify, payload,
      MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static inline int microhttpd_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info ? info->connect_fd : -1;
}

static inline const struct sockaddr *microhttpd_client(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  return info ? info->client_addr : NULL;
}

// Returns NULL on a connection without TLS.
static inline gnutls_session_t microhttpd_tls(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
  return info ? (gnutls_session_t)info->tls_session : NULL;
}
