#ifndef DMGR_TESTS_HOST_NEAR_TEST_SUPPORT_H_
#define DMGR_TESTS_HOST_NEAR_TEST_SUPPORT_H_

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/host/near/far_end.h"
#include "tests/support/process_link.h"

namespace dmgr::testing {

inline std::string StandInPath() { return DMGR_BINARY_DIR "/tests/dmgr_stand_in"; }

inline host::hv1::Begin ReadOnly() {
  host::hv1::Begin begin;
  begin.set_mode(host::hv1::Begin::MODE_READ);
  return begin;
}

/// The stand-in of stand_in.cc on host "h1"; pid, if given, gets its process.
inline absl::StatusOr<std::unique_ptr<host::FarEnd>> StartStandIn(const std::string& how = "serve",
                                                                  pid_t* pid = nullptr) {
  auto link = std::make_unique<ProcessLink>(std::vector<std::string>{StandInPath(), how});
  if (pid != nullptr) *pid = link->pid();
  return host::FarEnd::StartOverLink(std::move(link), "h1", ReadOnly(),
                                     absl::Now() + absl::Seconds(5));
}

/// Has the stand-in do what the first word says.
inline host::hv1::ToHost Do(const std::vector<std::string>& words) {
  host::hv1::ToHost request;
  for (const std::string& word : words) request.mutable_read_logs()->add_paths(word);
  return request;
}

inline host::CallOptions Within(absl::Duration time) { return {.deadline = absl::Now() + time}; }

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_HOST_NEAR_TEST_SUPPORT_H_
