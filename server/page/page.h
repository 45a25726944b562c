// A page to look at: clusters, operations, tasks, for a browser. It changes nothing.
#ifndef DMGR_SERVER_PAGE_PAGE_H_
#define DMGR_SERVER_PAGE_PAGE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Channel;
}

namespace dmgr::page {

struct PageOptions {
  // "host:port"; port 0 takes a free one. Without a certificate loopback only, and not even that
  // unless plain_text.
  std::string address;
  bool plain_text = false;
  // Files in PEM, which an rpc::Server has found usable; empty: plain text.
  std::string cert_file{};
  std::string key_file{};
};

// Serves from its start to its end.
class Page {
 public:
  // api: see rpc::Server::OwnChannel. INVALID_ARGUMENT as rpc::CheckPlainText; UNAVAILABLE,
  // PAGE_LISTEN_FAILED.
  static absl::StatusOr<std::unique_ptr<Page>> Start(const PageOptions& options,
                                                     std::shared_ptr<grpc::Channel> api);
  // Waits for calls that are under way.
  ~Page();
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  int port() const;
  // To be called about every second: takes a certificate that was renewed.
  void LookAfter();

 private:
  struct Impl;
  explicit Page(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dmgr::page

#endif  // DMGR_SERVER_PAGE_PAGE_H_
