// HTTP/1.1 for the page, by libmicrohttpd. Private to this room.
#ifndef DMGR_SERVER_PAGE_HTTP_H_
#define DMGR_SERVER_PAGE_HTTP_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/secret.h"

namespace dmgr::page {

struct HttpRequest {
  std::string method;
  // Decoded, without what is asked of it.
  std::string path;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> cookies;
  std::string accept_language;
  // As the browser says; empty: it does not.
  std::string origin;
  std::string host;
  // "ipv4:10.0.0.1:41234", "ipv6:[::1]:41234".
  std::string peer;
  // Of a form; may be a password.
  Secret body;
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

// In PEM; both empty: plain text.
struct HttpCertificate {
  std::string cert{};
  Secret key{};
};

// Connections, their headers, bodies and pauses are bounded; what is beyond is refused.
class HttpServer {
 public:
  // Called by a thread for each connection.
  using Handler = std::function<HttpResponse(const HttpRequest&)>;
  // address: "host:port"; port 0 takes a free one. UNAVAILABLE, PAGE_LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpCertificate certificate,
                                                           Handler handler);
  // Ends connections; waits for calls of the handler.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  // Ends connections, and goes on with this one. When it is of no use the former one stays.
  absl::Status Renew(HttpCertificate certificate);

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The fields of a form as browsers send them: "user=a&password=b%20c".
std::map<std::string, Secret> ParseForm(const std::string& body);

}  // namespace dmgr::page

#endif  // DMGR_SERVER_PAGE_HTTP_H_
