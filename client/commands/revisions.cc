// revisions, diff, rollback: of tasks, of sources and of targets.
#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "client/output/diff.h"
#include "common/error.h"
#include "dmgr/v1/source_service.pb.h"
#include "dmgr/v1/target_service.pb.h"
#include "dmgr/v1/task_service.pb.h"

namespace dmgr::client {
namespace {

struct RevisionOptions {
  ChangeOptions change;
  std::string cluster;
  std::string name;
  unsigned from = 0;
  unsigned to = 0;
  bool skip_checks = false;
};

// What has revisions: its calls, and its words.
struct OfTask {
  using ListRequest = v1::ListTaskRevisionsRequest;
  using ListResponse = v1::ListTaskRevisionsResponse;
  using GetRequest = v1::GetTaskRevisionRequest;
  using GetResponse = v1::GetTaskRevisionResponse;
  using RollbackRequest = v1::RollbackTaskRequest;
  using RollbackResponse = v1::RollbackTaskResponse;
  static constexpr char kNoun[] = "task";
  static constexpr char kArgument[] = "TASK";
  static constexpr char kMeans[] = " If it runs it is stopped and started.";
  template <typename Request>
  static void Name(const RevisionOptions& options, Request* request) {
    request->set_task_name(options.name);
  }
};

struct OfSource {
  using ListRequest = v1::ListSourceRevisionsRequest;
  using ListResponse = v1::ListSourceRevisionsResponse;
  using GetRequest = v1::GetSourceRevisionRequest;
  using GetResponse = v1::GetSourceRevisionResponse;
  using RollbackRequest = v1::RollbackSourceRequest;
  using RollbackResponse = v1::RollbackSourceResponse;
  static constexpr char kNoun[] = "source";
  static constexpr char kArgument[] = "SOURCE";
  static constexpr char kMeans[] = "";
  template <typename Request>
  static void Name(const RevisionOptions& options, Request* request) {
    request->set_source_id(options.name);
  }
};

struct OfTarget {
  using ListRequest = v1::ListTargetRevisionsRequest;
  using ListResponse = v1::ListTargetRevisionsResponse;
  using GetRequest = v1::GetTargetRevisionRequest;
  using GetResponse = v1::GetTargetRevisionResponse;
  static constexpr char kNoun[] = "target";
  static constexpr char kArgument[] = "TARGET";
  template <typename Request>
  static void Name(const RevisionOptions& options, Request* request) {
    request->set_target_name(options.name);
  }
};

template <typename Revision>
std::string TextOf(const Revision& revision) {
  return revision.config_yaml();
}

std::string TextOf(const v1::TargetRevision& revision) {
  if (!revision.has_target()) return "";
  const auto& target = revision.target();
  return fmt::format("host: {}\nport: {}\nuser: {}\nCA:\n{}\ncertificate:\n{}\n", target.host(),
                     target.port(), target.user_name(), target.ca_certificate(),
                     target.client_certificate());
}

template <typename Of>
std::shared_ptr<RevisionOptions> DeclareOf(const Syntax& syntax) {
  auto options = std::make_shared<RevisionOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  syntax.Add(Of::kArgument, &options->name, Of::kNoun).Required();
  return options;
}

template <typename Of, typename Request>
Request RequestFor(const RevisionOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  Of::Name(options, &request);
  return request;
}

template <typename Of>
Run DeclareRevisions(const Syntax& syntax) {
  auto options = DeclareOf<Of>(syntax);
  return [options](Environment& environment) {
    return environment.Show<typename Of::ListResponse>(
        RequestFor<Of, typename Of::ListRequest>(*options));
  };
}

template <typename Of>
auto GetRevision(Environment& environment, const RevisionOptions& options, std::int64_t revision) {
  auto request = RequestFor<Of, typename Of::GetRequest>(options);
  request.set_revision(revision);
  return environment.Call<typename Of::GetResponse>(request);
}

// The newest one that is older.
template <typename Of>
absl::StatusOr<std::int64_t> Before(Environment& environment, const RevisionOptions& options,
                                    std::int64_t revision) {
  ASSIGN_OR_RETURN(const auto list, environment.Call<typename Of::ListResponse>(
                                        RequestFor<Of, typename Of::ListRequest>(options)));
  for (const auto& one : list.revisions()) {
    if (one.revision() < revision) return one.revision();
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
               "{} {} has no configuration that is older than revision {}", Of::kNoun, options.name,
               revision);
}

template <typename Of>
absl::StatusOr<ExitCode> Diff(Environment& environment, const RevisionOptions& options) {
  ASSIGN_OR_RETURN(const auto to, GetRevision<Of>(environment, options, options.to));
  std::int64_t older = options.from;
  if (older == 0) {
    ASSIGN_OR_RETURN(older, Before<Of>(environment, options, to.revision().revision()));
  }
  ASSIGN_OR_RETURN(const auto from, GetRevision<Of>(environment, options, older));
  if (environment.structured()) {
    typename Of::ListResponse both;
    *both.add_revisions() = from.revision();
    *both.add_revisions() = to.revision();
    environment.PrintStructured(both);
    return kDone;
  }
  const std::string diff = LineDiff(TextOf(from.revision()), TextOf(to.revision()));
  environment.terminal->out() << (diff.empty() ? "nothing differs that may be shown\n" : diff);
  return kDone;
}

template <typename Of>
Run DeclareDiff(const Syntax& syntax) {
  auto options = DeclareOf<Of>(syntax);
  syntax.Add("--from", &options->from, "an earlier revision (the one before)");
  syntax.Add("--to", &options->to, "a later revision (the one in effect)");
  return [options](Environment& environment) { return Diff<Of>(environment, *options); };
}

template <typename Of>
Run DeclareRollback(const Syntax& syntax) {
  auto options = DeclareOf<Of>(syntax);
  syntax.Add("--revision", &options->to, "whose configuration it gets").Required();
  constexpr bool kAsksDatabase = requires(typename Of::RollbackRequest request) {
    request.set_skip_checks(true);
  };
  if constexpr (kAsksDatabase) DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = RequestFor<Of, typename Of::RollbackRequest>(*options);
    request.set_revision(options->to);
    if constexpr (kAsksDatabase) request.set_skip_checks(options->skip_checks);
    return Change<typename Of::RollbackResponse>(
        environment, options->change,
        fmt::format("Give {} {} of {} the configuration of revision {} again?{}", Of::kNoun,
                    options->name, options->cluster, options->to, Of::kMeans),
        request);
  };
}

// As an update of a target, it is done when it is answered, and nobody is asked.
Run DeclareTargetRollback(const Syntax& syntax) {
  auto options = DeclareOf<OfTarget>(syntax);
  syntax.Add("--revision", &options->to, "what it becomes again").Required();
  DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareDryRun(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    auto request = RequestFor<OfTarget, v1::RollbackTargetRequest>(*options);
    request.set_revision(options->to);
    request.set_skip_checks(options->skip_checks);
    ASSIGN_OR_RETURN(const auto response,
                     Make<v1::RollbackTargetResponse>(environment, options->change, request));
    TellWarnings(environment, response.warnings());
    return Tell(environment, options->change, response,
                fmt::format("target {} is as it was; tasks that run take it when they are started "
                            "again",
                            options->name));
  };
}

}  // namespace

