#include "client/commands/names.h"

#include "absl/time/time.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/source_service.pb.h"
#include "dmgr/v1/target_service.pb.h"
#include "dmgr/v1/task_service.pb.h"
#include "dmgr/v1/warehouse_service.pb.h"

namespace dmgr::client {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(2);
constexpr int kMostNames = 1000;
constexpr int kMostOperations = 20;

using Words = std::vector<std::string>;

// The name of each thing in a list of an answer.
template <typename Response, typename Request, typename List, typename Name>
Words Ask(Environment& environment, const Request& request, List list, Name name) {
  const auto response = environment.connection().Call<Response>(request, kPatience);
  Words names;
  if (!response.ok()) return names;
  for (const auto& thing : list(*response)) names.push_back(name(thing));
  return names;
}

template <typename Request>
Request Page(int size) {
  Request request;
  request.set_page_size(size);
  return request;
}

template <typename Request>
Request InCluster(const std::string& cluster) {
  auto request = Page<Request>(kMostNames);
  request.set_cluster_name(cluster);
  return request;
}

// DM is not asked: it may take longer than anybody waits.
template <typename Request>
Request Recorded(const std::string& cluster) {
  auto request = InCluster<Request>(cluster);
  request.set_recorded_only(true);
  return request;
}

}  // namespace

Words NamesFromServer(Environment& environment, Things things, const std::string& cluster) {
  switch (things) {
    case Things::kClusters:
      return Ask<v1::ListClustersResponse>(
          environment, Page<v1::ListClustersRequest>(kMostNames),
          [](const auto& answer) { return answer.clusters(); },
          [](const auto& one) { return one.name(); });
    case Things::kInstances: {
      v1::GetClusterRequest request;
      request.set_cluster_name(cluster);
      request.set_view(v1::CLUSTER_VIEW_BASIC);
      return Ask<v1::GetClusterResponse>(
          environment, request, [](const auto& answer) { return answer.cluster().instances(); },
          [](const auto& one) { return one.name(); });
    }
    case Things::kMachines:
      return Ask<v1::ListMachinesResponse>(
          environment, Page<v1::ListMachinesRequest>(kMostNames),
          [](const auto& answer) { return answer.machines(); },
          [](const auto& one) { return one.machine_id(); });
    case Things::kOperations:
      return Ask<v1::ListOperationsResponse>(
          environment, Page<v1::ListOperationsRequest>(kMostOperations),
          [](const auto& answer) { return answer.operations(); },
          [](const auto& one) { return one.operation_id(); });
    case Things::kVersions:
      return Ask<v1::ListPackagesResponse>(
          environment, Page<v1::ListPackagesRequest>(kMostNames),
          [](const auto& answer) { return answer.packages(); },
          [](const auto& one) { return one.version(); });
    case Things::kSources:
      return Ask<v1::ListSourcesResponse>(
          environment, Recorded<v1::ListSourcesRequest>(cluster),
          [](const auto& answer) { return answer.sources(); },
          [](const auto& one) { return one.source_id(); });
    case Things::kTargets:
      return Ask<v1::ListTargetsResponse>(
          environment, InCluster<v1::ListTargetsRequest>(cluster),
          [](const auto& answer) { return answer.targets(); },
          [](const auto& one) { return one.target_name(); });
    case Things::kTasks:
      return Ask<v1::ListTasksResponse>(
          environment, Recorded<v1::ListTasksRequest>(cluster),
          [](const auto& answer) { return answer.tasks(); },
          [](const auto& one) { return one.task_name(); });
  }
  return {};
}

}  // namespace dmgr::client
