#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <map>

#include "common/address.h"
#include "common/error.h"
#include "common/steady_time.h"
#include "server/machines/access.h"
#include "server/machines/contact.h"
#include "server/machines/machines.h"

namespace dmgr::machines {
namespace {

// Certificates, tokens and etcd leases suffer from more.
constexpr std::int64_t kMaxClockOffsetMs = 500;
constexpr std::uint64_t kLowDiskBytes = 2ULL << 30;
constexpr std::uint32_t kOldestSystemd = 219;  // CentOS 7

void AddItem(v1::CheckMachineResponse* response, const std::string& name,
             v1::CheckItem::Level level, const std::string& message) {
  auto* item = response->add_items();
  item->set_name(name);
  item->set_level(level);
  item->set_message(message);
}

std::string Words(v1::Privilege privilege) {
  switch (privilege) {
    case v1::PRIVILEGE_ROOT:
      return "logs in as root";
    case v1::PRIVILEGE_NONE:
      return "the login alone, without root";
    case v1::PRIVILEGE_SUDO:
      return "root through sudo, without a password";
    default:
      return "root through sudo, with a password";
  }
}

// The item that an error of the first contact belongs to.
std::string ItemOf(const absl::Status& error) {
  static const std::map<std::string, std::string> kItems = {{"SUDO_REFUSED", "privilege"},
                                                            {"SSH_LOGIN_REFUSED", "login"},
                                                            {"LOGIN_RUNS_NO_COMMANDS", "login"},
                                                            {"LOGIN_TOO_TALKATIVE", "login"},
                                                            {"HOST_KEY_MISMATCH", "host key"},
                                                            {"NO_SYSTEMD", "systemd"},
                                                            {"NO_LINGER", "systemd"},
                                                            {"NO_USER_SYSTEMD", "systemd"},
                                                            {"ARCH_NOT_SUPPORTED", "arch"},
                                                            {"FAR_END_DIR_UNUSABLE", "disk"},
                                                            {"HOST_NO_SPACE", "disk"}};
  const auto found = kItems.find(std::string(Reason(error)));
  return found == kItems.end() ? "reachable" : found->second;
}

void JudgeFacts(const v1::Facts& facts, v1::CheckMachineResponse* response) {
  using Item = v1::CheckItem;
  AddItem(response, "system", Item::LEVEL_OK,
          fmt::format("{}, kernel {}, {}, {} cores, {} MiB memory", facts.os(), facts.kernel(),
                      facts.arch(), facts.cpu_cores(), facts.memory_bytes() >> 20));
  const bool known = facts.arch() == "amd64" || facts.arch() == "arm64";
  if (!known) {
    AddItem(response, "arch", Item::LEVEL_FAILED, facts.arch() + " is not supported");
  }
  AddItem(
      response, "systemd",
      facts.systemd_version() >= kOldestSystemd ? Item::LEVEL_OK : Item::LEVEL_FAILED,
      fmt::format("version {} (at least {} is needed)", facts.systemd_version(), kOldestSystemd));
  AddItem(response, "disk",
          facts.disk_free_bytes() >= kLowDiskBytes ? Item::LEVEL_OK : Item::LEVEL_WARNING,
          fmt::format("{} MiB free where the far end is kept{}", facts.disk_free_bytes() >> 20,
                      facts.disk_free_bytes() >= kLowDiskBytes
                          ? ""
                          : fmt::format("; free some: below {} MiB a deploy may find no room",
                                        kLowDiskBytes >> 20)));
  const std::int64_t off =
      google::protobuf::util::TimeUtil::DurationToMilliseconds(facts.clock_offset());
  const bool in_time = std::abs(off) <= kMaxClockOffsetMs;
  AddItem(response, "clock", in_time ? Item::LEVEL_OK : Item::LEVEL_WARNING,
          in_time ? fmt::format("{} ms off", off)
                  : fmt::format("{} ms off: set up chrony or systemd-timesyncd", off));
}

}  // namespace

absl::StatusOr<v1::CheckMachineResponse> CheckMachine(const Resources& resources,
                                                      const std::string& machine_id) {
  ASSIGN_OR_RETURN(MachineAccess access, LoadAccess(resources, machine_id));
  v1::CheckMachineResponse response;
  const absl::Time deadline = SteadyNow() + kContactTimeout;
  auto far_end = LogInAndRead(resources, access, deadline);
  auto facts = far_end.ok() ? ReadFacts(far_end->get(), access.login.far_end_dir, deadline)
                            : absl::StatusOr<v1::Facts>(far_end.status());
  if (facts.ok()) {
    AddItem(&response, "reachable", v1::CheckItem::LEVEL_OK,
            fmt::format("{}@{}, host key as pinned", access.login.endpoint.user,
                        JoinHostPort(access.login.endpoint.host, access.login.endpoint.port)));
    AddItem(&response, "privilege", v1::CheckItem::LEVEL_OK, Words(access.privilege));
    JudgeFacts(*facts, &response);
    *response.mutable_facts() = *facts;
  } else {
    AddItem(&response, ItemOf(facts.status()), v1::CheckItem::LEVEL_FAILED,
            fmt::format("{}; {}", Message(facts.status()), Metadata(facts.status(), "remedy")));
  }
  response.set_ok(std::none_of(response.items().begin(), response.items().end(), [](auto& item) {
    return item.level() == v1::CheckItem::LEVEL_FAILED;
  }));
  return response;
}

}  // namespace dmgr::machines
