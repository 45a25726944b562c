#include "server/page/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "common/address.h"
#include "common/error.h"
#include "common/files.h"

namespace dmgr::page {
namespace {

// A person's browser has six connections at most.
constexpr unsigned kMaxConnections = 64;
constexpr unsigned kMaxOfAddress = 16;
// Of a connection: its headers, and what is sent.
constexpr std::size_t kConnectionMemory = 32U << 10;
// Also of one whose answer is being made, which asks hosts.
constexpr unsigned kIdleSeconds = 75;
constexpr std::size_t kMaxBody = 8U << 10;
constexpr int kBacklog = 64;
constexpr char kTlsPriorities[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

// Of a request that is under way.
struct PendingBody {
  Secret text;
};

std::string HeaderOf(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? "" : value;
}

MHD_Result AddValue(void* map, MHD_ValueKind, const char* key, const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(map))[key] = value == nullptr ? "" : value;
  return MHD_YES;
}

std::string PeerText(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == nullptr || info->client_addr == nullptr) return "unknown";
  char text[INET6_ADDRSTRLEN] = {};
  if (info->client_addr->sa_family == AF_INET) {
    sockaddr_in address = {};
    std::memcpy(&address, info->client_addr, sizeof(address));
    inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
    return fmt::format("ipv4:{}:{}", text, ntohs(address.sin_port));
  }
  sockaddr_in6 address = {};
  std::memcpy(&address, info->client_addr, sizeof(address));
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
  return fmt::format("ipv6:[{}]:{}", text, ntohs(address.sin6_port));
}

absl::Status ListenFailed(const std::string& address, const std::string& why) {
  return Error(absl::StatusCode::kUnavailable, "PAGE_LISTEN_FAILED",
               "cannot serve the page on {}: {}", address, why)
      .Remedy("is another program listening there? Set [server] page_address");
}

absl::StatusOr<Fd> ListenOn(const std::string& address) {
  const auto place = ParseHostPort(address);
  if (!place.has_value()) return ListenFailed(address, "it is no address and port");
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int rc =
      getaddrinfo(place->host.c_str(), std::to_string(place->port).c_str(), &hints, &found);
  if (rc != 0) return ListenFailed(address, gai_strerror(rc));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> freed(found, &freeaddrinfo);
  Fd listener(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!listener.ok() ||
      ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(listener.get(), kBacklog) != 0) {
    return ListenFailed(address, std::strerror(errno));
  }
  return listener;
}

int PortOf(int listener) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
}

MHD_Result Send(MHD_Connection* connection, const HttpResponse& response) {
  // It copies the body.
  MHD_Response* answer = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (answer == nullptr) return MHD_NO;
  MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response.type.c_str());
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(answer, name.c_str(), value.c_str());
  }
  const MHD_Result sent =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), answer);
  MHD_destroy_response(answer);
  return sent;
}

// "%41" and "+" of a form.
std::string Decoded(absl::string_view text) {
  std::string decoded(text);
  for (char& c : decoded) {
    if (c == '+') c = ' ';
  }
  decoded.resize(MHD_http_unescape(decoded.data()));
  return decoded;
}

void Forget(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
  delete static_cast<PendingBody*>(*state);
  *state = nullptr;
}

}  // namespace

struct HttpServer::Impl {
  std::string address;
  Handler handler;
  HttpCertificate certificate;
  // The daemon has a copy, which it closes.
  Fd listener;
  int port = 0;
  MHD_Daemon* daemon = nullptr;

  ~Impl() {
    if (daemon != nullptr) MHD_stop_daemon(daemon);
  }
  bool StartDaemon();
  MHD_Result Answer(MHD_Connection* connection, const char* path, const char* method,
                    PendingBody* pending) const;
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* path,
                              const char* method, const char* version, const char* data,
                              std::size_t* size, void** state);
};

