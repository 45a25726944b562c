#include "server/instances/diagnose.h"

#include <google/protobuf/util/json_util.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/error.h"
#include "common/files.h"
#include "common/package/tar_writer.h"
#include "common/version.h"
#include "server/clusters/record.h"
#include "server/clusters/to_api.h"
#include "server/instances/redact.h"
#include "server/machines/machines.h"
#include "server/status/status.h"
#include "server/store/operation_store.h"
#include "server/warehouse/warehouse.h"

namespace dmgr::instances {
namespace {

namespace fs = std::filesystem;

constexpr int kOperations = 20;
constexpr int kEventsEach = 2000;
constexpr std::uint64_t kLinesEach = 2000;
// Of one log; the last lines count.
constexpr std::size_t kMaxLog = 2U << 20;
constexpr std::size_t kHostsAtOnce = 32;
constexpr std::size_t kChunk = 256U << 10;

// A folder of its own that goes with whatever is in it.
class Workplace {
 public:
  static absl::StatusOr<std::unique_ptr<Workplace>> Make() {
    std::string path = (fs::temp_directory_path() / "dmgr-diagnose-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      return Error(absl::StatusCode::kResourceExhausted, "CONTROL_DISK_FULL",
                   "cannot make a folder in {} on dmgrd's machine",
                   fs::path(path).parent_path().string())
          .Remedy("free space there, then try again");
    }
    return std::unique_ptr<Workplace>(new Workplace(path));
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string archive() const { return path_ + "/diagnose.tar.gz"; }

 private:
  explicit Workplace(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

std::string JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : status.ToString();
}

// All that dmgrd keeps secret of a cluster.
std::vector<std::string> SecretsOf(const Resources& resources, const store::ClusterRecord& record) {
  std::vector<std::string> secrets = SensitiveTexts(topology::OptionsOf(record.cluster));
  const std::string& uuid = record.cluster.uuid;
  for (const auto& [sealed, context] :
       {std::pair(record.sealed_grafana_password, clusters::GrafanaContext(uuid)),
        std::pair(record.sealed_private_key, clusters::ClusterKeyContext(uuid))}) {
    auto opened = resources.secrets->Open(sealed, context);
    if (opened.ok()) secrets.push_back(*std::move(opened));
  }
  // "admin" is what Grafana's is called everywhere.
  std::erase(secrets, "admin");
  return secrets;
}

class Diagnosis {
 public:
  Diagnosis(const Resources* resources, Places* places, Targets targets, Gone gone,
            package::TarWriter* archive)
      : resources_(*resources),
        places_(places),
        targets_(std::move(targets)),
        cluster_(targets_.record.cluster.name),
        gone_(std::move(gone)),
        archive_(archive),
        redactor_(SecretsOf(*resources, targets_.record)) {}

  absl::Status Run() {
    RETURN_IF_ERROR(AddRecord());
    RETURN_IF_ERROR(AddStatus());
    RETURN_IF_ERROR(AddOperations());
    RETURN_IF_ERROR(AddConfigurations());
    RETURN_IF_ERROR(AddHosts());
    RETURN_IF_ERROR(AddLogs());
    return Add("missing.txt", missing_);
  }

 private:
  absl::Status AddRecord();
  absl::Status AddStatus();
  absl::Status AddOperations();
  absl::Status AddConfigurations();
  absl::Status AddHosts();
  absl::Status AddLogs();

  // Everything goes through here, and is cleaned here.
  absl::Status Add(const std::string& path, const std::string& text) {
    if (gone_()) return absl::CancelledError("the caller has gone");
    return archive_->AddText(cluster_ + "/" + path, redactor_.Clean(text));
  }
  // What is not there, and why.
  void Miss(const std::string& what, const absl::Status& why) {
    missing_ += fmt::format("{}: {}\n", what, Message(why));
  }

