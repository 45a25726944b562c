// cluster dmctl, diagnose.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/commands/when.h"
#include "client/output/format.h"
#include "client/output/prefixed.h"
#include "common/files.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 4U << 20;

struct DmctlOptions {
  std::string name;
  std::vector<std::string> words;
  std::string timeout;
};

// Whether a word means a file: of tasks and sources, and whatever is said by a path.
bool MeansFile(const std::string& word) {
  for (const char* begin : {"/", "./", "../"}) {
    if (word.starts_with(begin)) return true;
  }
  for (const char* end : {".yaml", ".yml", ".toml"}) {
    if (word.ends_with(end) && !word.starts_with('-')) return true;
  }
  return false;
}

absl::StatusOr<v1::RunDmctlRequest> RequestFor(const DmctlOptions& options) {
  v1::RunDmctlRequest request;
  request.set_cluster_name(options.name);
  for (const auto& word : options.words) {
    auto* added = request.add_words();
    if (MeansFile(word)) {
      ASSIGN_OR_RETURN(*added->mutable_file(), ReadInput(word));
      if (added->file().size() > kMaxFile) {
        return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "{} has more than {}", word,
                     Bytes(kMaxFile));
      }
    } else {
      added->set_text(word);
    }
  }
  if (options.timeout.empty()) return request;
  ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan(options.timeout));
  request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(span));
  return request;
}

absl::StatusOr<ExitCode> Dmctl(Environment& environment, const DmctlOptions& options) {
  ASSIGN_OR_RETURN(const auto request, RequestFor(options));
  Terminal& terminal = *environment.terminal;
  // dmctl's answers are JSON as they are.
  Prefixed out(&terminal.out(), "", terminal.live());
  Prefixed err(&terminal.err(), "", terminal.live());
  int code = kFailed;
  RETURN_IF_ERROR(ReadStream(environment, &v1::InstanceService::Stub::RunDmctl, request,
                             [&](const v1::RunDmctlResponse& response) {
                               if (response.has_standard_output())
                                 out.Take(response.standard_output());
                               if (response.has_standard_error())
                                 err.Take(response.standard_error());
                               if (response.has_exit()) code = response.exit().exit_code();
                               if (response.exit().timed_out()) {
                                 terminal.err() << "dmctl was killed, its time was over\n";
                               }
                             }));
  return static_cast<ExitCode>(code);
}

Run DeclareDmctl(const Syntax& syntax) {
  auto options = std::make_shared<DmctlOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax
      .Add("ARGS", &options->words,
           "after --: a command of dmctl; files, such as task.yaml, are taken from here")
      .Given();
  syntax.Add("--timeout", &options->timeout, "kill it after so long: 30s, 1h (2m)");
  return [options](Environment& environment) { return Dmctl(environment, *options); };
}

struct DiagnoseOptions {
  std::string name;
  std::string output;
};

absl::StatusOr<ExitCode> Diagnose(Environment& environment, const DiagnoseOptions& options) {
  v1::DiagnoseClusterRequest request;
  request.set_cluster_name(options.name);
  const std::string path =
      options.output.empty() ? "dmgr-" + options.name + ".tar.gz" : options.output;
  const std::string draft = path + ".part-" + NewUuid().substr(0, 8);
  std::uint64_t bytes = 0;
  absl::Status written;
  {
    ASSIGN_OR_RETURN(auto file, FileWriter::Create(draft, 0600));
    const absl::Status read = ReadStream(environment, &v1::InstanceService::Stub::DiagnoseCluster,
                                         request, [&](const v1::DiagnoseClusterResponse& response) {
                                           bytes += response.data().size();
                                           if (written.ok()) written = file.Write(response.data());
                                         });
    written = read.ok() ? written : read;
  }
  std::error_code error;
  if (written.ok()) fs::rename(draft, path, error);
  if (!written.ok() || error) {
    std::error_code ignored;
    fs::remove(draft, ignored);
    if (!written.ok()) return written;
    return Error(absl::StatusCode::kInvalidArgument, "FILE_UNWRITABLE", "cannot make {}: {}", path,
                 error.message());
  }
  if (environment.structured()) {
    environment.PrintStructured(Json{{"file", path}, {"bytes", bytes}});
  } else {
    environment.terminal->out() << path << ": " << Bytes(bytes)
                                << ", without secrets as far as they are known; look through it "
                                   "before it leaves the house\n";
  }
  return kDone;
}

Run DeclareDiagnose(const Syntax& syntax) {
  auto options = std::make_shared<DiagnoseOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("--output", &options->output, "file for the archive (dmgr-NAME.tar.gz)");
  return [options](Environment& environment) { return Diagnose(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterDmctlCommands() {
  return {{"cluster dmctl", "run the cluster's own dmctl against its leader",
           "dmgrctl cluster dmctl demo -- query-status", DeclareDmctl},
          {"cluster diagnose", "collect status, records, events, configurations and logs in a file",
           "dmgrctl cluster diagnose demo --output demo.tar.gz", DeclareDiagnose}};
}

}  // namespace dmgr::client
