#include "server/clusters/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/error.h"
#include "common/short_status.h"
#include "server/clusters/record.h"
#include "server/render/render.h"
#include "server/store/machine_store.h"
#include "server/warehouse/shared.h"

namespace dmgr::clusters {
namespace {

using topology::Problem;

constexpr int kAllRows = 100000;

}  // namespace

absl::Status InvalidTopology(const std::vector<Problem>& problems) {
  constexpr std::size_t kShown = 20;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < std::min(problems.size(), kShown); ++i) {
    texts.push_back(problems[i].field.empty() ? problems[i].text
                                              : problems[i].field + ": " + problems[i].text);
  }
  if (problems.size() > kShown) {
    texts.push_back(fmt::format("and {} more", problems.size() - kShown));
  }
  Error error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT", "{}",
              Findings(problems.size() == 1 ? std::string("1 problem")
                                            : fmt::format("{} problems", problems.size()),
                       texts));
  for (std::size_t i = 0; i < std::min<std::size_t>(problems.size(), 500); ++i) {
    error.Field(problems[i].field, problems[i].text);
  }
  const auto unknown = std::find_if(problems.begin(), problems.end(), [](const Problem& problem) {
    return problem.text.ends_with(topology::kNotRegistered);
  });
  if (unknown != problems.end()) {
    const auto end = unknown->text.size() - topology::kNotRegistered.size();
    error.Next(v1::ACTION_CREATE_MACHINE, {{"machine_id", unknown->text.substr(0, end)}});
  }
  return error;
}

absl::Status ListMachineRefs(store::Transaction& tx, std::vector<topology::MachineRef>* machines,
                             std::vector<std::pair<std::string, std::string>>* identities) {
  ASSIGN_OR_RETURN(auto records, store::ListMachines(tx, "", kAllRows));
  for (const auto& record : records) {
    const v1::Machine& m = record.machine;
    machines->push_back({m.machine_id(), m.host(), static_cast<int>(m.ssh_port()),
                         m.facts().machine_identity(), m.facts().arch(),
                         m.privilege() == v1::PRIVILEGE_NONE ? m.user() : ""});
    identities->emplace_back(m.machine_id(), m.facts().machine_identity());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> LoadAllowedUsers(const Resources& resources,
                                                          const std::string& machine_id) {
  std::vector<std::string> allowed;
  RETURN_IF_ERROR(resources.database->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const auto record, store::GetMachine(tx, machine_id));
    // Root has instances run as these.
    ASSIGN_OR_RETURN(allowed, store::ListTakenOverUsers(tx, machine_id));
    allowed.insert(allowed.end(), record.machine.allowed_users().begin(),
                   record.machine.allowed_users().end());
    return absl::OkStatus();
  }));
  return allowed;
}

absl::Status CheckRender(const Resources& resources, const store::ClusterRecord& record) {
  RETURN_IF_ERROR(warehouse::HavePackage(resources, record.cluster.version));
  ASSIGN_OR_RETURN(auto files,
                   render::LoadPackageFiles(PackageTree(resources, record.cluster.version)));
  for (const auto& instance : record.cluster.instances) {
    auto rendered = RenderOne(resources, record, instance, files);
    if (!rendered.ok()) return Annotate(rendered.status(), instance.name);
  }
  return absl::OkStatus();
}

}  // namespace dmgr::clusters