  const Resources& resources_;
  Places* const places_;
  const Targets targets_;
  const std::string cluster_;
  const Gone gone_;
  package::TarWriter* const archive_;
  const Redactor redactor_;
  std::string missing_;
};

absl::Status Diagnosis::AddRecord() {
  v1::Cluster cluster;
  RETURN_IF_ERROR(resources_.database->Read([&](store::Transaction& tx) {
    return clusters::Show(tx, targets_.record, /*full=*/true, &cluster);
  }));
  RETURN_IF_ERROR(Add("cluster.json", JsonOf(cluster)));
  const auto package = warehouse::LoadPackage(resources_, targets_.record.cluster.version);
  std::string text = fmt::format("dmgrd {}\ncluster {}\nmade {}\n", BuildVersion(),
                                 targets_.record.cluster.version, absl::FormatTime(absl::Now()));
  if (package.ok()) {
    text +=
        fmt::format("package {} {} {}\n", package->version(), package->arch(), package->sha256());
  } else {
    Miss("the package", package.status());
  }
  return Add("versions.txt", text);
}

absl::Status Diagnosis::AddStatus() {
  const auto status = status::ProbeCluster(resources_, cluster_);
  if (status.ok()) return Add("status.json", JsonOf(*status));
  Miss("the status", status.status());
  return absl::OkStatus();
}

absl::Status Diagnosis::AddOperations() {
  v1::ListOperationsRequest filter;
  filter.set_cluster_name(cluster_);
  std::vector<std::pair<v1::Operation, std::vector<v1::OperationEvent>>> operations;
  RETURN_IF_ERROR(resources_.database->Read([&](store::Transaction& tx) -> absl::Status {
    operations.clear();
    ASSIGN_OR_RETURN(const auto list, store::ListOperations(tx, filter, std::nullopt, kOperations));
    for (const auto& one : list) {
      const std::string& id = one.operation.operation_id();
      ASSIGN_OR_RETURN(auto record, store::GetOperation(tx, id));
      RETURN_IF_ERROR(store::ReadRequest(tx, &record.operation));
      ASSIGN_OR_RETURN(auto events, store::ListEvents(tx, id, 0, kEventsEach));
      operations.emplace_back(clusters::ToApi(record), std::move(events));
    }
    return absl::OkStatus();
  }));
  for (const auto& [operation, events] : operations) {
    const std::string path = "operations/" + operation.operation_id();
    RETURN_IF_ERROR(Add(path + ".json", JsonOf(operation)));
    std::string lines;
    for (const auto& event : events) lines += event.ShortDebugString() + "\n";
    RETURN_IF_ERROR(Add(path + ".events.txt", lines));
  }
  return absl::OkStatus();
}

absl::Status Diagnosis::AddConfigurations() {
  const auto templates = render::LoadPackageFiles(clusters::ClusterTree(targets_.record));
  if (!templates.ok()) Miss("the configurations", templates.status());
  if (!templates.ok()) return absl::OkStatus();
  for (const auto& instance : targets_.instances) {
    const auto rendered = clusters::RenderOne(resources_, targets_.record, instance, *templates);
    if (!rendered.ok()) {
      Miss("the configuration of " + instance.name, rendered.status());
      continue;
    }
    const std::string folder = "config/" + instance.name;
    for (const auto& file : rendered->files) {
      if (file.only_on_host) continue;
      RETURN_IF_ERROR(
          Add(folder + file.path, file.secret ? redactor_.KeysOnly(file.content) : file.content));
    }
    RETURN_IF_ERROR(Add(folder + "/" + rendered->unit_name, rendered->unit_content));
  }
  return absl::OkStatus();
}

absl::Status Diagnosis::AddHosts() {
  std::vector<absl::StatusOr<v1::CheckMachineResponse>> checks(targets_.hosts.size(),
                                                               absl::UnknownError("not asked"));
  resources_.threads->ForEach(checks.size(), kHostsAtOnce, [&](std::size_t i) {
    checks[i] = machines::CheckMachine(resources_, targets_.hosts[i].machine_id());
  });
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const std::string& machine = targets_.hosts[i].machine_id();
    if (checks[i].ok()) {
      RETURN_IF_ERROR(Add("hosts/" + machine + ".json", JsonOf(*checks[i])));
    } else {
      Miss("host " + machine, checks[i].status());
    }
  }
  return absl::OkStatus();
}

absl::Status Diagnosis::AddLogs() {
  v1::ReadLogsRequest request;
  request.set_cluster_name(cluster_);
  request.set_tail_lines(kLinesEach);
  v1::LogSources sources;
  std::map<std::uint32_t, std::string> texts;
  RETURN_IF_ERROR(ReadLogs(resources_, places_, request, gone_, [&](const auto& response) {
    if (response.has_sources()) sources = response.sources();
    if (response.has_problem()) {
      const auto index = static_cast<int>(response.problem().host_index());
      Miss("logs on " + sources.hosts(index).machine_id(), FromProto(response.problem().error()));
    }
    if (!response.has_lines()) return true;
    std::string& text = texts[response.lines().source_index()];
    text += response.lines().data();
    if (text.size() > 2 * kMaxLog) text.erase(0, text.size() - kMaxLog);
    return true;
  }));
  for (auto& [index, text] : texts) {
    if (text.size() > kMaxLog) text.erase(0, text.size() - kMaxLog);
    const auto& source = sources.sources(static_cast<int>(index));
    const std::string name = source.kind() == v1::LOG_KIND_JOURNAL
                                 ? source.unit() + ".journal"
                                 : fs::path(source.path()).filename().string();
    RETURN_IF_ERROR(Add("logs/" + source.instance_name() + "/" + name, text));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Diagnose(const Resources& resources, Places* places,
                      const v1::DiagnoseClusterRequest& request, const Gone& gone,
                      const Write<v1::DiagnoseClusterResponse>& write) {
  ASSIGN_OR_RETURN(auto targets, FindTargets(resources, request.cluster_name(), v1::Selection()));
  ASSIGN_OR_RETURN(const auto workplace, Workplace::Make());
  ASSIGN_OR_RETURN(
      const auto archive,
      package::TarWriter::Create(workplace->archive(), package::TarWriter::Compression::kGzip));
  RETURN_IF_ERROR(Diagnosis(&resources, places, std::move(targets), gone, archive.get()).Run());
  RETURN_IF_ERROR(archive->Finish().status());
  return ReadChunks(workplace->archive(), 0, kChunk, [&](std::string_view chunk) {
    v1::DiagnoseClusterResponse response;
    response.set_data(std::string(chunk));
    return write(response) ? absl::OkStatus() : absl::CancelledError("the caller has gone");
  });
}

}  // namespace dmgr::instances
