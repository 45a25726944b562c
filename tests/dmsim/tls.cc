#include "tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

namespace dmsim {
namespace {

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Connection = std::unique_ptr<SSL, FreeTls>;

struct TlsState {
  std::unique_ptr<SSL_CTX, FreeTls> context;
  std::vector<std::string> allowed_names;
};

TlsState& State() {
  static TlsState state;
  return state;
}

std::string LastTlsError() {
  const unsigned long code = ERR_get_error();
  if (code == 0) return "EOF";
  char text[256] = "";
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

bool WaitUntil(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
  if (left <= 0) return false;
  pollfd item{fd, events, 0};
  return poll(&item, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000))) > 0 ||
         errno == EINTR;
}

bool IsAllowed(SSL* connection) {
  const auto& names = State().allowed_names;
  if (names.empty()) return true;
  const std::unique_ptr<X509, FreeTls> shown(SSL_get1_peer_certificate(connection));
  char name[256] = "";
  if (shown != nullptr) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name,
                              sizeof(name));
  }
  return std::find(names.begin(), names.end(), name) != names.end();
}

// False, and *error, when there is no agreement.
bool ShakeHands(SSL* connection, int fd, bool accepts, Clock::time_point deadline,
                std::string* error) {
  while (true) {
    ERR_clear_error();
    const int done = accepts ? SSL_accept(connection) : SSL_connect(connection);
    if (done == 1) break;
    const int why = SSL_get_error(connection, done);
    const bool wants = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    if (!wants) {
      *error = "tls: " + LastTlsError();
      return false;
    }
    if (!WaitUntil(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
      *error = "tls: handshake timeout";
      return false;
    }
  }
  if (IsAllowed(connection)) return true;
  *error = "tls: the name in the certificate is not allowed";
  return false;
}

// Carries what is said from one end to the other and back, until one of them ends.
class Pump {
 public:
  Pump(Connection connection, Socket sealed, Socket plain)
      : sealed_(std::move(sealed)), plain_(std::move(plain)), connection_(std::move(connection)) {}

  void Run() {
    while (true) {
      moved_ = false;
      sealed_events_ = plain_events_ = 0;
      if (!Receive() || !Deliver() || !Take() || !Send()) break;
      if (moved_) continue;
      pollfd items[] = {{sealed_events_ == 0 ? -1 : sealed_.fd(), sealed_events_, 0},
                        {plain_events_ == 0 ? -1 : plain_.fd(), plain_events_, 0}};
      poll(items, 2, -1);
    }
    SSL_shutdown(connection_.get());
  }

 private:
  // Whether it goes on after an answer of OpenSSL that moved nothing.
  bool Later(int result) {
    switch (SSL_get_error(connection_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        sealed_events_ |= POLLIN;
        return true;
      case SSL_ERROR_WANT_WRITE:
        sealed_events_ |= POLLOUT;
        return true;
      default:
        return false;
    }
  }

  bool Receive() {
    if (!inwards_.empty()) return true;
    char chunk[16384];
    ERR_clear_error();
    const int got = SSL_read(connection_.get(), chunk, sizeof(chunk));
    if (got <= 0) return Later(got);
    inwards_.assign(chunk, static_cast<std::size_t>(got));
    return moved_ = true;
  }

  bool Deliver() {
    if (inwards_.empty()) return true;
    const ssize_t sent =
        send(plain_.fd(), inwards_.data(), inwards_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      inwards_.erase(0, static_cast<std::size_t>(sent));
      return moved_ = true;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    plain_events_ |= POLLOUT;
    return true;
  }

  bool Take() {
    if (!outwards_.empty()) return true;
    char chunk[16384];
    const ssize_t got = recv(plain_.fd(), chunk, sizeof(chunk), MSG_DONTWAIT);
    if (got == 0) return false;
    if (got > 0) {
      outwards_.assign(chunk, static_cast<std::size_t>(got));
      return moved_ = true;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    plain_events_ |= POLLIN;
    return true;
  }

  bool Send() {
    if (outwards_.empty()) return true;
    ERR_clear_error();
    const int sent =
        SSL_write(connection_.get(), outwards_.data(), static_cast<int>(outwards_.size()));
    if (sent <= 0) return Later(sent);
    outwards_.erase(0, static_cast<std::size_t>(sent));
    return moved_ = true;
  }

  Socket sealed_;
  Socket plain_;
  Connection connection_;
  std::string inwards_;
  std::string outwards_;
  bool moved_ = false;
  short sealed_events_ = 0;
  short plain_events_ = 0;
};

}  // namespace

std::string UseTls(const TlsFiles& files) {
  std::unique_ptr<SSL_CTX, FreeTls> context(SSL_CTX_new(TLS_method()));
  if (context == nullptr || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_load_verify_locations(context.get(), files.ca.c_str(), nullptr) != 1 ||
      SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return "could not load TLS files: " + LastTlsError();
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(
      context.get(),
      [](SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
         unsigned in_size, void*) {
        // Who speaks only HTTP/2 is gRPC.
        static constexpr unsigned char kSpoken[] = "\x08http/1.1\x02h2";
        unsigned char* chosen = nullptr;
        if (SSL_select_next_proto(&chosen, out_size, kSpoken, sizeof(kSpoken) - 1, in, in_size) !=
            OPENSSL_NPN_NEGOTIATED) {
          return SSL_TLSEXT_ERR_NOACK;
        }
        *out = chosen;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that may have gone.
  State() = {std::move(context), files.allowed_names};
  return "";
}

bool HasTls() { return State().context != nullptr; }

Socket BeginTls(int fd, const std::string& host, Clock::time_point deadline, std::string* error) {
  Socket sealed(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  fcntl(sealed.fd(), F_SETFL, fcntl(sealed.fd(), F_GETFL) | O_NONBLOCK);
  Connection connection(SSL_new(State().context.get()));
  SSL_set_fd(connection.get(), sealed.fd());
  if (!host.empty()) {
    X509_VERIFY_PARAM* wanted = SSL_get0_param(connection.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) != 1) {
      X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    }
  }
  if (!ShakeHands(connection.get(), sealed.fd(), host.empty(), deadline, error)) return Socket();
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    *error = "tls: no socket";
    return Socket();
  }
  std::thread([pump = std::make_shared<Pump>(std::move(connection), std::move(sealed),
                                             Socket(ends[1]))] {
    pump->Run();
  }).detach();
  return Socket(ends[0]);
}

}  // namespace dmsim
