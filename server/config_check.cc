#include "server/config_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <utility>

#include "common/address.h"
#include "common/error.h"
#include "common/files.h"
#include "server/clusters/cluster_roots.h"
#include "server/config_file.h"
#include "server/host/near/far_end.h"
#include "server/objects/open.h"
#include "server/rpc/listen_rules.h"
#include "server/rpc/server.h"
#include "server/rpc/tls.h"
#include "server/secrets/key_source.h"
#include "server/secrets/master_key.h"
#include "server/store/database.h"
#include "server/store/embedded.h"
#include "server/store/migrations.h"
#include "server/store/seal_key_store.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

// What a folder is wanted for.
enum class Use { kRead, kWrite };

// Whether a folder can be used, or be made below what is there.
std::string WhyNoFolder(const std::string& path, Use use) {
  fs::path at = path;
  struct stat info = {};
  while (stat(at.c_str(), &info) != 0) {
    if (errno != ENOENT || use == Use::kRead || at == at.parent_path()) {
      return fmt::format("{}: {}", at.string(), std::strerror(errno));
    }
    at = at.parent_path();
  }
  if (!S_ISDIR(info.st_mode)) return at.string() + " is no folder";
  const int wanted = use == Use::kWrite ? W_OK | X_OK : R_OK | X_OK;
  if (faccessat(AT_FDCWD, at.c_str(), wanted, AT_EACCESS) == 0) return "";
  return fmt::format("{} cannot be {}: {}", at.string(), use == Use::kWrite ? "written" : "read",
                     std::strerror(errno));
}

// Whether this machine has the address: a socket is given it, on any port, and closed.
std::string WhyNotHere(const std::string& text) {
  const auto address = ParseHostPort(text);
  if (!address.has_value()) return "is no address and port";
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(address->host.c_str(), nullptr, &hints, &found);
  if (error != 0) return fmt::format("{}: {}", address->host, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  std::string why;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const Fd socket(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.ok() && ::bind(socket.get(), one->ai_addr, one->ai_addrlen) == 0) return "";
    why = fmt::format("{}: {}", address->host, std::strerror(errno));
  }
  return why;
}

std::string WhyNoSocket(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fmt::format("{} is longer than the path of a socket may be", path);
  }
  struct stat info = {};
  if (lstat(path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode)) return path + " is no socket";
  const std::string folder = fs::path(path).parent_path();
  if (stat(folder.c_str(), &info) != 0) {
    return fmt::format("{}: {}", folder, std::strerror(errno));
  }
  return WhyNoFolder(folder, Use::kWrite);
}

std::string WhyNoLog(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return path + " is no file";
    if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return "";
    return fmt::format("{} cannot be written: {}", path, std::strerror(errno));
  }
  const std::string folder = fs::path(path).parent_path();
  if (stat(folder.c_str(), &info) != 0) return fmt::format("{}: {}", folder, std::strerror(errno));
  return WhyNoFolder(folder, Use::kWrite);
}

class Checker {
 public:
  Checker(const Config& config, const std::string& file, std::optional<Secret> key_variable,
          std::optional<Secret> s3_variable)
      : config_(config),
        file_(file),
        key_variable_(std::move(key_variable)),
        s3_variable_(std::move(s3_variable)) {}

  ConfigFindings All() {
    CheckServer();
    CheckPaths();
    if (IsGood("warehouse.shared") && IsGood("warehouse.s3_key_file")) CheckShared();
    const std::string key_id = CheckKey();
    if (IsGood("database.dsn") && IsGood("database.transport")) CheckDatabase(key_id);
    if (!config_.log_file.empty()) Look("log.file", WhyNoLog(config_.log_file));
    return std::move(findings_);
  }

 private:
  bool IsGood(const std::string& key) const {
    const auto it = config_.settings.find(key);
    return it == config_.settings.end() || it->second.is_good;
  }
  // why: empty when there is nothing wrong.
  void Look(const std::string& key, const std::string& why) {
    if (why.empty() || !IsGood(key)) return;
    findings_.problems.push_back(fmt::format("{}: {}", config_.PlaceOf(file_, key), why));
  }
  void Look(const std::string& key, const absl::Status& status) {
    if (status.ok()) return;
    const std::string remedy = Metadata(status, "remedy");
    Look(key, fmt::format("{}{}", Message(status), remedy.empty() ? "" : "; " + remedy));
  }
  void Note(const std::string& key, const std::string& text) {
    findings_.notes.push_back(fmt::format("{}: {}", config_.PlaceOf(file_, key), text));
  }

  void CheckServer() {
    const rpc::TlsFiles tls = {
        .cert = config_.tls_cert, .key = config_.tls_key, .client_ca = config_.tls_client_ca};
    if (!config_.listen.empty() && IsGood("server.listen")) {
      Look("server.listen",
           rpc::CheckListen(
               {.listen = config_.listen, .plain_text = config_.debug_mode, .tls = tls}));
      Look("server.listen", WhyNotHere(config_.listen));
    }
    if (!config_.socket.empty()) Look("server.socket", WhyNoSocket(config_.socket));
    if (!config_.metrics_address.empty() && IsGood("server.metrics_address")) {
      Look("server.metrics_address", WhyNotHere(config_.metrics_address));
    }
    if (!config_.page_address.empty() && IsGood("server.page_address")) {
      if (config_.tls_cert.empty()) {
        Look("server.page_address",
             rpc::CheckPlainText("the page", config_.page_address, config_.debug_mode));
      }
      Look("server.page_address", WhyNotHere(config_.page_address));
    }
    if (!IsGood("server.tls_cert") || !IsGood("server.tls_key")) return;
    const absl::Status usable = rpc::CheckTlsFiles(tls);
    const std::string path = Metadata(usable, "path");
    Look(path == config_.tls_key         ? "server.tls_key"
         : path == config_.tls_client_ca ? "server.tls_client_ca"
                                         : "server.tls_cert",
         usable);
  }

