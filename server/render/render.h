// Renders what an instance needs on its host from a package's templates. Pure but for reading the
// package tree.
#ifndef DMGR_SERVER_RENDER_RENDER_H_
#define DMGR_SERVER_RENDER_RENDER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/topology/topology.h"

namespace dmgr::render {

// A file to write on a host.
struct RenderedFile {
  std::string path;  // Absolute, on the host.
  unsigned mode = 0644;
  std::string content;
  // Holds a secret: never shown, 0600 on both sides.
  bool secret = false;
  // A private key: dmgrd makes it anew whenever it is needed, and has no file of it.
  bool only_on_host = false;
};

struct RenderedInstance {
  std::vector<RenderedFile> files;
  std::string unit_name;
  std::string unit_content;
};

// A package's templates, conf files and dashboards as they are on the control machine, by their
// path in the package ("template/run_dm-master.sh.tmpl", "conf/dm-master.toml",
// "grafana/dashboards/dm.json", "others/..."): binaries are left out.
using PackageFiles = std::map<std::string, std::string>;
absl::StatusOr<PackageFiles> LoadPackageFiles(const std::string& tree_dir);
// Whether a path in a package is, or lies in, what is never rendered nor edited: programs, and what
// only Grafana's own release needs.
bool IsProgram(std::string_view path);

// What a process shows to the others of its cluster, and what it trusts. In PEM; all empty: plain
// text.
struct Certificates {
  std::string trusted{};
  std::string certificate{};
  // Secret.
  std::string key{};
};

struct RenderInput {
  const topology::Cluster* cluster = nullptr;
  const topology::Instance* instance = nullptr;
  const PackageFiles* package = nullptr;
  // dm-master: it joins these running masters instead of forming the first cluster.
  std::vector<std::string> join;
  // Secret; grafana.
  std::string grafana_password;
  Certificates certificates{};
};

// Scripts, configuration files and the unit of one instance. FAILED_PRECONDITION names the template
// and the variable when a template asks for something that does not exist.
absl::StatusOr<RenderedInstance> Render(const RenderInput& input);

// Renders every template of a package with sample values: what an upload is checked with. One line
// for each thing that is wrong.
std::vector<std::string> CheckTemplates(const PackageFiles& package);

}  // namespace dmgr::render

#endif  // DMGR_SERVER_RENDER_RENDER_H_
