// What is asked of the page, and what it answers. Private to this room.
#ifndef DMGR_SERVER_PAGE_SITE_H_
#define DMGR_SERVER_PAGE_SITE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/page/http.h"
#include "server/page/words.h"

namespace grpc {
class Channel;
}

namespace dmgr::page {

// All that it knows it asks the API for, with the token of who looks: rights, limits and the audit
// log are those of any call. Thread-safe.
class Site {
 public:
  // is_tls: cookies go over TLS only.
  Site(const std::shared_ptr<grpc::Channel>& api, bool is_tls);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  HttpResponse Answer(const HttpRequest& request) const;

 private:
  struct Stubs;
  // A request whose sender is to be found.
  struct Visit {
    const HttpRequest& request;
    Language language;
    std::string token;
  };
  // What is shown, and after how many seconds it is fetched again.
  struct Part {
    std::string title;
    std::string html;
    int period = 0;
  };

  // "?name=1".
  static bool IsAsked(const Visit& visit, const char* name);
  // PERMISSION_DENIED, NOT_FOUND and so on, as the API says.
  absl::StatusOr<Part> PartOf(const Visit& visit) const;
  absl::StatusOr<Part> Clusters(const Visit& visit) const;
  // Of one cluster: what is shown before its hosts have been asked, and all.
  absl::StatusOr<Part> ClusterAwaited(const Visit& visit, const std::string& name) const;
  absl::StatusOr<Part> Cluster(const Visit& visit, const std::string& name) const;
  absl::StatusOr<Part> Operations(const Visit& visit) const;
  absl::StatusOr<Part> Operation(const Visit& visit, const std::string& id) const;
  absl::StatusOr<Part> Tasks(const Visit& visit) const;
  HttpResponse Show(const Visit& visit) const;
  HttpResponse ShowError(const Visit& visit, const absl::Status& status,
                         const std::string& user) const;
  HttpResponse LogIn(const Visit& visit) const;
  HttpResponse LogOut(const Visit& visit) const;
  HttpResponse Dispatch(const Visit& visit) const;
  // The cookie of the session; empty: it ends.
  std::string SessionCookie(const std::string& token) const;
  const char* CookieName() const;

  const std::unique_ptr<Stubs> stubs_;
  const bool is_tls_;
};

}  // namespace dmgr::page

#endif  // DMGR_SERVER_PAGE_SITE_H_
