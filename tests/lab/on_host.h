// A change to a host for a while.
#ifndef DMGR_TESTS_LAB_ON_HOST_H_
#define DMGR_TESTS_LAB_ON_HOST_H_

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "tests/lab/site.h"

namespace dmgr::testing {

// Runs a command on a host now, and another one at the end, whatever happens.
class OnHost {
 public:
  OnHost(Site* site, std::string host, const std::string& command, std::string at_end)
      : site_(site), host_(std::move(host)), at_end_(std::move(at_end)) {
    site_->lab().Ssh(host_, command);
  }
  ~OnHost() {
    try {
      site_->lab().Ssh(host_, at_end_);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
  }
  OnHost(const OnHost&) = delete;
  OnHost& operator=(const OnHost&) = delete;

 private:
  Site* site_;
  const std::string host_;
  const std::string at_end_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_ON_HOST_H_
