#include "server/dm/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"

namespace dmgr::dm {
namespace {

constexpr std::size_t kMaxBody = std::size_t{8} << 20;
// How often a waiting transfer asks whether it is cancelled.
constexpr int kLookMilliseconds = 100;

struct HeaderList {
  curl_slist* list = nullptr;
  ~HeaderList() { curl_slist_free_all(list); }
};

struct Transfer {
  std::string body;
  bool too_large = false;
  const Cancelled* cancelled = nullptr;
};

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* user) {
  auto* transfer = static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (transfer->body.size() + bytes > kMaxBody) {
    transfer->too_large = true;
    return 0;
  }
  transfer->body.append(data, bytes);
  return bytes;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto* transfer = static_cast<const Transfer*>(user);
  return *transfer->cancelled && (*transfer->cancelled)() ? 1 : 0;
}

absl::Status Failure(CURLcode code, const char* text, const Transfer& transfer,
                     const std::string& url) {
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled while asking {}", url);
  }
  if (transfer.too_large) {
    return Error(absl::StatusCode::kResourceExhausted, "HTTP_ANSWER_TOO_LARGE",
                 "{} answered with more than {} MiB", url, kMaxBody >> 20);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error(absl::StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT", "{} did not answer in time",
                 url);
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_URL", "{} is not an http address", url);
  }
  return Error(absl::StatusCode::kUnavailable, "HTTP_UNREACHABLE", "{}: {}", url,
               *text == '\0' ? curl_easy_strerror(code) : text);
}

}  // namespace

struct Http::Handle {
  CURL* curl = nullptr;
  CURLM* multi = nullptr;
  char error[CURL_ERROR_SIZE] = {};

  Handle() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    curl = curl_easy_init();
    multi = curl_multi_init();
  }
  ~Handle() {
    curl_easy_cleanup(curl);
    curl_multi_cleanup(multi);
  }

  // In the library's memory only for as long as a transfer takes: text outlives it.
  void SetBlob(CURLoption option, const std::string& text) {
    curl_blob blob = {
        .data = const_cast<char*>(text.data()), .len = text.size(), .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(curl, option, &blob);
  }

  void Secure(const TlsMaterial& tls) {
    if (tls.empty()) return;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    // On DM's port HTTP/2 is gRPC.
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    SetBlob(CURLOPT_CAINFO_BLOB, tls.ca);
    SetBlob(CURLOPT_SSLCERT_BLOB, tls.certificate);
    SetBlob(CURLOPT_SSLKEY_BLOB, tls.key);
  }

  // curl_easy_perform would look at the progress function once a second only.
  CURLcode Perform() {
    CURLMcode code = curl_multi_add_handle(multi, curl);
    int running = 1;
    while (code == CURLM_OK && running > 0) {
      code = curl_multi_perform(multi, &running);
      if (code != CURLM_OK || running == 0) break;
      code = curl_multi_poll(multi, nullptr, 0, kLookMilliseconds, nullptr);
    }
    CURLcode result = CURLE_OUT_OF_MEMORY;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg == CURLMSG_DONE) result = message->data.result;
    }
    curl_multi_remove_handle(multi, curl);
    return result;
  }

  void Prepare(const std::string& method, const std::string& url, const std::string& body,
               long timeout_ms) {
    curl_easy_reset(curl);  // Open connections stay.
    error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // A hanging name server is not waited for.
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "dmgrd");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    if (method != "GET") curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    if (!body.empty()) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    }
  }
};

Http::Http(TlsMaterial tls) : tls_(std::move(tls)), handle_(std::make_unique<Handle>()) {}
Http::~Http() = default;

absl::StatusOr<HttpReply> Http::Send(const std::string& method, const std::string& url,
                                     const std::string& body, absl::Time deadline,
                                     const Cancelled& cancelled) {
  CURL* curl = handle_->curl;
  if (curl == nullptr || handle_->multi == nullptr) {
    return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "libcurl could not be set up");
  }
  if (cancelled && cancelled()) {
    return Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled before asking {}", url);
  }
  // 0 would mean no limit; a day is more than any caller waits.
  const absl::Duration left = std::min(deadline - SteadyNow(), absl::Hours(24));
  if (left <= absl::ZeroDuration()) {
    return Error(absl::StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT", "no time left to ask {}",
                 url);
  }
  RETURN_IF_ERROR(tls_.problem);
  handle_->Prepare(method, url, body, static_cast<long>(absl::ToInt64Milliseconds(left)) + 1);
  handle_->Secure(tls_);
  Transfer transfer;
  transfer.cancelled = &cancelled;
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  HeaderList headers;
  if (!body.empty()) {
    headers.list = curl_slist_append(nullptr, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  }
  const CURLcode code = handle_->Perform();
  if (code != CURLE_OK) return Failure(code, handle_->error, transfer, url);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return HttpReply{static_cast<int>(status), std::move(transfer.body)};
}

absl::Status Http::Connect(const std::string& url, absl::Time deadline) {
  CURL* curl = handle_->curl;
  if (curl == nullptr || handle_->multi == nullptr) {
    return Error(absl::StatusCode::kResourceExhausted, "NO_MEMORY", "libcurl could not be set up");
  }
  const absl::Duration left = std::max(deadline - SteadyNow(), absl::ZeroDuration());
  handle_->Prepare("GET", url, "", static_cast<long>(absl::ToInt64Milliseconds(left)) + 1);
  curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
  const CURLcode code = handle_->Perform();
  if (code == CURLE_OK) return absl::OkStatus();
  long error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
  if (code == CURLE_COULDNT_CONNECT && error == ECONNREFUSED) return absl::OkStatus();
  return Failure(code, handle_->error, Transfer(), url);
}

std::string Http::Escape(const std::string& part) {
  // Length 0 would mean strlen to libcurl, which is the same for an empty part.
  char* escaped = curl_easy_escape(handle_->curl, part.c_str(), static_cast<int>(part.size()));
  std::string result = escaped == nullptr ? "" : escaped;
  curl_free(escaped);
  return result;
}

absl::StatusOr<std::string> UrlOf(const std::string& address, const std::string& path,
                                  bool secure) {
  constexpr std::string_view kChars =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-:[]";
  const std::size_t colon = address.rfind(':');
  if (address.find_first_not_of(kChars) != std::string::npos || colon == std::string::npos ||
      colon == 0 || colon + 1 == address.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ADDRESS", "\"{}\" is not host:port",
                 address);
  }
  const bool bare_ipv6 = address.front() != '[' && address.find(':') != colon;
  const char* scheme = secure ? "https" : "http";
  if (!bare_ipv6) return fmt::format("{}://{}{}", scheme, address, path);
  return fmt::format("{}://[{}]{}{}", scheme, address.substr(0, colon), address.substr(colon),
                     path);
}

absl::StatusOr<HttpReply> HttpGet(const std::string& url, absl::Time deadline,
                                  const Cancelled& cancelled, const TlsMaterial& tls) {
  return Http(tls).Send("GET", url, "", deadline, cancelled);
}

absl::Status ReachHost(const std::string& address, absl::Time deadline) {
  ASSIGN_OR_RETURN(const std::string url, UrlOf(address, "/"));
  return Http().Connect(url, deadline);
}

}  // namespace dmgr::dm
