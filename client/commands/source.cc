// source create, update, delete, list, show, transfer, relay, purge-relay, adopt, check.
#include <fmt/format.h>

#include "client/commands/change.h"
#include "client/commands/command.h"
#include "client/commands/database.h"
#include "client/migrations/configs.h"
#include "common/error.h"
#include "dmgr/v1/source_service.pb.h"

namespace dmgr::client {
namespace {

struct SourceOptions {
  ChangeOptions change;
  std::string cluster;
  std::string source;
  std::string file;
  std::string worker;
  std::vector<std::string> workers;
  std::string state;
  std::string sub_dir;
  DatabaseOptions database;
  bool gtid = false;
  bool relay = false;
  bool recorded = false;
  bool config = false;
  bool skip_checks = false;
  unsigned revision = 0;
};

std::shared_ptr<SourceOptions> DeclareInCluster(const Syntax& syntax) {
  auto options = std::make_shared<SourceOptions>();
  syntax.Add("CLUSTER", &options->cluster, "cluster").Required();
  return options;
}

std::shared_ptr<SourceOptions> DeclareSource(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax.Add("SOURCE", &options->source, "its id in DM").Required();
  return options;
}

template <typename Request>
Request About(const SourceOptions& options) {
  Request request;
  request.set_cluster_name(options.cluster);
  request.set_source_id(options.source);
  return request;
}

// Of the file, or made of what was typed.
absl::StatusOr<std::string> ConfigOf(Environment& environment, const SourceOptions& options) {
  if (!options.file.empty()) return ReadConfig(options.file);
  if (options.source.empty() || options.database.host.empty() || options.database.user.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                 "which database the source is was not said")
        .Remedy("pass FILE, or --id, --host and --user");
  }
  SourceWords words;
  words.id = options.source;
  words.host = options.database.host;
  if (options.database.port != 0) words.port = options.database.port;
  words.user = options.database.user;
  words.gtid = options.gtid;
  words.relay = options.relay;
  ASSIGN_OR_RETURN(words.password, DatabasePassword(environment, options.database));
  return SourceYaml(words);
}

Run DeclareCreate(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  const Option file =
      syntax.Add("FILE", &options->file, "DM's configuration of a source; - is standard input");
  syntax.Add("--id", &options->source, "without FILE: its id in DM").Excludes(file);
  DeclareDatabase(syntax, "3306", &options->database).Excludes(file);
  syntax.Flag("--gtid", &options->gtid, "follow the database by GTIDs").Excludes(file);
  syntax.Flag("--relay", &options->relay, "keep a relay log of it").Excludes(file);
  syntax.Add("--worker", &options->worker, "dm-worker that it is bound to (DM chooses)");
  DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CreateSourceRequest request;
    request.set_cluster_name(options->cluster);
    ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ConfigOf(environment, *options));
    request.set_worker_name(options->worker);
    request.set_skip_checks(options->skip_checks);
    // It takes nothing away: nobody is asked.
    options->change.yes = true;
    return Change<v1::CreateSourceResponse>(environment, options->change, "", request);
  };
}

Run DeclareUpdate(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax
      .Add("FILE", &options->file,
           "DM's configuration of the source; - is standard input, \"******\" the password it has")
      .Required();
  DeclareRevision(syntax, &options->revision);
  DeclareSkipChecks(syntax, &options->skip_checks);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::UpdateSourceRequest request;
    request.set_cluster_name(options->cluster);
    ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ReadConfig(options->file));
    request.set_revision(options->revision);
    request.set_skip_checks(options->skip_checks);
    return Change<v1::UpdateSourceResponse>(
        environment, options->change,
        fmt::format("Give the source of {} in {} this configuration?", options->file,
                    options->cluster),
        request);
  };
}

Run DeclareDelete(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    return Change<v1::DeleteSourceResponse>(
        environment, options->change,
        fmt::format("Delete source {} of {}?", options->source, options->cluster),
        About<v1::DeleteSourceRequest>(*options));
  };
}

Run DeclareTransfer(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  syntax.Add("WORKER", &options->worker, "dm-worker that is free").Required();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = About<v1::TransferSourceRequest>(*options);
    request.set_worker_name(options->worker);
    return Change<v1::TransferSourceResponse>(
        environment, options->change,
        fmt::format("Bind source {} of {} to {}? Its tasks pause for a moment.", options->source,
                    options->cluster, options->worker),
        request);
  };
}

