#include "server/objects/s3_store.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>

#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/files.h"
#include "common/steady_time.h"
#include "server/objects/errors.h"

namespace dmgr::objects {
namespace {

constexpr int kTries = 4;
constexpr absl::Duration kFirstPause = absl::Milliseconds(200);
constexpr int kPauseGrows = 4;
// Of a pause, whether its request is still wanted.
constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr long kConnectSeconds = 5;
// Of a request that carries no file.
constexpr long kShortSeconds = 20;
// A file that moves slower than this for so long does not move.
constexpr long kSlowBytes = 1024;
constexpr long kSlowSeconds = 60;
constexpr std::size_t kMaxErrorText = 16U << 10;
constexpr char kHashOfNothing[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

using Curl = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

// Ends early when it is not alive any more.
absl::Status Pause(absl::Duration pause, const ObjectStore::Alive& alive) {
  const absl::Time end = SteadyNow() + pause;
  while (true) {
    if (alive) RETURN_IF_ERROR(alive());
    const absl::Duration left = end - SteadyNow();
    if (left <= absl::ZeroDuration()) return absl::OkStatus();
    absl::SleepFor(std::min(left, kLook));
  }
}

// The text that XML writes so; servers in Go write quotes as numbers.
std::string Unescaped(const std::string& xml) {
  return absl::StrReplaceAll(xml, {{"&lt;", "<"},
                                   {"&gt;", ">"},
                                   {"&quot;", "\""},
                                   {"&#34;", "\""},
                                   {"&apos;", "'"},
                                   {"&#39;", "'"},
                                   {"&amp;", "&"}});
}

// What is between <tag> and </tag> in the XML of an error.
std::string Between(std::string_view xml, std::string_view tag) {
  const std::string open = fmt::format("<{}>", tag);
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return "";
  const auto end = xml.find(fmt::format("</{}>", tag), begin);
  if (end == std::string_view::npos) return "";
  return Unescaped(std::string(xml.substr(begin + open.size(), end - begin - open.size())));
}

}  // namespace

struct S3Store::Request {
  std::string method;
  std::string sha256;
  // The file that goes (PUT) or comes (GET); empty: none, a GET has the first byte only.
  std::string path{};
  Alive alive{};
};

struct S3Store::Answer {
  // 0: none came.
  long status = 0;
  // Why none came, or of a file of this machine.
  std::string why{};
  // Of an error.
  std::string xml{};
  // Why the request was given up.
  absl::Status ended{};

  bool IsGood() const { return status >= 200 && status < 300 && why.empty(); }
  // Of the file alone: a bucket or an access key that is not there may be a 404 too.
  bool IsMissing() const { return status == 404 && Between(xml, "Code") == "NoSuchKey"; }
  bool MayWorkLater() const { return status == 0 || status == 429 || status >= 500; }
};

namespace {

// One request on its way.
struct Transfer {
  CURL* curl = nullptr;
  const ObjectStore::Alive* alive = nullptr;
  std::optional<FileWriter> to{};
  std::string xml{};
  absl::Status ended{};

  static std::size_t OnData(char* data, std::size_t size, std::size_t count, void* self_pointer) {
    auto* self = static_cast<Transfer*>(self_pointer);
    const std::size_t bytes = size * count;
    long status = 0;
    curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 && self->to.has_value()) {
      self->ended = self->to->Write({data, bytes});
      return self->ended.ok() ? bytes : 0;
    }
    if (self->xml.size() < kMaxErrorText) self->xml.append(data, bytes);
    return bytes;
  }
  static int OnProgress(void* self_pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto* self = static_cast<Transfer*>(self_pointer);
    // It is asked once more after OnData has failed, whose reason is kept.
    if (self->ended.ok() && *self->alive) self->ended = (*self->alive)();
    return self->ended.ok() ? 0 : 1;
  }
};

void SetLimits(CURL* curl, bool has_file) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dmgrd");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  if (!has_file) curl_easy_setopt(curl, CURLOPT_TIMEOUT, kShortSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
}

}  // namespace

std::string S3Store::Name() const {
  return fmt::format("s3://{}{}{} at {}", place_.bucket, place_.prefix.empty() ? "" : "/",
                     place_.prefix, place_.endpoint);
}

