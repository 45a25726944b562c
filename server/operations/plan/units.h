// The kinds of steps that several operations have, and what such steps are told and find out.
#ifndef DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
#define DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/error.h"

namespace dmgr::operations {

// Every plan surveys first: what a rollback needs to know is recorded before anything is changed.

inline constexpr char kPrepare[] = "host.prepare";
inline constexpr char kRelease[] = "host.release";
inline constexpr char kInstall[] = "host.install";
inline constexpr char kSurveyUnits[] = "host.survey_units";
inline constexpr char kStart[] = "host.start";
inline constexpr char kStop[] = "host.stop";
inline constexpr char kStopToStart[] = "host.stop_to_start";
inline constexpr char kEvictMasters[] = "control.evict_masters";
inline constexpr char kTellStop[] = "host.tell_stop";
inline constexpr char kEnd[] = "host.end";
inline constexpr char kEndToStart[] = "host.end_to_start";
inline constexpr char kRecordState[] = "control.record_state";

// A machine's kSurveyUnits step is "{machine}/units".
inline constexpr char kUnitsStep[] = "units";

// Parameters of the runners, as JSON.
struct ReleaseParams {
  std::string component;
  // Empty: all of the machine.
  std::vector<std::string> instances;
};

struct InstancesParams {
  std::vector<std::string> instances;
};

struct StateParams {
  // v1::ClusterState by name; empty: unchanged.
  std::string state;
};

// Result of kSurveyUnits.
struct UnitsSeen {
  std::vector<std::string> active;
  // Started at boot.
  std::vector<std::string> enabled{};
};

std::string ToJson(const ReleaseParams& params);
std::string ToJson(const InstancesParams& params);
std::string ToJson(const StateParams& params);
std::string ToJson(const UnitsSeen& seen);
absl::Status FromJson(const std::string& json, ReleaseParams* params);
absl::Status FromJson(const std::string& json, InstancesParams* params);
absl::Status FromJson(const std::string& json, StateParams* params);
absl::Status FromJson(const std::string& json, UnitsSeen* seen);

// Reads stored parameters or results of a step.
template <typename F>
absl::Status Parse(const std::string& text, F read) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    read(json);
  } catch (const nlohmann::json::exception& e) {
    return Error(absl::StatusCode::kInternal, "STEP_UNREADABLE",
                 "the stored parameters of a step cannot be read: {}", e.what());
  }
  return absl::OkStatus();
}

}  // namespace dmgr::operations

#endif  // DMGR_SERVER_OPERATIONS_PLAN_UNITS_H_
