#include "client/context/contexts.h"

#include <vector>

#include "client/context/files.h"
#include "common/error.h"

namespace dmgr::client {

using nlohmann::ordered_json;

std::string ContextsPath() { return ConfigFile("contexts.json"); }

absl::StatusOr<Contexts> LoadContexts() {
  ASSIGN_OR_RETURN(const ordered_json saved, LoadObject(ContextsPath()));
  Contexts contexts;
  try {
    contexts.current = saved.value("current", "");
    const ordered_json all = saved.value("contexts", ordered_json::object());
    for (const auto& [name, item] : all.items()) {
      contexts.by_name[name] = {.server = item.at("server"),
                                .user = item.value("user", ""),
                                .ca = item.value("ca", ""),
                                .cert = item.value("client_cert", ""),
                                .key = item.value("client_key", "")};
    }
  } catch (const ordered_json::exception&) {
    return Error(absl::StatusCode::kFailedPrecondition, "CONFIG_DAMAGED",
                 "{} is not what dmgrctl writes", ContextsPath())
        .With("path", ContextsPath())
        .Remedy("mend it, or remove it and add the contexts anew: dmgrctl context add --help");
  }
  return contexts;
}

absl::Status SaveContexts(const Contexts& contexts) {
  ordered_json all = ordered_json::object();
  for (const auto& [name, context] : contexts.by_name) {
    all[name] = {{"server", context.server},
                 {"user", context.user},
                 {"ca", context.ca},
                 {"client_cert", context.cert},
                 {"client_key", context.key}};
  }
  return SaveObject(ContextsPath(), {{"current", contexts.current}, {"contexts", all}});
}

absl::StatusOr<Context> FindContext(const Contexts& contexts, const std::string& name) {
  const auto it = contexts.by_name.find(name);
  if (it != contexts.by_name.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [known, context] : contexts.by_name) names.push_back(known);
  return Error(
             absl::StatusCode::kNotFound, "CONTEXT_NOT_FOUND", "there is no context {}{}", name,
             names.empty() ? std::string() : fmt::format("; there are: {}", fmt::join(names, ", ")))
      .With("context", name)
      .Remedy("dmgrctl context add " + name + " --server HOST:PORT --ca FILE");
}

}  // namespace dmgr::client
