// Where dmgrctl keeps its sessions: one token for each context, and for each address that was used
// without one.
#ifndef DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
#define DMGR_CLIENT_CONTEXT_CREDENTIALS_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/context/target.h"

namespace dmgr::client {

// credentials.json in the folder of files.h; mode 0600.
std::string CredentialsPath();

// The token of the environment: of DMGR_TOKEN, or of the file that DMGR_TOKEN_FILE names; empty
// when neither is set. INVALID_ARGUMENT (TOKEN_FILE_UNREADABLE) when the file cannot be read;
// FAILED_PRECONDITION (TOKEN_OF_ANOTHER_SERVER) for a server that the environment does not name
// beside it: what is set for one dmgrd does not go to the one of another context.
absl::StatusOr<std::string> TokenOfEnvironment(const Target& target);
// The token for a server: the environment's, or what was saved; empty when neither. A saved one
// goes only to the address that gave it.
std::string LoadToken(const Target& target);
// Saves, or with an empty token forgets.
absl::Status SaveToken(const Target& target, const std::string& user, const std::string& token);

// A saved token that is in use. A session ends when a token is shown that was replaced; so as long
// as one of these lives, in whatever process, nobody replaces the saved ones.
class TokenUse {
 public:
  // From a token to the one in its place; empty: it stays.
  using Replace = std::function<std::string(const std::string& token)>;

  // First waits until whoever is replacing a token has done so. Then, when the saved token is old,
  // and is not in use elsewhere, has it replaced.
  static std::unique_ptr<TokenUse> Begin(const Target& target, const Replace& replace);
  ~TokenUse();
  TokenUse(const TokenUse&) = delete;
  TokenUse& operator=(const TokenUse&) = delete;

  // Empty: none is saved for this server.
  const std::string& token() const { return token_; }

 private:
  explicit TokenUse(int fd) : fd_(fd) {}

  // -1: there is nowhere to keep anything.
  const int fd_;
  std::string token_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_CONTEXT_CREDENTIALS_H_