  void CheckPaths() {
    Look("paths.data_dir", WhyNoFolder(config_.data_dir, Use::kWrite));
    Look("paths.warehouse_dir", WhyNoFolder(config_.warehouse_dir, Use::kWrite));
    if (config_.cluster_path != config_.data_dir) {
      Look("paths.cluster_path", WhyNoFolder(config_.cluster_path, Use::kWrite));
    }
    for (const std::string& root : config_.cluster_roots) {
      Look(root == config_.cluster_path ? "paths.cluster_path" : "paths.cluster_roots",
           clusters::CheckOwnPath(root));
    }
    const std::string& far_end = config_.far_end_dir;
    const std::string no_far_end = far_end.empty() ? "" : WhyNoFolder(far_end, Use::kRead);
    Look("paths.far_end_dir", no_far_end);
    if (!no_far_end.empty()) return;
    Look("paths.far_end_dir",
         host::FarEndProgram::Load(far_end.empty() ? OwnDir() : far_end).status());
  }

  void CheckShared() {
    const auto shared = OpenShared(config_, std::move(s3_variable_));
    Look("warehouse.shared", shared.status());
    if (!shared.ok() || *shared == nullptr) return;
    // Whether it is there and answers.
    Look("warehouse.shared", (*shared)->Has(std::string(64, '0'), {}).status());
    if (objects::IsS3(config_.shared_warehouse)) return;
    Look("warehouse.shared", WhyNoFolder((*shared)->Name(), Use::kWrite));
  }

  // The id of the key; empty when there is none.
  std::string CheckKey() {
    const auto source = FindKeyOf(config_, std::move(key_variable_));
    Look("paths.master_key", source.status());
    if (!source.ok()) return "";
    const auto box = secrets::LoadKey(*source);
    if (box.ok()) return box->Id();
    if (!absl::IsNotFound(box.status())) {
      Look("paths.master_key", box.status());
    } else {
      Note("paths.master_key",
           fmt::format("{} is not there: the first start of a new database makes it",
                       source->Name()));
    }
    return "";
  }

  void CheckDatabase(const std::string& key_id) {
    if (config_.dsn.empty()) {
      Look("database.dsn", store::CheckEmbedded({.dir = config_.data_dir + "/postgresql"}));
      return;
    }
    if (!config_.insecure_dsn) {
      const absl::Status safe = store::CheckTransport(config_.dsn);
      Look("database.dsn", safe);
      // No password goes to a server that could be anybody.
      if (!safe.ok()) return;
    }
    const auto database = store::Database::Open({.dsn = config_.dsn, .pool_size = 1});
    Look("database.dsn", database.status());
    if (!database.ok()) return;
    Look("database.dsn", (*database)->Read([&](store::Transaction& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const int version, store::CheckSchema(tx));
      if (version == 0) {
        Note("database.dsn", "the database is empty: the first start makes the tables");
        return absl::OkStatus();
      }
      const int known = static_cast<int>(store::Migrations().size());
      if (version > known) {
        Note("database.dsn", fmt::format("a newer dmgrd has brought the schema to version {}; this "
                                         "one knows {}, and may go on with it",
                                         version, known));
      }
      if (version < known) {
        Note("database.dsn", fmt::format("the first start brings the schema from version {} to {}",
                                         version, known));
        return absl::OkStatus();
      }
      return CheckKeyOfDatabase(tx, key_id);
    }));
  }

  absl::Status CheckKeyOfDatabase(store::Transaction& tx, const std::string& key_id) {
    ASSIGN_OR_RETURN(const auto record, store::GetSealKey(tx));
    if (!record.has_value()) return absl::OkStatus();
    if (key_id.empty()) {
      Look("paths.master_key",
           fmt::format("the database was sealed with the key of id {}", record->key_id));
      return absl::OkStatus();
    }
    Look("paths.master_key", secrets::CheckRecordedKey(*record, key_id));
    return absl::OkStatus();
  }

  const Config& config_;
  const std::string& file_;
  std::optional<Secret> key_variable_;
  std::optional<Secret> s3_variable_;
  ConfigFindings findings_;
};

}  // namespace

ConfigFindings CheckNamed(const Config& config, const std::string& file,
                          std::optional<Secret> key_variable, std::optional<Secret> s3_variable) {
  return Checker(config, file, std::move(key_variable), std::move(s3_variable)).All();
}

int CheckConfigFile(const std::string& file, std::optional<Secret> key_variable,
                    std::optional<Secret> s3_variable) {
  auto read = ReadConfigFile(file);
  if (!read.ok()) {
    std::cerr << "dmgrd: " << Message(read.status()) << "\n";
    return 1;
  }
  ConfigFindings findings;
  // What is no TOML names nothing.
  if (!read->config.settings.empty()) {
    findings = CheckNamed(read->config, file, std::move(key_variable), std::move(s3_variable));
  }
  std::vector<std::string>& problems = read->problems;
  problems.insert(problems.end(), findings.problems.begin(), findings.problems.end());
  for (const std::string& problem : problems) std::cerr << problem << "\n";
  for (const std::string& note : findings.notes) std::cout << note << "\n";
  const std::string name = file.empty() ? "the defaults" : file;
  if (problems.empty()) {
    std::cout << name << ": nothing is wrong" << std::endl;
    return 0;
  }
  std::cerr << name << ": " << problems.size() << (problems.size() == 1 ? " problem" : " problems")
            << std::endl;
  return 1;
}

}  // namespace dmgr
