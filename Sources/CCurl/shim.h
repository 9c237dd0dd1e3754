#include <curl/curl.h>

// curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call.

static inline CURLcode curl_set_text(CURL *easy, CURLoption option, const char *text) {
  return curl_easy_setopt(easy, option, text);
}

static inline CURLcode curl_set_number(CURL *easy, CURLoption option, long number) {
  return curl_easy_setopt(easy, option, number);
}

static inline CURLcode curl_set_size(CURL *easy, CURLoption option, curl_off_t size) {
  return curl_easy_setopt(easy, option, size);
}

static inline CURLcode curl_set_list(CURL *easy, CURLoption option, struct curl_slist *list) {
  return curl_easy_setopt(easy, option, list);
}

// Gives both callbacks the same payload; the headers come line by line.
static inline CURLcode curl_set_receivers(
    CURL *easy, size_t (*body)(char *, size_t, size_t, void *), size_t (*header)(char *, size_t, size_t, void *),
    void *payload) {
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, payload);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header);
  return curl_easy_setopt(easy, CURLOPT_HEADERDATA, payload);
}

static inline CURLcode curl_set_errors(CURL *easy, char *buffer) {
  return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, buffer);
}

static curl_socket_t curl_give_socket(void *socket, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  (void)address;
  curl_socket_t given = *(curl_socket_t *)socket;
  *(curl_socket_t *)socket = CURL_SOCKET_BAD;
  return given;
}

static int curl_socket_is_connected(void *socket, curl_socket_t given, curlsocktype purpose) {
  (void)socket;
  (void)given;
  (void)purpose;
  return CURL_SOCKOPT_ALREADY_CONNECTED;
}

// Makes a transfer use a socket that is connected already; `socket` must live as long as the transfer, which closes it.
static inline CURLcode curl_set_socket(CURL *easy, curl_socket_t *socket) {
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, curl_give_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, socket);
  return curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, curl_socket_is_connected);
}

static inline long curl_status(CURL *easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

// The error number of the system call that failed last, or 0.
static inline long curl_system_error(CURL *easy) {
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  return number;
}
