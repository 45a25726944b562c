// What a topology may say of TLS, and who speaks it.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "server/topology/config_keys.h"
#include "server/topology/draft.h"
#include "server/topology/topology.h"

namespace dmgr::topology {
namespace {

// What many instances inherit is said once.
void ReportOnce(const std::string& field, std::string text, std::vector<Problem>* problems) {
  for (const Problem& problem : *problems) {
    if (problem.field == field) return;
  }
  problems->push_back({field, std::move(text)});
}

}  // namespace

// Who may connect is told by certificates, and how Prometheus connects is dmgr's to say.
void CheckTls(const std::vector<Draft>& drafts, bool enabled, std::vector<Problem>* problems) {
  const std::string names(kAllowedNames);
  for (const Draft& draft : drafts) {
    if (!enabled && draft.instance.config.fields().contains(names)) {
      ReportOnce(
          "topology.global.enable_tls",
          fmt::format("is not set, and without TLS nobody has a name that {} could allow", names),
          problems);
    }
    const auto& scraping = draft.instance.monitoring.additional_scrape_conf().fields();
    for (const char* key : {"scheme", "tls_config"}) {
      if (!enabled || !scraping.contains(key)) continue;
      ReportOnce(draft.Field(std::string("additional_scrape_conf.") + key),
                 "must not be given with enable_tls: dmgr sets it", problems);
    }
  }
}

bool Instance::HasCertificate() const {
  return tls != nullptr && (IsDm() || component == Component::kPrometheus);
}

void Cluster::SetTls(std::shared_ptr<const Tls> given) {
  tls = std::move(given);
  for (Instance& instance : instances) instance.tls = tls;
}

}  // namespace dmgr::topology
