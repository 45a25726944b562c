// What the page shows, as HTML: pure functions of what the API has answered. All of it is escaped.
// Private to this room.
#ifndef DMGR_SERVER_PAGE_VIEWS_H_
#define DMGR_SERVER_PAGE_VIEWS_H_

#include <string>

#include "absl/status/status.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/task_service.pb.h"
#include "server/page/words.h"

namespace dmgr::page {

// What is around the part that changes.
struct Frame {
  Language language = Language::kEnglish;
  std::string title{};
  // Who looks; empty: nobody has logged in.
  std::string user{};
  // After so many seconds the part is fetched again; 0: never.
  int period = 0;
};
std::string InFrame(const Frame& frame, const std::string& part);

// error: of a login that was refused; empty: none was.
std::string LoginPart(Language language, const std::string& error);
std::string ErrorPart(Language language, const absl::Status& status);
std::string ClustersPart(Language language, const v1::ListClustersResponse& clusters);
// Until its hosts have been asked: what is recorded of it, and that the rest is to be fetched now.
std::string ClusterAwaitedPart(Language language, const v1::Cluster& cluster);
std::string ClusterPart(Language language, const v1::GetClusterStatusResponse& status,
                        const v1::ListTasksResponse& tasks,
                        const v1::ListOperationsResponse& operations);
std::string OperationsPart(Language language, const v1::ListOperationsResponse& operations);
std::string OperationPart(Language language, const v1::Operation& operation);
std::string TasksPart(Language language, const v1::ListTasksResponse& tasks);

}  // namespace dmgr::page

#endif  // DMGR_SERVER_PAGE_VIEWS_H_
