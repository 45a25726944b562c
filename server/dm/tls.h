// How dmgr shows itself to a DM cluster that has TLS.
#ifndef DMGR_SERVER_DM_TLS_H_
#define DMGR_SERVER_DM_TLS_H_

#include <string>

#include "absl/status/status.h"

namespace dmgr::dm {

// PEM. All empty: plain text. With a ca alone dmgr shows no certificate.
struct TlsMaterial {
  std::string ca{};
  std::string certificate{};
  std::string key{};
  // Why there is none though there should be: what every call then says.
  absl::Status problem{};

  bool empty() const { return ca.empty() && certificate.empty() && key.empty(); }
};

}  // namespace dmgr::dm

#endif  // DMGR_SERVER_DM_TLS_H_
