// A host that has nothing of a cluster, and what moves there.
#ifndef DMGR_TESTS_LAB_SPARE_H_
#define DMGR_TESTS_LAB_SPARE_H_

#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

// Another host, the fourth or a later one, that has nothing of a cluster, registered as long as
// this lives.
class Spare {
 public:
  explicit Spare(Site& site, int number = 4) : site_(site) {
    const std::string host = "h" + std::to_string(number);
    site_.lab().Up(number);
    address_ = site_.lab().Address(host);
    site_.PlaceAlertmanagerTemplates(site_.lab().Root(host));
    site_.MustCtl({"machine", "add", address_, "--key", site_.lab().Key()});
  }
  ~Spare() { site_.Ctl({"machine", "remove", address_, "--force", "--yes"}); }
  Spare(const Spare&) = delete;
  Spare& operator=(const Spare&) = delete;
  const std::string& address() const { return address_; }

 private:
  Site& site_;
  std::string address_;
};

/// The command that moves what kDemo has at one address to another one.
inline std::vector<std::string> MoveOf(const std::string& from, const std::string& to) {
  return {"machine", "move", from, to, "--cluster", kDemo, "--yes"};
}

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_SPARE_H_
