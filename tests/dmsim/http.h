// HTTP/1.1, only what the stand-in needs: bodies with Content-Length, keep-alive, a thread per
// connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net.h"

namespace dmsim {

struct HttpRequest {
  std::string method;
  std::string target;                             // as sent: path and query
  std::string path;                               // decoded, without the query
  std::multimap<std::string, std::string> query;  // decoded
  std::map<std::string, std::string> headers;     // names in lower case
  std::string body;
  int fd = -1;

  std::string Header(const std::string& lower_name) const;
  std::string Query(const std::string& name) const;
  // Handlers that hang ask this, so that their threads end with the client.
  bool ClientHasGone() const { return PeerHasGone(fd); }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::map<std::string, std::string> headers;
  std::string body;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;
// Takes a connection, of which nothing has been read.
using ConnectionTaker = std::function<void(int fd)>;

class HttpServer {
 public:
  // Takes the port. Until Serve() clients connect but get no answer, as with an etcd that waits.
  bool Listen(const std::string& address, std::string* error);
  void Serve(HttpHandler handler);
  // Connections that begin as HTTP/2 does are given to `taker`.
  void Serve(HttpHandler handler, ConnectionTaker taker);
  // Closes the listener and cuts the connections; handlers that run are not awaited.
  void Stop();
  // When the youngest open connection was made by which nothing was asked yet.
  std::optional<Clock::time_point> YoungestSilent() const;

 private:
  struct Shared {
    HttpHandler handler;
    ConnectionTaker http2;
    std::mutex mutex;
    std::set<int> connections;
    std::map<int, Clock::time_point> silent;  // of connections, those that asked nothing yet
    bool stopped = false;
  };
  static void AcceptLoop(std::shared_ptr<Shared> shared, int listener);
  static int Unsealed(const std::shared_ptr<Shared>& shared, int fd);
  static void ServeConnection(const std::shared_ptr<Shared>& shared, int accepted);

  Socket listener_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

struct HttpResult {
  int status = 0;  // 0: no answer, see error
  std::string content_type;
  std::string body;
  std::string error;
  bool ok() const { return status >= 200 && status < 300; }
};

// A connection that is kept between calls. One thread at a time.
class HttpConnection {
 public:
  explicit HttpConnection(std::string address) : address_(std::move(address)) {}
  HttpResult Call(const std::string& method, const std::string& target, const std::string& body,
                  milliseconds timeout, const std::vector<std::string>& extra_headers = {});

 private:
  HttpResult CallOnce(const std::string& request, Clock::time_point deadline);

  std::string address_;
  Socket socket_;
};

HttpResult HttpCall(const std::string& address, const std::string& method,
                    const std::string& target, const std::string& body, milliseconds timeout,
                    const std::vector<std::string>& extra_headers = {});

std::string UrlDecode(std::string_view text, bool plus_is_space);

}  // namespace dmsim
