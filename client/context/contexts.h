// The dmgrds that a user knows by name.
#ifndef DMGR_CLIENT_CONTEXT_CONTEXTS_H_
#define DMGR_CLIENT_CONTEXT_CONTEXTS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace dmgr::client {

struct Context {
  std::string server;
  // May be empty.
  std::string user;
  // File with the certificates to trust; empty: plain text.
  std::string ca;
  // Files with the certificate and key of the user; empty: a password, or a token.
  std::string cert;
  std::string key;
};

struct Contexts {
  // The one that is used when none is named; may be empty.
  std::string current;
  std::map<std::string, Context> by_name;
};

// contexts.json in the folder of files.h; mode 0600.
std::string ContextsPath();
absl::StatusOr<Contexts> LoadContexts();
absl::Status SaveContexts(const Contexts& contexts);

// NOT_FOUND with the names that there are.
absl::StatusOr<Context> FindContext(const Contexts& contexts, const std::string& name);

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_CONTEXTS_H_
