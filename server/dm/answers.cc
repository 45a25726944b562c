#include "server/dm/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/error.h"
#include "common/untrusted_json.h"

namespace dmgr::dm {
namespace {

using nlohmann::json;

// For a message: one line, cut, without what a terminal might obey.
std::string Excerpt(std::string_view text) {
  constexpr std::size_t kShown = 300;
  std::string line;
  for (char c : text.substr(0, kShown)) line += c >= ' ' && c <= '~' ? c : ' ';
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line + (text.size() > kShown ? "..." : "");
}

absl::Status Unreadable(const HttpReply& reply, std::string_view why) {
  return Error(absl::StatusCode::kUnavailable, "DM_UNREADABLE",
               "{}, in an answer with HTTP status {}: {}", why, reply.status, Excerpt(reply.body));
}

// Throws json::exception unless it is absent, null or a string.
std::string Text(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? std::string() : it->get<std::string>();
}

bool Flag(const json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->get<bool>();
}

std::vector<std::string> Texts(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? std::vector<std::string>()
                                             : it->get<std::vector<std::string>>();
}

// A 64-bit number, which protobuf's JSON writes as a string.
std::string Id(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it != object.end() && it->is_number_unsigned()) return std::to_string(it->get<uint64_t>());
  return Text(object, key);
}

// A part whose msg is set could not be listed: without this check it would look empty.
void CheckPart(const json& part, const char* what) {
  const std::string msg = Text(part, "msg");
  if (!msg.empty()) {
    throw std::runtime_error(fmt::format("cannot list its {}: {}", what, Excerpt(msg)));
  }
}

const json& List(const json& part, const char* key) {
  static const json kNone = json::array();
  const auto it = part.find(key);
  if (it == part.end() || it->is_null()) return kNone;
  if (!it->is_array()) throw std::runtime_error(fmt::format("{} is not a list", key));
  return *it;
}

Master ReadMaster(const json& from) {
  return {Text(from, "name"), Id(from, "memberID"), Flag(from, "alive"), Texts(from, "peerURLs"),
          Texts(from, "clientURLs")};
}

Worker ReadWorker(const json& from) {
  return {Text(from, "name"), Text(from, "addr"), Text(from, "stage"), Text(from, "source")};
}

// Throws what is wrong.
Members MembersOf(const json& answer) {
  Members members;
  bool masters = false;
  bool workers = false;
  for (const json& element : List(answer, "members")) {
    if (const auto it = element.find("leader"); it != element.end()) {
      // Its msg only says that there is none.
      members.leader_name = Text(*it, "name");
      members.leader_addr = Text(*it, "addr");
    } else if (const auto master = element.find("master"); master != element.end()) {
      CheckPart(*master, "masters");
      for (const json& one : List(*master, "masters")) members.masters.push_back(ReadMaster(one));
      masters = true;
    } else if (const auto worker = element.find("worker"); worker != element.end()) {
      CheckPart(*worker, "workers");
      for (const json& one : List(*worker, "workers")) members.workers.push_back(ReadWorker(one));
      workers = true;
    }
  }
  if (!masters || !workers) throw std::runtime_error("it is not a whole member list");
  return members;
}

struct HttpMeaning {
  std::string_view text;
  absl::StatusCode code;
  std::string_view reason;
  std::string_view remedy;
};

// Texts that DM and its etcd answer with; the first that occurs counts.
constexpr std::string_view kLater = "try again in some seconds";
constexpr HttpMeaning kHttpMeanings[] = {
    {"[code=46004:", absl::StatusCode::kOk, "", ""},  // No worker of that name.
    {"[code=38048:", absl::StatusCode::kOk, "", ""},  // No master of that name.
    {"not exists", absl::StatusCode::kOk, "", ""},
    {"[code=46005:", absl::StatusCode::kFailedPrecondition, "DM_STILL_ONLINE",
     "stop the dm-worker first"},
    {"still online", absl::StatusCode::kFailedPrecondition, "DM_STILL_ONLINE",
     "stop the dm-worker first"},
    {"not enough started members", absl::StatusCode::kFailedPrecondition, "DM_NOT_ENOUGH_MEMBERS",
     "start the other dm-masters first"},
    {"unhealthy cluster", absl::StatusCode::kUnavailable, "DM_UNHEALTHY", kLater},
    {"context deadline exceeded", absl::StatusCode::kUnavailable, "DM_NO_QUORUM",
     "start dm-masters until more than half of them run"},
    {"[code=38043:", absl::StatusCode::kUnavailable, "DM_NO_LEADER",
     "start dm-masters until more than half of them run"},
    {"[code=46001:", absl::StatusCode::kUnavailable, "DM_BUSY", kLater},
    {"[code=46024:", absl::StatusCode::kUnavailable, "DM_BUSY", kLater},
};

absl::Status StatusOf(const std::string& message) {
  for (const HttpMeaning& meaning : kHttpMeanings) {
    if (message.find(meaning.text) == std::string::npos) continue;
    if (meaning.code == absl::StatusCode::kOk) return absl::OkStatus();
    return Error(meaning.code, meaning.reason, "{}", Excerpt(message)).Remedy(meaning.remedy);
  }
  return Error(absl::StatusCode::kFailedPrecondition, "DM_REFUSED", "{}",
               message.empty() ? "refused without a reason" : Excerpt(message));
}

}  // namespace

