#include "server/host/far/system/selinux.h"

namespace dmgr::far {
namespace {

void Run(Context& context, std::vector<std::string> argv, const std::vector<std::string>& paths) {
  const bool has_selinux = context.tree.Walk("/sys/fs/selinux/booleans").end == Walked::End::kThere;
  if (!has_selinux || paths.empty() || !context.programs.Has(argv[0])) return;
  for (const auto& path : paths) argv.push_back(context.tree.Real(path));
  context.programs.RunChecked(context.call, argv);
}

}  // namespace

void RestoreLabels(Context& context, const std::vector<std::string>& paths) {
  Run(context, {"restorecon", "--"}, paths);
}

void LabelPrograms(Context& context, const std::vector<std::string>& paths) {
  Run(context, {"chcon", "-t", "bin_t", "--"}, paths);
}

}  // namespace dmgr::far