bool HttpServer::Impl::StartDaemon() {
  const bool is_tls = !certificate.cert.empty();
  std::vector<MHD_OptionItem> options = {
      {MHD_OPTION_LISTEN_SOCKET, fcntl(listener.get(), F_DUPFD_CLOEXEC, 0), nullptr},
      {MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, nullptr},
      {MHD_OPTION_PER_IP_CONNECTION_LIMIT, kMaxOfAddress, nullptr},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<intptr_t>(kConnectionMemory), nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds, nullptr},
      {MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<intptr_t>(&Forget), nullptr}};
  if (is_tls) {
    options.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.cert.data()});
    options.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, const_cast<char*>(certificate.key.c_str())});
    options.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(kTlsPriorities)});
  }
  options.push_back({MHD_OPTION_END, 0, nullptr});
  unsigned flags =
      MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
  if (is_tls) flags |= MHD_USE_TLS;
  daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &OnRequest, this, MHD_OPTION_ARRAY,
                            options.data(), MHD_OPTION_END);
  return daemon != nullptr;
}

MHD_Result HttpServer::Impl::Answer(MHD_Connection* connection, const char* path,
                                    const char* method, PendingBody* pending) const {
  HttpRequest request{.method = method,
                      .path = path,
                      .query = {},
                      .cookies = {},
                      .accept_language = HeaderOf(connection, MHD_HTTP_HEADER_ACCEPT_LANGUAGE),
                      .origin = HeaderOf(connection, MHD_HTTP_HEADER_ORIGIN),
                      .host = HeaderOf(connection, MHD_HTTP_HEADER_HOST),
                      .peer = PeerText(connection),
                      .body = std::move(pending->text)};
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &AddValue, &request.query);
  MHD_get_connection_values(connection, MHD_COOKIE_KIND, &AddValue, &request.cookies);
  return Send(connection, handler(request));
}

MHD_Result HttpServer::Impl::OnRequest(void* self, MHD_Connection* connection, const char* path,
                                       const char* method, const char*, const char* data,
                                       std::size_t* size, void** state) {
  try {
    auto* pending = static_cast<PendingBody*>(*state);
    if (pending == nullptr) {
      *state = new PendingBody;
      std::uint64_t length = 0;
      const std::string said = HeaderOf(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
      const bool is_long =
          !said.empty() && (!absl::SimpleAtoi(ToAbsl(said), &length) || length > kMaxBody);
      if (is_long) return Send(connection, {.status = MHD_HTTP_CONTENT_TOO_LARGE});
      return MHD_YES;
    }
    if (*size > 0) {
      // Of one that did not say how long it is.
      if (pending->text.size() + *size > kMaxBody) return MHD_NO;
      std::string text = pending->text.text();
      text.append(data, *size);
      pending->text = Secret(std::move(text));
      *size = 0;
      return MHD_YES;
    }
    return static_cast<Impl*>(self)->Answer(connection, path, method, pending);
  } catch (const std::exception& e) {
    spdlog::error("the page: unexpected exception: {}", e.what());
    return Send(connection, {.status = MHD_HTTP_INTERNAL_SERVER_ERROR});
  }
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              HttpCertificate certificate,
                                                              Handler handler) {
  auto impl = std::make_unique<Impl>();
  impl->address = address;
  impl->handler = std::move(handler);
  impl->certificate = std::move(certificate);
  ASSIGN_OR_RETURN(impl->listener, ListenOn(address));
  impl->port = PortOf(impl->listener.get());
  if (!impl->StartDaemon()) {
    return ListenFailed(address, impl->certificate.cert.empty() ? "no thread could be made"
                                                                : "its certificate is not taken");
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

int HttpServer::port() const { return impl_->port; }

absl::Status HttpServer::Renew(HttpCertificate certificate) {
  if (impl_->daemon != nullptr) {
    // Else it would shut down what its copy of the listener stands for.
    const Fd copy(MHD_quiesce_daemon(impl_->daemon));
    MHD_stop_daemon(impl_->daemon);
    impl_->daemon = nullptr;
  }
  std::swap(impl_->certificate, certificate);
  if (impl_->StartDaemon()) return absl::OkStatus();
  std::swap(impl_->certificate, certificate);
  const bool goes_on = impl_->StartDaemon();
  return ListenFailed(impl_->address, goes_on ? "its new certificate is not taken"
                                              : "neither with the new nor the former certificate");
}

std::map<std::string, Secret> ParseForm(const std::string& body) {
  std::map<std::string, Secret> fields;
  for (const absl::string_view field : absl::StrSplit(ToAbsl(body), '&')) {
    const auto equals = field.find('=');
    if (equals == absl::string_view::npos) continue;
    fields[Decoded(field.substr(0, equals))] = Secret(Decoded(field.substr(equals + 1)));
  }
  return fields;
}

}  // namespace dmgr::page
