#include "server/rpc/refusals.h"

#include <utility>

#include "server/rpc/admission.h"

namespace dmgr::rpc {
namespace {

// Kinds that are told apart in a period; further ones are one kind, whoever and wherever they are.
constexpr std::size_t kMostKinds = 256;

}  // namespace

bool Refusals::IsFirst(const store::AuditRecord& record, Clock::time_point now) {
  store::AuditRecord more = record;
  more.peer = AddressOf(record.peer);
  more.calls = 0;
  const std::lock_guard lock(mutex_);
  Kind kind(more.peer, record.user_name, record.method, record.code,
            by_target_ ? record.target : "");
  if (!counts_.contains(kind) && counts_.size() >= kMostKinds) {
    kind = {};
    more.peer = more.user_name = more.target = more.operation_id = "";
    more.method = "*";
  }
  auto [found, is_new] = counts_.try_emplace(kind, Count{now + period_, std::move(more)});
  if (!is_new) ++found->second.more.calls;
  return is_new;
}

std::vector<store::AuditRecord> Refusals::Take(bool all, Clock::time_point now) {
  std::vector<store::AuditRecord> records;
  const std::lock_guard lock(mutex_);
  std::erase_if(counts_, [&](auto& entry) {
    auto& [until, more] = entry.second;
    if (!all && now < until) return false;
    if (more.calls > 0) records.push_back(std::move(more));
    return true;
  });
  return records;
}

}  // namespace dmgr::rpc
