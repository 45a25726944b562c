#include "server/objects/open.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/error.h"
#include "server/objects/folder_store.h"
#include "server/objects/s3_store.h"

namespace dmgr::objects {
namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kS3 = "s3://";

// What needs no escapes in a URL, so that it is signed as it is sent.
bool IsPlain(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           also.find(c) != std::string_view::npos;
  });
}

std::string_view Rest(const std::string& url, std::string_view scheme) {
  std::string_view rest = std::string_view(url).substr(scheme.size());
  while (rest.size() > 1 && rest.ends_with('/')) rest.remove_suffix(1);
  return rest;
}

// The bucket, and the prefix behind the slash.
std::pair<std::string, std::string> BucketOf(const std::string& url) {
  const std::string_view rest = Rest(url, kS3);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return {std::string(rest), ""};
  return {std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
}

}  // namespace

std::string WhyNoPlace(const Place& place) {
  if (place.url.starts_with(kFile)) {
    const std::string_view folder = Rest(place.url, kFile);
    return folder.starts_with('/') && folder.size() > 1 ? ""
                                                        : "must be file:// and an absolute path";
  }
  if (!IsS3(place.url)) return "must begin with file:// or s3://";
  const auto [bucket, prefix] = BucketOf(place.url);
  if (bucket.empty() || !IsPlain(bucket, "-.") || !IsPlain(prefix, "-_./") ||
      fmt::format("/{}/", prefix).find("/./") != std::string::npos ||
      prefix.find("..") != std::string::npos || prefix.find("//") != std::string::npos) {
    return "must be s3://bucket or s3://bucket/prefix, of letters, digits, '-', '_' and '.'";
  }
  if (place.s3_region.empty() || !IsPlain(place.s3_region, "-")) {
    return "needs s3_region, such as us-east-1";
  }
  const std::string& endpoint = place.s3_endpoint;
  const auto host = endpoint.find("://");
  if (endpoint.empty()) return "";
  if (!(endpoint.starts_with("https://") || endpoint.starts_with("http://")) ||
      endpoint.size() == host + 3 || !IsPlain(endpoint.substr(host + 3), "-.:[]")) {
    return "needs an s3_endpoint such as https://minio.example.com:9000, without a path";
  }
  return "";
}

absl::StatusOr<std::unique_ptr<ObjectStore>> OpenStore(const Place& place, const Secret& s3_key) {
  const std::string why = WhyNoPlace(place);
  if (!why.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "SHARED_CONFIG_INVALID",
                 "[warehouse] shared = \"{}\" {}", place.url, why)
        .Remedy("see [warehouse] in deploy/dmgrd.toml");
  }
  if (!IsS3(place.url)) return std::make_unique<FolderStore>(std::string(Rest(place.url, kFile)));
  const std::string& key = s3_key.text();
  const auto colon = key.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == key.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "SHARED_CONFIG_INVALID",
                 "the key of the shared warehouse {} is not ACCESS_KEY_ID:SECRET_ACCESS_KEY, one "
                 "line",
                 place.url)
        .Remedy("see s3_key_file in deploy/dmgrd.toml");
  }
  const auto [bucket, prefix] = BucketOf(place.url);
  S3Place s3{.endpoint = place.s3_endpoint,
             .region = place.s3_region,
             .bucket = bucket,
             .prefix = prefix,
             .access_key = key.substr(0, colon),
             .secret_key = Secret(key.substr(colon + 1))};
  if (s3.endpoint.empty()) s3.endpoint = fmt::format("https://s3.{}.amazonaws.com", s3.region);
  return std::make_unique<S3Store>(std::move(s3));
}

}  // namespace dmgr::objects