std::vector<Command> RevisionCommands() {
  return {{"task revisions", "list the configurations that a task has had",
           "dmgrctl task revisions demo shop", DeclareRevisions<OfTask>},
          {"task diff", "what has changed between two configurations of a task",
           "dmgrctl task diff demo shop", DeclareDiff<OfTask>},
          {"task rollback", "give a task an earlier configuration again",
           "dmgrctl task rollback demo shop --revision 1", DeclareRollback<OfTask>},
          {"source revisions", "list the configurations that a source has had",
           "dmgrctl source revisions demo s1", DeclareRevisions<OfSource>},
          {"source diff", "what has changed between two configurations of a source",
           "dmgrctl source diff demo s1", DeclareDiff<OfSource>},
          {"source rollback", "give a source that no task uses an earlier configuration again",
           "dmgrctl source rollback demo s1 --revision 1", DeclareRollback<OfSource>},
          {"target revisions", "list what a target has been", "dmgrctl target revisions demo prod",
           DeclareRevisions<OfTarget>},
          {"target diff", "what has changed between two revisions of a target",
           "dmgrctl target diff demo prod", DeclareDiff<OfTarget>},
          {"target rollback", "make a target what it was, password included",
           "dmgrctl target rollback demo prod --revision 1", DeclareTargetRollback}};
}

}  // namespace dmgr::client
