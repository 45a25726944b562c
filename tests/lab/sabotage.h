// An instance that does not start with a program of some version.
#ifndef DMGR_TESTS_LAB_SABOTAGE_H_
#define DMGR_TESTS_LAB_SABOTAGE_H_

#include <fmt/format.h>

#include <string>

#include "tests/lab/site.h"

namespace dmgr::testing {

class Sabotage {
 public:
  // The instance is below /dm-deploy/<unit>; the unit's name without its suffix.
  Sabotage(Site& site, std::string host, const std::string& unit, const std::string& program,
           const std::string& version)
      : site_(site),
        host_(std::move(host)),
        dir_(fmt::format("/etc/systemd/system/{}.service.d", unit)) {
    site_.lab().Ssh(
        host_, fmt::format("mkdir -p {0} && printf '[Service]\\nExecStartPre=/bin/sh -c \"! grep "
                           "-q DMSIM-VERSION={1} /dm-deploy/{2}/bin/{3}\"\\n' > "
                           "{0}/sabotage.conf && systemctl daemon-reload",
                           dir_, version, unit, program));
  }
  ~Sabotage() { Mend(); }
  Sabotage(const Sabotage&) = delete;
  Sabotage& operator=(const Sabotage&) = delete;
  void Mend() { site_.lab().Ssh(host_, fmt::format("rm -rf {} && systemctl daemon-reload", dir_)); }

 private:
  Site& site_;
  const std::string host_;
  const std::string dir_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_LAB_SABOTAGE_H_