Run DeclareRelay(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  syntax.Add("STATE", &options->state, "on: a relay log is kept; off: no more")
      .Required()
      .OneOf({"on", "off"});
  syntax
      .Add("--worker", &options->workers,
           "dm-worker that keeps it (the one that the source is bound to); may be given again")
      .List();
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = About<v1::SetSourceRelayRequest>(*options);
    request.set_enabled(options->state == "on");
    request.mutable_worker_names()->Add(options->workers.begin(), options->workers.end());
    return Change<v1::SetSourceRelayResponse>(
        environment, options->change,
        request.enabled()
            ? fmt::format("Begin a relay log of source {} of {}? A task that has read past its "
                          "beginning pauses.",
                          options->source, options->cluster)
            : fmt::format("End the relay log of source {} of {}? Its tasks read from the database.",
                          options->source, options->cluster),
        request);
  };
}

Run DeclarePurgeRelay(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  syntax.Add("FILE", &options->file, "binlog file: those before it are removed").Required();
  syntax.Add("--sub-dir", &options->sub_dir, "folder of the relay log that it is in (the newest)");
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    auto request = About<v1::PurgeSourceRelayRequest>(*options);
    request.set_before_file(options->file);
    request.set_sub_dir(options->sub_dir);
    return Change<v1::PurgeSourceRelayResponse>(
        environment, options->change,
        fmt::format("Remove files of the relay log of source {} of {} before {}?", options->source,
                    options->cluster, options->file),
        request);
  };
}

Run DeclareAdopt(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  DeclareChange(syntax, &options->change);
  return [options](Environment& environment) {
    // Nothing changes in DM: nobody is asked.
    options->change.yes = true;
    return Change<v1::AdoptSourceResponse>(environment, options->change, "",
                                           About<v1::AdoptSourceRequest>(*options));
  };
}

Run DeclareCheck(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax.Add("SOURCE", &options->source, "source, or DM's configuration of one (.yaml, or -)")
      .Required();
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    v1::CheckSourceRequest request;
    request.set_cluster_name(options->cluster);
    if (LooksLikeFile(options->source)) {
      ASSIGN_OR_RETURN(*request.mutable_config_yaml(), ReadConfig(options->source));
    } else {
      request.set_source_id(options->source);
    }
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::CheckSourceResponse>(request));
    environment.Print(response);
    return HasFailed(response.checks()) ? kFailed : kDone;
  };
}

Run DeclareList(const Syntax& syntax) {
  auto options = DeclareInCluster(syntax);
  syntax.Flag("--recorded", &options->recorded, "as recorded; DM is not asked");
  return [options](Environment& environment) {
    v1::ListSourcesRequest request;
    request.set_cluster_name(options->cluster);
    request.set_recorded_only(options->recorded);
    return environment.ShowAll<v1::ListSourcesResponse>(request);
  };
}

Run DeclareShow(const Syntax& syntax) {
  auto options = DeclareSource(syntax);
  syntax.Flag("--config", &options->config, "only its configuration, for a file");
  return [options](Environment& environment) -> absl::StatusOr<ExitCode> {
    ASSIGN_OR_RETURN(const auto response, environment.Call<v1::GetSourceResponse>(
                                              About<v1::GetSourceRequest>(*options)));
    if (!options->config || environment.structured()) {
      environment.Print(response);
    } else {
      environment.terminal->out() << response.source().config_yaml();
    }
    return kDone;
  };
}

}  // namespace

std::vector<Command> SourceCommands() {
  return {{"source create", "give a cluster a database to read from",
           "dmgrctl source create demo --id s1 --host db1 --user dm --password-file db.password",
           DeclareCreate},
          {"source update", "another configuration of a source that no task uses",
           "dmgrctl source update demo source.yaml", DeclareUpdate},
          {"source delete", "take a source that no task uses out of a cluster",
           "dmgrctl source delete demo s1", DeclareDelete},
          {"source list", "list the sources of a cluster, those that others made too",
           "dmgrctl source list demo", DeclareList},
          {"source show", "show a source, its worker and its configuration",
           "dmgrctl source show demo s1", DeclareShow},
          {"source transfer", "bind a source to another dm-worker, with its tasks",
           "dmgrctl source transfer demo s1 dm-10.0.0.3-8262", DeclareTransfer},
          {"source relay", "have a dm-worker keep a relay log of a source, or no more",
           "dmgrctl source relay demo s1 on", DeclareRelay},
          {"source purge-relay", "remove the older files of a source's relay log",
           "dmgrctl source purge-relay demo s1 mysql-bin.000001", DeclarePurgeRelay},
          {"source adopt", "manage a source that was made by something else, password included",
           "dmgrctl source adopt demo old", DeclareAdopt},
          {"source check", "is a source's database as DM needs it?", "dmgrctl source check demo s1",
           DeclareCheck}};
}

}  // namespace dmgr::client
