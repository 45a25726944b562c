// What the topology says of Prometheus, Alertmanager and Grafana only. Private to this room.
#ifndef DMGR_SERVER_TOPOLOGY_MONITORING_H_
#define DMGR_SERVER_TOPOLOGY_MONITORING_H_

#include <vector>

#include "server/topology/config.h"
#include "server/topology/draft.h"

namespace dmgr::topology {

// Check the message, and put what is in force into the draft's instance.
void SetMonitoring(const v1::MonitoringServer& server, Draft* draft,
                   std::vector<Problem>* problems);
void SetAlertmanager(const v1::AlertmanagerServer& server, Draft* draft,
                     std::vector<Problem>* problems);
void SetGrafana(const v1::GrafanaServer& server, Draft* draft, std::vector<Problem>* problems);

// What the keys of grafana_servers are in grafana.ini.
FlatConfig GrafanaKeys(const v1::GrafanaServer& server);

}  // namespace dmgr::topology

#endif  // DMGR_SERVER_TOPOLOGY_MONITORING_H_
