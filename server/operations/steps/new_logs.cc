#include "server/operations/steps/new_logs.h"

#include <utility>

#include "common/error.h"
#include "server/clusters/evidence.h"
#include "server/operations/steps/host_scope.h"

namespace dmgr::operations {
namespace {

using engine::StepContext;
using topology::Instance;

// Of each log; a start that says more has said why at the end.
constexpr std::uint32_t kMaxLogBytes = 64U << 10;

}  // namespace

absl::StatusOr<LogMarks> MarkLogs(StepContext& context,
                                  const std::vector<const Instance*>& instances) {
  hv1::ToHost request;
  auto* mark = request.mutable_mark_logs();
  for (const auto* instance : instances) {
    for (const auto& path : clusters::LogPathsOf(*instance)) mark->add_paths(path);
  }
  ASSIGN_OR_RETURN(auto reply, Hosts(context).Call(context, std::move(request)));
  LogMarks marks;
  marks.time_us = reply.log_marks().time_us();
  for (auto& file : *reply.mutable_log_marks()->mutable_files()) {
    const std::string path = file.path();
    marks.files[path] = std::move(file);
  }
  return marks;
}

diagnosis::Diagnosis DiagnoseSince(StepContext& context, const Instance& instance,
                                   const LogMarks& since, int exit_status) {
  hv1::ToHost request;
  auto* read = request.mutable_batch()->add_requests()->mutable_read_new_logs();
  read->set_max_bytes(kMaxLogBytes);
  auto* source = read->add_sources();
  source->set_unit(instance.Unit());
  source->set_since_us(since.time_us);
  for (const auto& path : clusters::LogPathsOf(instance)) {
    auto* file = source->add_files();
    const auto mark = since.files.find(path);
    if (mark != since.files.end()) *file = mark->second;
    file->set_path(path);
  }
  auto* space = request.mutable_batch()->add_requests()->mutable_get_space();
  for (const auto& directory : clusters::DirectoriesOf(instance)) space->add_paths(directory.path);
  const auto reply = Hosts(context).Call(context, std::move(request));
  hv1::NewLogs logs;
  hv1::Space room;
  if (reply.ok()) {
    for (const auto& one : reply->batch().replies()) {
      if (one.has_new_logs()) logs = one.new_logs();
      if (one.has_space()) room = one.space();
    }
  }
  return diagnosis::Explain(clusters::EvidenceOf(instance, logs, room, exit_status));
}

}  // namespace dmgr::operations
