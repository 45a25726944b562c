#include "client/context/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"
#include "client/context/files.h"
#include "common/error.h"
#include "common/files.h"

namespace dmgr::client {
namespace {

using nlohmann::ordered_json;

// A token that was stolen unnoticed is worth no longer, as long as dmgrctl is used.
constexpr absl::Duration kOld = absl::Hours(1);

// {"<address>": {"user": ..., "token": ..., "server": ..., "time": ...}}; "@name" for a context. A
// damaged file holds no session.
ordered_json LoadAll() {
  auto all = LoadObject(CredentialsPath());
  return all.ok() ? *all : ordered_json::object();
}

std::string KeyOf(const Target& target) {
  return target.context.empty() ? target.server : "@" + target.context;
}

std::string TextIn(const ordered_json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

struct Saved {
  std::string token{};
  std::string user{};
  // When it was got.
  absl::Time time = absl::InfinitePast();
};

Saved LoadSaved(const Target& target) {
  const ordered_json all = LoadAll();
  const auto saved = all.find(KeyOf(target));
  if (saved == all.end() || !saved->is_object()) return {};
  if (!target.context.empty() && TextIn(*saved, "server") != target.server) return {};
  const auto time = saved->find("time");
  return {TextIn(*saved, "token"), TextIn(*saved, "user"),
          time != saved->end() && time->is_number_integer()
              ? absl::FromUnixSeconds(time->get<std::int64_t>())
              : absl::InfinitePast()};
}

bool IsOld(const Saved& saved) { return !saved.token.empty() && saved.time < absl::Now() - kOld; }

// A file of ours whose lock others respect; -1 when it cannot be made.
int OpenLock(const char* name) {
  const std::string path = ConfigFile(name);
  MakeFolderOf(path);
  return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool Lock(int fd, int how) {
  int locked = -1;
  do {
    locked = flock(fd, how);
  } while (locked != 0 && errno == EINTR);
  return locked == 0;
}

}  // namespace

std::string CredentialsPath() { return ConfigFile("credentials.json"); }

absl::StatusOr<std::string> TokenOfEnvironment(const Target& target) {
  const std::string token = EnvironmentOr("DMGR_TOKEN", "");
  const std::string file = EnvironmentOr("DMGR_TOKEN_FILE", "");
  if (token.empty() && file.empty()) return token;
  const std::string default_server = target.context.empty() ? kDefaultServer : "";
  const std::string server =
      EnvironmentOr("DMGR_TOKEN_SERVER", EnvironmentOr("DMGR_SERVER", default_server));
  if (server != target.server) {
    return Error(absl::StatusCode::kFailedPrecondition, "TOKEN_OF_ANOTHER_SERVER",
                 "the environment's token is not sent to {}", target.server)
        .With("address", target.server)
        .Remedy(fmt::format("if it is for that one, set DMGR_TOKEN_SERVER={}; else unset {}",
                            target.server, token.empty() ? "DMGR_TOKEN_FILE" : "DMGR_TOKEN"));
  }
  if (!token.empty()) return token;
  const auto text = ReadFile(file);
  const std::string first = text.ok() ? text->substr(0, text->find_first_of("\r\n")) : "";
  if (!first.empty()) return first;
  return Error(absl::StatusCode::kInvalidArgument, "TOKEN_FILE_UNREADABLE",
               "no token can be read from {}, which DMGR_TOKEN_FILE names", file)
      .With("path", file)
      .Remedy("put the token into its first line, or unset DMGR_TOKEN_FILE");
}

std::string LoadToken(const Target& target) {
  const auto token = TokenOfEnvironment(target);
  return token.ok() && !token->empty() ? *token : LoadSaved(target).token;
}

absl::Status SaveToken(const Target& target, const std::string& user, const std::string& token) {
  // Nobody else's is lost: of two who save at once, the second one sees what the first has saved.
  const int fd = OpenLock("credentials.write-lock");
  const absl::Cleanup close_lock = [fd] {
    if (fd >= 0) close(fd);
  };
  if (fd >= 0) Lock(fd, LOCK_EX);
  ordered_json all = LoadAll();
  if (token.empty()) {
    if (all.erase(KeyOf(target)) == 0) return absl::OkStatus();
  } else {
    all[KeyOf(target)] = {{"user", user},
                          {"server", target.server},
                          {"token", token},
                          {"time", absl::ToUnixSeconds(absl::Now())}};
  }
  return SaveObject(CredentialsPath(), all);
}

std::unique_ptr<TokenUse> TokenUse::Begin(const Target& target, const Replace& replace) {
  std::unique_ptr<TokenUse> use(new TokenUse(OpenLock("credentials.lock")));
  const bool shared = use->fd_ >= 0 && Lock(use->fd_, LOCK_SH);
  Saved saved = LoadSaved(target);
  if (shared && IsOld(saved)) {
    // The shared lock is given up on the way, whether this one is got or not.
    if (Lock(use->fd_, LOCK_EX | LOCK_NB)) {
      saved = LoadSaved(target);
      const std::string fresh = IsOld(saved) ? replace(saved.token) : "";
      // One that cannot be saved serves this once; then somebody has to log in again.
      if (!fresh.empty()) {
        saved.token = fresh;
        SaveToken(target, saved.user, fresh).IgnoreError();
      }
      Lock(use->fd_, LOCK_SH);
    } else {
      Lock(use->fd_, LOCK_SH);
      saved = LoadSaved(target);
    }
  }
  use->token_ = saved.token;
  return use;
}

TokenUse::~TokenUse() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace dmgr::client
