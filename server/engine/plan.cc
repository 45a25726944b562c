#include "server/engine/plan.h"

#include <map>

#include "common/error.h"
#include "common/ids.h"

namespace dmgr::engine {
namespace {

Error Invalid(const std::string& what) {
  return Error(absl::StatusCode::kInternal, "PLAN_INVALID", "the plan is not valid: {}", what)
      .Remedy("report this as a bug of dmgr");
}

// Indexes of the steps by id.
absl::StatusOr<std::map<std::string, std::size_t>> Index(const Plan& plan) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (step.id.empty() || step.runner.empty()) {
      return Invalid(fmt::format("step {} (\"{}\") has no id or no runner", i, step.id));
    }
    if (!index.emplace(step.id, i).second) {
      return Invalid(fmt::format("two steps are called {}", step.id));
    }
  }
  return index;
}

}  // namespace

absl::Status Check(const Plan& plan) {
  ASSIGN_OR_RETURN(const auto index, Index(plan));
  std::vector<std::vector<std::size_t>> dependants(plan.steps.size());
  std::vector<std::size_t> waits_for(plan.steps.size());
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    for (const std::string& id : plan.steps[i].depends_on) {
      const auto found = index.find(id);
      if (found == index.end()) {
        return Invalid(
            fmt::format("step {} depends on {}, which is no step of it", plan.steps[i].id, id));
      }
      dependants[found->second].push_back(i);
    }
    waits_for[i] = plan.steps[i].depends_on.size();
    if (waits_for[i] == 0) ready.push_back(i);
  }
  std::size_t reached = 0;
  while (!ready.empty()) {
    const std::size_t i = ready.back();
    ready.pop_back();
    ++reached;
    for (const std::size_t dependant : dependants[i]) {
      if (--waits_for[dependant] == 0) ready.push_back(dependant);
    }
  }
  if (reached == plan.steps.size()) return absl::OkStatus();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (waits_for[i] > 0) {
      return Invalid(fmt::format("step {} is in or behind a cycle", plan.steps[i].id));
    }
  }
  return absl::OkStatus();
}

store::OperationRecord ToRecord(const Plan& plan, const std::string& user,
                                const std::string& request_id,
                                const std::string& request_fingerprint) {
  store::OperationRecord record;
  record.operation.set_operation_id(NewUuid());
  record.operation.set_kind(plan.kind);
  record.operation.set_cluster_name(plan.cluster_name);
  record.operation.set_state(v1::OPERATION_STATE_QUEUED);
  record.operation.set_user_name(user);
  record.operation.set_cluster_uuid(plan.cluster_uuid);
  record.operation.set_request_id(request_id);
  record.operation.mutable_skipped_machines()->Assign(plan.skipped.begin(), plan.skipped.end());
  record.request_fingerprint = request_fingerprint;
  record.plan_format = kPlanFormat;
  for (const Step& step : plan.steps) {
    store::StepRecord stored;
    stored.step.set_step_id(step.id);
    stored.step.set_title(step.title);
    stored.step.set_host(step.host);
    stored.step.set_state(step.done ? v1::STEP_STATE_SUCCEEDED : v1::STEP_STATE_PENDING);
    stored.step.set_bytes_total(step.bytes_total);
    for (const std::string& id : step.depends_on) stored.step.add_depends_on(id);
    stored.step.set_point_of_no_return(step.point_of_no_return);
    stored.runner = step.runner;
    stored.payload_json = step.payload_json;
    stored.weight = step.weight;
    record.steps.push_back(std::move(stored));
  }
  return record;
}

}  // namespace dmgr::engine