S3Store::Answer S3Store::Try(const Request& request) const {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const Curl curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return {.why = "libcurl could not be set up"};
  const bool puts = request.method == "PUT";
  const std::string url =
      fmt::format("{}/{}{}{}/{}", place_.endpoint, place_.bucket, place_.prefix.empty() ? "" : "/",
                  place_.prefix, request.sha256);
  const std::string signing = fmt::format("aws:amz:{}:s3", place_.region);
  // S3 wants it of every request, and libcurl signs with it.
  const std::string hash =
      fmt::format("x-amz-content-sha256: {}", puts ? request.sha256 : kHashOfNothing);
  const Headers headers(curl_slist_append(nullptr, hash.c_str()), curl_slist_free_all);
  char error[CURL_ERROR_SIZE] = {};
  Transfer transfer{.curl = curl.get(), .alive = &request.alive};
  File from(nullptr, std::fclose);
  SetLimits(curl.get(), !request.path.empty());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_AWS_SIGV4, signing.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_USERNAME, place_.access_key.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PASSWORD, place_.secret_key.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Transfer::OnData);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, &Transfer::OnProgress);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  if (puts) {
    std::error_code unsized;
    const auto size = std::filesystem::file_size(request.path, unsized);
    from.reset(std::fopen(request.path.c_str(), "re"));
    if (from == nullptr || unsized) {
      return {.ended = Error(absl::StatusCode::kInternal, "FILE_UNREADABLE", "cannot read {}",
                             request.path)};
    }
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_READDATA, from.get());
    curl_easy_setopt(curl.get(), CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  } else if (request.method == "HEAD") {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  } else if (request.method == "DELETE") {
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, "DELETE");
  } else if (request.path.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_RANGE, "0-0");
  } else {
    std::error_code ignored;
    std::filesystem::remove(request.path, ignored);
    auto to = FileWriter::Create(request.path, 0600);
    if (!to.ok()) return {.ended = to.status()};
    transfer.to = *std::move(to);
  }
  Answer answer;
  const CURLcode code = curl_easy_perform(curl.get());
  if (code == CURLE_OK) {
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  } else if (transfer.ended.ok()) {
    answer.why = *error == '\0' ? curl_easy_strerror(code) : error;
  }
  answer.xml = std::move(transfer.xml);
  answer.ended = std::move(transfer.ended);
  return answer;
}

absl::Status S3Store::Failed(const Request& request, const Answer& answer) const {
  std::string why = answer.why;
  if (answer.status != 0) {
    const std::string code = Between(answer.xml, "Code");
    why = fmt::format("HTTP {}{}{}: {}", answer.status, code.empty() ? "" : " ", code,
                      Between(answer.xml, "Message"));
  }
  return Error(absl::StatusCode::kUnavailable, "SHARED_STORE_FAILED",
               "the shared warehouse {}: {} {}: {}", Name(), request.method, request.sha256, why)
      .With("sha256", request.sha256)
      .Remedy(
          "see the endpoint, region and keys in [warehouse] of dmgrd.toml, and the bucket's "
          "policy; then again");
}

absl::StatusOr<S3Store::Answer> S3Store::Send(const Request& request) const {
  absl::Duration pause = kFirstPause;
  for (int tried = 1;; ++tried) {
    Answer answer = Try(request);
    // The error of a HEAD has no words.
    if (request.method == "HEAD" && answer.status >= 400) {
      answer = Try({.method = "GET", .sha256 = request.sha256, .alive = request.alive});
    }
    RETURN_IF_ERROR(answer.ended);
    if (answer.IsGood() || answer.IsMissing()) return answer;
    if (!answer.MayWorkLater() || tried == kTries) return Failed(request, answer);
    RETURN_IF_ERROR(Pause(pause, request.alive));
    pause *= kPauseGrows;
  }
}

absl::Status S3Store::Put(const std::string& sha256, const std::string& path,
                          const Putter& putter) {
  const Request request{.method = "PUT", .sha256 = sha256, .path = path, .alive = putter.alive};
  ASSIGN_OR_RETURN(const Answer answer, Send(request));
  return answer.IsGood() ? absl::OkStatus() : Failed(request, answer);
}

absl::Status S3Store::Get(const std::string& sha256, const std::string& path, const Alive& alive) {
  const auto answer = Send({.method = "GET", .sha256 = sha256, .path = path, .alive = alive});
  if (answer.ok() && answer->IsGood()) return absl::OkStatus();
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return answer.ok() ? ObjectMissing(Name(), sha256) : answer.status();
}

absl::StatusOr<bool> S3Store::Has(const std::string& sha256, const Alive& alive) {
  ASSIGN_OR_RETURN(const Answer answer, Send({.method = "HEAD", .sha256 = sha256, .alive = alive}));
  return answer.IsGood();
}

absl::Status S3Store::Remove(const std::string& sha256, const Alive& alive) {
  return Send({.method = "DELETE", .sha256 = sha256, .alive = alive}).status();
}

}  // namespace dmgr::objects
