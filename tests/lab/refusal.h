// What tests of refused calls share.
#ifndef DMGR_TESTS_LAB_REFUSAL_H_
#define DMGR_TESTS_LAB_REFUSAL_H_

#include <map>
#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

// Exit codes of dmgrctl.
inline constexpr int kBadInput = 2;
inline constexpr int kRefused = 3;
inline constexpr int kUnreachable = 4;

// Everything that a refused call must leave alone. The hosts that are down are not looked at.
class Unchanged {
 public:
  explicit Unchanged(Site* site, const std::string& down = "") : site_(site), down_(down) {
    records_ = Records();
    for (const auto& host : Site::Hosts()) {
      if (host != down_) trees_[host] = site_->Tree(host, IsWritten);
    }
  }
  void Check() const {
    CHECK(Records() == records_);
    for (const auto& [host, tree] : trees_) {
      INFO(host);
      CHECK(Difference(tree, site_->Tree(host, IsWritten)) == "");
    }
  }

 private:
  static bool IsWritten(const std::string& path) {
    return path.find("/data/") != std::string::npos || path.find("/log/") != std::string::npos;
  }
  std::vector<std::string> Records() const {
    return {site_->Ctl({"cluster", "list", "-o", "json"}).out,
            site_->Ctl({"machine", "list", "-o", "json"}).out,
            site_->Ctl({"package", "list", "-o", "json"}).out,
            site_->Ctl({"operation", "list", "-o", "json"}).out};
  }
  Site* site_;
  const std::string down_;
  std::vector<std::string> records_;
  std::map<std::string, HostTree> trees_;
};

// Checks the exit code and that the message has all the words and a remedy.
inline void CheckRefused(const Result& result, int exit_code,
                         const std::vector<std::string>& words) {
  INFO(result.out << result.err);
  CHECK(result.exit_code == exit_code);
  for (const auto& word : words) CHECK_THAT(result.err, Catch::Contains(word));
  CHECK_THAT(result.err, Catch::Contains("error: "));
}

inline void CheckRemedy(const Result& result, const std::string& word) {
  INFO(result.err);
  const auto next = result.err.find("next: ");
  REQUIRE(next != std::string::npos);
  CHECK_THAT(result.err.substr(next), Catch::Contains(word));
}

inline Result Deploy(Site& site, const std::string& file, const std::string& version = kVersion) {
  return site.Ctl({"cluster", "deploy", "refused", version, file, "--yes"});
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_REFUSAL_H_
