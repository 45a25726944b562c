// A host that has nothing of a cluster, and what moves there.
#ifndef DMGR_TESTS_LAB_SPARE_H_
#define DMGR_TESTS_LAB_SPARE_H_

#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {

// A fourth host, that has nothing of a cluster, registered as long as this lives.
class Spare {
 public:
  explicit Spare(Site& site) : site_(site) {
    site_.lab().Up(4);
    address_ = site_.lab().Address("h4");
    site_.PlaceAlertmanagerTemplates(site_.lab().Root("h4"));
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
