#include "server/page/page.h"

#include <grpcpp/channel.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "common/steady_time.h"
#include "server/page/http.h"
#include "server/page/site.h"
#include "server/rpc/listen_rules.h"

namespace dmgr::page {
namespace {

// How often a renewed certificate is looked for.
constexpr absl::Duration kRenewPeriod = absl::Seconds(10);

absl::StatusOr<HttpCertificate> ReadCertificate(const PageOptions& options) {
  HttpCertificate certificate;
  if (options.cert_file.empty()) return certificate;
  ASSIGN_OR_RETURN(certificate.cert, ReadFile(options.cert_file));
  ASSIGN_OR_RETURN(std::string key, ReadFile(options.key_file));
  certificate.key = Secret(std::move(key));
  return certificate;
}

}  // namespace

struct Page::Impl {
  Impl(const PageOptions& page_options, const std::shared_ptr<grpc::Channel>& api)
      : options(page_options), site(api, !page_options.cert_file.empty()) {}

  const PageOptions options;
  const Site site;
  // That of the certificate which is served.
  std::string cert;
  absl::Time next_renewal = absl::InfinitePast();
  // Goes first: it asks the site.
  std::unique_ptr<HttpServer> http;
};

absl::StatusOr<std::unique_ptr<Page>> Page::Start(const PageOptions& options,
                                                  std::shared_ptr<grpc::Channel> api) {
  if (options.cert_file.empty()) {
    RETURN_IF_ERROR(rpc::CheckPlainText("the page", options.address, options.plain_text));
  }
  auto impl = std::make_unique<Impl>(options, std::move(api));
  ASSIGN_OR_RETURN(HttpCertificate certificate, ReadCertificate(options));
  impl->cert = certificate.cert;
  ASSIGN_OR_RETURN(impl->http, HttpServer::Start(options.address, std::move(certificate),
                                                 [site = &impl->site](const HttpRequest& r) {
                                                   return site->Answer(r);
                                                 }));
  return std::unique_ptr<Page>(new Page(std::move(impl)));
}

Page::Page(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Page::~Page() = default;

int Page::port() const { return impl_->http->port(); }

void Page::LookAfter() {
  if (impl_->options.cert_file.empty() || SteadyNow() < impl_->next_renewal) return;
  impl_->next_renewal = SteadyNow() + kRenewPeriod;
  auto certificate = ReadCertificate(impl_->options);
  // One of the two files is being replaced, perhaps.
  if (!certificate.ok() || certificate->cert == impl_->cert) return;
  const std::string cert = certificate->cert;
  const absl::Status renewed = impl_->http->Renew(*std::move(certificate));
  if (renewed.ok()) {
    impl_->cert = cert;
    spdlog::info("the page has its renewed certificate");
  } else {
    spdlog::error("the page: {}", Message(renewed));
  }
}

}  // namespace dmgr::page
