#include "server/backup_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/error.h"
#include "common/untrusted_json.h"

namespace dmgr {
namespace {

using nlohmann::json;

absl::Status NoBackup(const char* what) {
  return Error(absl::StatusCode::kInvalidArgument, "BACKUP_UNREADABLE",
               "what is in the backup is not a dmgrd's: {}", what)
      .Remedy("take another backup");
}

// `read` may throw where something is not as it was written.
template <typename T, typename F>
absl::StatusOr<T> ReadPart(const std::string& text, const char* what, const F& read) {
  const auto parsed = ParseUntrustedJson(text);
  if (!parsed.has_value()) return NoBackup(what);
  try {
    return read(*parsed);
  } catch (const json::exception&) {
    return NoBackup(what);
  }
}

// Nobody can write another path without the key; a mistake in a path would be as bad.
bool IsWithin(const std::string& path) {
  const std::filesystem::path parts(path);
  if (path.empty() || parts.is_absolute()) return false;
  for (const auto& part : parts) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

}  // namespace

std::string TextOf(const store::DumpHead& head) {
  json tables = json::array();
  for (const auto& table : head.tables) {
    tables.push_back({{"name", table.name}, {"columns", table.columns}});
  }
  json clusters = json::array();
  for (const auto& cluster : head.clusters) {
    clusters.push_back(
        {{"name", cluster.name}, {"uuid", cluster.uuid}, {"cluster_path", cluster.cluster_path}});
  }
  return json{{"schema_version", head.schema_version},
              {"key_id", head.key_id},
              {"epoch", head.epoch},
              {"tables", tables},
              {"clusters", clusters}}
      .dump();
}

std::string TextOf(const KeptFile& file) {
  return json{{"cluster_uuid", file.cluster_uuid}, {"path", file.path}, {"mode", file.mode}}.dump();
}

std::string TextOf(const std::vector<store::DumpSequence>& sequences) {
  json all = json::array();
  for (const auto& one : sequences) {
    all.push_back({{"name", one.name}, {"last_value", one.last_value}});
  }
  return all.dump();
}

absl::StatusOr<store::DumpHead> HeadOf(const std::string& text) {
  return ReadPart<store::DumpHead>(text, "its head", [](const json& read) {
    store::DumpHead head;
    head.schema_version = read.at("schema_version").get<int>();
    head.key_id = read.at("key_id").get<std::string>();
    head.epoch = read.at("epoch").get<std::int64_t>();
    for (const json& table : read.at("tables")) {
      head.tables.push_back({.name = table.at("name").get<std::string>(),
                             .columns = table.at("columns").get<std::vector<std::string>>()});
    }
    for (const json& cluster : read.at("clusters")) {
      head.clusters.push_back({.name = cluster.at("name").get<std::string>(),
                               .uuid = cluster.at("uuid").get<std::string>(),
                               .cluster_path = cluster.at("cluster_path").get<std::string>()});
    }
    return head;
  });
}

absl::StatusOr<KeptFile> FileOf(const std::string& text) {
  ASSIGN_OR_RETURN(KeptFile file, ReadPart<KeptFile>(text, "a file", [](const json& read) {
                     return KeptFile{.cluster_uuid = read.at("cluster_uuid").get<std::string>(),
                                     .path = read.at("path").get<std::string>(),
                                     .mode = read.at("mode").get<unsigned>() & 0777U};
                   }));
  if (!IsWithin(file.path)) return NoBackup("the path of a file");
  return file;
}

absl::StatusOr<std::vector<store::DumpSequence>> SequencesOf(const std::string& text) {
  using All = std::vector<store::DumpSequence>;
  return ReadPart<All>(text, "its sequences", [](const json& read) {
    All all;
    for (const json& one : read) {
      all.push_back({.name = one.at("name").get<std::string>(),
                     .last_value = one.at("last_value").get<std::int64_t>()});
    }
    return all;
  });
}

absl::StatusOr<backups::FileKey> BackupKeyOf(const secrets::KeySource& source) {
  ASSIGN_OR_RETURN(const auto box, secrets::LoadKey(source));
  return backups::FileKey{.id = box.Id(), .key = box.BackupKey()};
}

}  // namespace dmgr