absl::StatusOr<Members> ReadMembers(const HttpReply& reply) {
  const auto answer = ParseUntrustedJson(reply.body, kListLimits);
  if (!answer.has_value()) return Unreadable(reply, "it is not JSON, or too large");
  try {
    if (reply.status != 200 || !Flag(*answer, "result")) {
      const std::string message = Text(*answer, reply.status == 200 ? "msg" : "message");
      return Error(absl::StatusCode::kUnavailable, "DM_NO_MEMBER_LIST", "HTTP status {}: {}",
                   reply.status, Excerpt(message));
    }
    return MembersOf(*answer);
  } catch (const std::exception& e) {
    return Unreadable(reply, e.what());
  }
}

absl::Status ReadResult(const HttpReply& reply) {
  const auto answer = ParseUntrustedJson(reply.body, kListLimits);
  if (!answer.has_value()) return Unreadable(reply, "it is not JSON, or too large");
  try {
    if (reply.status != 200) {
      const std::string message = Text(*answer, "message");
      if (message.empty()) return Unreadable(reply, "it has no message");
      const absl::Status status = StatusOf(message);
      // A gateway that fails is not DM that refuses.
      if (reply.status < 500 || Reason(status) != "DM_REFUSED") return status;
      return Error(absl::StatusCode::kUnavailable, "DM_GATEWAY", "HTTP status {}: {}", reply.status,
                   Excerpt(message));
    }
    if (!answer->contains("result")) return Unreadable(reply, "it has no result");
    return Flag(*answer, "result") ? absl::OkStatus() : StatusOf(Text(*answer, "msg"));
  } catch (const std::exception& e) {
    return Unreadable(reply, e.what());
  }
}

absl::Status ReadOpenApi(const HttpReply& reply) {
  if (reply.status >= 200 && reply.status < 300) return absl::OkStatus();
  if (reply.status == 404) {
    return Error(absl::StatusCode::kFailedPrecondition, "DM_NO_OPENAPI",
                 "DM has no OpenAPI: it is off, or the version has none")
        .Remedy("set openapi = true for dm-master (from v5.4 on), or use dmctl");
  }
  const json answer = ParseUntrustedJson(reply.body).value_or(json());
  const bool told =
      answer.is_object() && answer.contains("error_msg") && answer["error_msg"].is_string();
  const bool refused = reply.status >= 400 && reply.status < 500;
  return Error(refused ? absl::StatusCode::kFailedPrecondition : absl::StatusCode::kUnavailable,
               refused ? "DM_REFUSED" : "DM_GATEWAY", "{}",
               told ? Excerpt(answer["error_msg"].get<std::string>())
                    : fmt::format("HTTP status {}", reply.status));
}

absl::StatusOr<std::string> ReadReleaseVersion(const HttpReply& reply) {
  constexpr std::string_view kLabel = "Release Version:";
  const std::size_t at = reply.body.find(kLabel);
  if (reply.status != 200 || at == std::string::npos) {
    return Unreadable(reply, "it is not the status page of dm-master or dm-worker");
  }
  std::string_view line = std::string_view(reply.body).substr(at + kLabel.size());
  line = line.substr(0, line.find('\n'));
  const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
  const std::string version = Excerpt(line.substr(first));
  if (version.empty()) return Unreadable(reply, "its status page has no version");
  return version;
}

absl::StatusOr<absl::Time> ReadStartTime(const HttpReply& reply) {
  constexpr std::string_view kLabel = "\nprocess_start_time_seconds ";
  const std::string body = "\n" + reply.body;
  const std::size_t at = body.find(kLabel);
  if (reply.status != 200 || at == std::string::npos) {
    return Unreadable(reply, "it has no process_start_time_seconds");
  }
  const char* begin = body.data() + at + kLabel.size();
  double seconds = 0;
  const auto [end, error] = std::from_chars(begin, body.data() + body.size(), seconds);
  if (error != std::errc() || !std::isfinite(seconds) || seconds < 0) {
    return Unreadable(reply, "its process_start_time_seconds is not a number");
  }
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

}  // namespace dmgr::dm
