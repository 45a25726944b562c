// cluster push, pull.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "client/commands/command.h"
#include "client/commands/stream.h"
#include "client/output/format.h"
#include "common/files.h"

namespace dmgr::client {
namespace {

namespace fs = std::filesystem;

struct FileOptions {
  std::string name;
  std::string local;
  std::string remote;
  WhereOptions where;
  std::string max_size = "1GiB";
  bool dry_run = false;
};

// "300", "20KiB", "1GiB".
absl::StatusOr<std::uint64_t> ParseSize(const std::string& text) {
  std::size_t end = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  const std::string unit = text.substr(end);
  for (const auto& [name, shift] :
       {std::pair("", 0), std::pair("KiB", 10), std::pair("MiB", 20), std::pair("GiB", 30)}) {
    if (unit == name && end > 0 && end < 10) return std::stoull(text.substr(0, end)) << shift;
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "\"{}\" is no size", text)
      .Remedy("such as 300, 20KiB, 5MiB, 1GiB");
}

absl::StatusOr<v1::PushFileHeader> HeaderFor(const FileOptions& options) {
  v1::PushFileHeader header;
  header.set_cluster_name(options.name);
  *header.mutable_where() = WhereOf(options.where);
  header.set_path(options.remote);
  header.set_validate_only(options.dry_run);
  struct stat info = {};
  if (stat(options.local.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "{} is no file", options.local)
        .Remedy("a folder can be sent as an archive, and unpacked by dmgrctl cluster exec");
  }
  header.set_mode(info.st_mode & 0777);
  header.set_size_bytes(static_cast<std::uint64_t>(info.st_size));
  ASSIGN_OR_RETURN(const std::uint64_t most, ParseSize(options.max_size));
  if (header.size_bytes() > most) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_USAGE", "{} has {}, more than {}",
                 options.local, Bytes(header.size_bytes()), options.max_size)
        .Remedy("allow more by --max-size");
  }
  return header;
}

absl::StatusOr<ExitCode> Push(Environment& environment, const FileOptions& options) {
  ASSIGN_OR_RETURN(const auto header, HeaderFor(options));
  ASSIGN_OR_RETURN(const auto response, SendFile(environment, &v1::InstanceService::Stub::PushFile,
                                                 header, options.local));
  if (environment.structured()) {
    environment.PrintStructured(response);
    return response.problems().empty() ? kDone : kFailed;
  }
  Problems problems(&environment);
  for (int i = 0; i < response.hosts_size(); ++i) {
    const auto failed =
        std::ranges::find_if(response.problems(), [&](const v1::HostProblem& problem) {
          return problem.host_index() == static_cast<std::uint32_t>(i);
        });
    if (failed != response.problems().end()) {
      problems.Tell(response.hosts(i).host(), failed->error());
    } else {
      environment.terminal->out() << response.hosts(i).host() << ": "
                                  << (options.dry_run ? "would write " : "wrote ") << options.remote
                                  << " as " << response.user() << "\n";
    }
  }
  return problems.none() ? kDone : kFailed;
}

// A file that comes, under another name until it is complete.
class Incoming {
 public:
  static absl::StatusOr<Incoming> Begin(const std::string& path, std::uint32_t mode) {
    std::error_code ignored;
    fs::create_directories(fs::path(path).parent_path(), ignored);
    const std::string draft = path + ".part-" + NewUuid().substr(0, 8);
    ASSIGN_OR_RETURN(auto writer, FileWriter::Create(draft, mode));
    return Incoming(path, draft, std::move(writer));
  }
  ~Incoming() {
    if (!draft_.empty()) std::remove(draft_.c_str());
  }
  Incoming(Incoming&& other) noexcept
      : path_(std::move(other.path_)),
        draft_(std::exchange(other.draft_, "")),
        writer_(std::move(other.writer_)) {}
  Incoming& operator=(Incoming&&) = delete;

  const std::string& path() const { return path_; }
  absl::Status Write(std::string_view data) { return writer_.Write(data); }
  absl::Status Complete() {
    if (std::rename(draft_.c_str(), path_.c_str()) != 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "FILE_UNWRITABLE", "cannot make {}",
                   path_)
          .Remedy("see what is there");
    }
    draft_.clear();
    return absl::OkStatus();
  }

 private:
  Incoming(std::string path, std::string draft, FileWriter writer)
      : path_(std::move(path)), draft_(std::move(draft)), writer_(std::move(writer)) {}

  std::string path_;
  std::string draft_;
  FileWriter writer_;
};

class Puller {
 public:
  Puller(Environment* environment, const FileOptions* options)
      : environment_(*environment), options_(*options), problems_(environment) {}

  // From then on only what is wrong here counts.
  void Take(const v1::PullFileResponse& response) {
    if (!status_.ok()) return;
    status_ = TryTake(response);
  }
  absl::StatusOr<ExitCode> End() const {
    RETURN_IF_ERROR(status_);
    return problems_.none() ? kDone : kFailed;
  }

