// One HTTP request at a time through libcurl. Private to this room; not thread-safe.
#ifndef DMGR_SERVER_DM_HTTP_H_
#define DMGR_SERVER_DM_HTTP_H_

#include <memory>
#include <string>

#include "server/dm/client.h"
#include "server/dm/tls.h"

namespace dmgr::dm {

class Http {
 public:
  // What https needs; without it that is refused.
  explicit Http(TlsMaterial tls = {});
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // body is sent as JSON unless empty. Errors as of HttpGet.
  absl::StatusOr<HttpReply> Send(const std::string& method, const std::string& url,
                                 const std::string& body, absl::Time deadline,
                                 const Cancelled& cancelled);
  // Connects, and says nothing. Errors as of ReachHost.
  absl::Status Connect(const std::string& url, absl::Time deadline);
  // One part of a URL's path.
  std::string Escape(const std::string& part);

 private:
  struct Handle;
  const TlsMaterial tls_;
  std::unique_ptr<Handle> handle_;
};

// "http://host:port" + path, or "https://...". INVALID_ARGUMENT when the address is not just a host
// and a port.
absl::StatusOr<std::string> UrlOf(const std::string& address, const std::string& path,
                                  bool secure = false);

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_HTTP_H_
