// Packages in memory and as .tar.gz, good ones and every kind of bad ones.
#ifndef DMGR_TESTS_UNIT_PACKAGE_SUPPORT_H_
#define DMGR_TESTS_UNIT_PACKAGE_SUPPORT_H_

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/ids.h"

namespace dmgr::package {

namespace fs = std::filesystem;

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A real program, labelled for either architecture.
inline std::string Program(const std::string& arch, const std::string& trailer = "") {
  std::string elf = ReadFile("/bin/true");
  elf[18] = arch == "arm64" ? '\xb7' : '\x3e';  // e_machine: EM_AARCH64, EM_X86_64
  elf[19] = '\0';
  return elf + trailer;
}

struct TarEntry {
  std::string path;
  std::string content;
  unsigned type = AE_IFREG;
  unsigned mode = 0644;
  std::string link;      // Of a symbolic link.
  std::string hardlink;  // Not empty: a hard link.
};

inline std::string MakeTarGz(const std::vector<TarEntry>& entries, bool gzip = true) {
  std::string out(1 << 20, '\0');
  for (const TarEntry& entry : entries) out.resize(out.size() + entry.content.size() + 8192);
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (gzip) archive_write_add_filter_gzip(writer);
  std::size_t used = 0;
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const TarEntry& entry : entries) {
    archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.path.c_str());
    archive_entry_set_filetype(header, entry.type);
    archive_entry_set_perm(header, entry.mode);
    archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    if (entry.type == AE_IFLNK) archive_entry_set_symlink(header, entry.link.c_str());
    if (entry.type == AE_IFCHR) archive_entry_set_rdev(header, makedev(1, 3));
    if (!entry.hardlink.empty()) archive_entry_set_hardlink(header, entry.hardlink.c_str());
    if (archive_write_header(writer, header) < ARCHIVE_WARN) {
      throw std::runtime_error(archive_error_string(writer));
    }
    archive_write_data(writer, entry.content.data(), entry.content.size());
    archive_entry_free(header);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

inline std::string Sha256Hex(const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  return HexEncode(std::string(reinterpret_cast<char*>(digest), size));
}

// The members of a package by path; what is in grafana.tar.gz below "grafana/", directories with a
// slash at the end.
using Tree = std::map<std::string, std::string>;

inline Tree GoodTree(const std::string& arch = "amd64") {
  Tree tree;
  for (const char* program :
       {"bin/prometheus", "bin/promtool", "bin/alertmanager", "bin/dm-worker", "bin/dm-master",
        "others/dmctl", "grafana/bin/grafana-server", "grafana/bin/grafana-cli"}) {
    tree[program] = Program(arch, program);
  }
  for (const char* path : {"conf/dm_worker.rules.yml",
                           "conf/alertmanager.yml",
                           "conf/dm-master.toml",
                           "conf/dm-worker.toml",
                           "template/grafana.ini.tmpl",
                           "template/dashboard.yml.tmpl",
                           "template/datasource.yml.tmpl",
                           "template/run_grafana.sh.tmpl",
                           "template/systemd.service.tmpl",
                           "template/prometheus.yml.tmpl",
                           "template/run_prometheus.sh.tmpl",
                           "template/run_alertmanager.sh.tmpl",
                           "template/run_dm-master.sh.tmpl",
                           "template/run_dm-worker.sh.tmpl",
                           "template/run_dm-master-scale.sh.tmpl",
                           "others/task_advanced.yml",
                           "others/task_basic.yml",
                           "grafana/dashboards/dm.json",
                           "grafana/dashboards/dm_instances.json",
                           "grafana/provisioning/conf/defaults.ini",
                           "grafana/homepath/public/app.js"}) {
    tree[path] = std::string("content of ") + path;
  }
  for (const char* dir :
       {"grafana/plugins/", "grafana/provisioning/dashboards/", "grafana/provisioning/datasources/",
        "grafana/homepath/scripts/", "grafana/homepath/notifiers/"}) {
    tree[dir] = "";
  }
  return tree;
}

inline TarEntry EntryOf(const std::string& path, const std::string& content) {
  const bool program = path.find("bin/") != std::string::npos || path == "others/dmctl";
  return {.path = path,
          .content = content,
          .type = path.ends_with('/') ? static_cast<unsigned>(AE_IFDIR) : AE_IFREG,
          .mode = path.ends_with('/') || program ? 0755u : 0644u,
          .link = "",
          .hardlink = ""};
}

// prefix: before each path, such as "./".
inline std::string PackTree(const Tree& tree, const std::string& prefix = "",
                            const std::vector<TarEntry>& more = {}) {
  std::vector<TarEntry> outer;
  std::vector<TarEntry> grafana;
  for (const auto& [path, content] : tree) {
    if (path.starts_with("grafana/")) {
      grafana.push_back(EntryOf(path.substr(8), content));
    } else {
      outer.push_back(EntryOf(prefix + path, content));
    }
  }
  if (!grafana.empty()) outer.push_back(EntryOf(prefix + "grafana.tar.gz", MakeTarGz(grafana)));
  outer.insert(outer.end(), more.begin(), more.end());
  return MakeTarGz(outer);
}

// What a package has for a second architecture.
inline std::vector<TarEntry> SecondOf(const std::string& arch) {
  std::vector<TarEntry> entries;
  std::vector<TarEntry> grafana;
  for (const auto& [path, content] : GoodTree(arch)) {
    if (path.starts_with("grafana/")) {
      grafana.push_back(EntryOf(path.substr(8), content));
    } else if (path.starts_with("bin/") || path == "others/dmctl") {
      entries.push_back(EntryOf(path, content));
      entries.back().path = std::string(arch).append("/").append(path);
    }
  }
  entries.push_back(EntryOf(arch + "/grafana.tar.gz", MakeTarGz(grafana)));
  return entries;
}

}  // namespace dmgr::package

#endif  // DMGR_TESTS_UNIT_PACKAGE_SUPPORT_H_