 private:
  absl::Status TryTake(const v1::PullFileResponse& response) {
    switch (response.event_case()) {
      case v1::PullFileResponse::kHosts:
        hosts_ = response.hosts();
        files_.resize(static_cast<std::size_t>(hosts_.hosts_size()));
        return absl::OkStatus();
      case v1::PullFileResponse::kStart: {
        ASSIGN_OR_RETURN(const std::string path, LocalPath(response.start().host_index()));
        ASSIGN_OR_RETURN(auto file, Incoming::Begin(path, response.start().mode() & 0777));
        files_.at(response.start().host_index()).emplace(std::move(file));
        return absl::OkStatus();
      }
      case v1::PullFileResponse::kData:
        return FileOf(response.data().host_index()).Write(response.data().data());
      case v1::PullFileResponse::kEnd:
        return Complete(response.end().host_index());
      case v1::PullFileResponse::kProblem:
        files_.at(response.problem().host_index()).reset();
        problems_.Tell(HostOf(response.problem().host_index()), response.problem().error());
        return absl::OkStatus();
      default:
        return absl::OkStatus();
    }
  }

  std::string HostOf(std::uint32_t index) const {
    return hosts_.hosts(static_cast<int>(index)).host();
  }
  Incoming& FileOf(std::uint32_t index) { return files_.at(index).value(); }

  // One host's file is LOCAL, or in it when it is a folder; those of several are LOCAL/HOST/NAME.
  absl::StatusOr<std::string> LocalPath(std::uint32_t index) const {
    const std::string name = fs::path(options_.remote).filename().string();
    if (hosts_.hosts_size() == 1) {
      const bool folder = options_.local.ends_with('/') || fs::is_directory(options_.local);
      return folder ? (fs::path(options_.local) / name).string() : options_.local;
    }
    const std::string host = HostOf(index);
    if (host.empty() || host.front() == '.' || host.find('/') != std::string::npos) {
      return Error(absl::StatusCode::kInternal, "BAD_ANSWER", "{} is no name for a folder", host);
    }
    return (fs::path(options_.local) / host / name).string();
  }

  absl::Status Complete(std::uint32_t index) {
    Incoming& file = FileOf(index);
    RETURN_IF_ERROR(file.Complete());
    if (environment_.structured()) {
      environment_.PrintEvent(Json{{"host", HostOf(index)}, {"file", file.path()}});
    } else {
      environment_.terminal->out() << HostOf(index) << ": " << file.path() << "\n";
    }
    files_.at(index).reset();
    return absl::OkStatus();
  }

  Environment& environment_;
  const FileOptions& options_;
  Problems problems_;
  absl::Status status_;
  v1::StreamHosts hosts_;
  std::vector<std::optional<Incoming>> files_;
};

absl::StatusOr<ExitCode> Pull(Environment& environment, const FileOptions& options) {
  v1::PullFileRequest request;
  request.set_cluster_name(options.name);
  *request.mutable_where() = WhereOf(options.where);
  request.set_path(options.remote);
  ASSIGN_OR_RETURN(const std::uint64_t most, ParseSize(options.max_size));
  request.set_max_bytes(most);
  Puller puller(&environment, &options);
  RETURN_IF_ERROR(ReadStream(environment, &v1::InstanceService::Stub::PullFile, request,
                             [&](const auto& response) { puller.Take(response); }));
  return puller.End();
}

Run DeclarePush(const Syntax& syntax) {
  auto options = std::make_shared<FileOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("LOCAL", &options->local, "file here").Required();
  syntax.Add("REMOTE", &options->remote, "path there, of the file itself").Required();
  DeclareWhere(syntax, &options->where);
  syntax.Add("--max-size", &options->max_size, "refuse what is bigger: 20MiB (1GiB, the most)");
  syntax.Flag("--dry-run", &options->dry_run, "check everything, and write nothing");
  return [options](Environment& environment) { return Push(environment, *options); };
}

Run DeclarePull(const Syntax& syntax) {
  auto options = std::make_shared<FileOptions>();
  syntax.Add("NAME", &options->name, "cluster").Required();
  syntax.Add("REMOTE", &options->remote, "path of a file there").Required();
  syntax.Add("LOCAL", &options->local, "file or folder here; of several hosts LOCAL/HOST/...")
      .Required();
  DeclareWhere(syntax, &options->where);
  syntax.Add("--max-size", &options->max_size, "refuse what is bigger: 20MiB (1GiB)");
  return [options](Environment& environment) { return Pull(environment, *options); };
}

}  // namespace

std::vector<Command> ClusterFileCommands() {
  return {{"cluster push", "write a file on a cluster's hosts, as the cluster's user",
           "dmgrctl cluster push demo ./topology.yaml /tmp/topology.yaml --role dm-worker",
           DeclarePush},
          {"cluster pull", "read a file from a cluster's hosts, as the cluster's user",
           "dmgrctl cluster pull demo /dm-deploy/dm-worker-8262/conf/dm-worker.toml ./conf",
           DeclarePull}};
}

}  // namespace dmgr::client
