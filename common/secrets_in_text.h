// Secrets that programs of others write into their logs and answers.
#ifndef DMGR_COMMON_SECRETS_IN_TEXT_H_
#define DMGR_COMMON_SECRETS_IN_TEXT_H_

#include <string>
#include <string_view>

namespace dmgr {

// The text with *** for what looks like a secret: the password of a URL or a DSN
// (mysql://root:***@h, root:***@tcp(h)), and the value of a key that ends in password, passwd, pwd,
// secret or token, as key=value or as JSON. Text in which people speak of a password stays.
// Thread-safe.
std::string WithoutSecrets(std::string_view text);

}  // namespace dmgr

#endif  // DMGR_COMMON_SECRETS_IN_TEXT_H_
