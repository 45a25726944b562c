// Certificates for tests, made by openssl.
#ifndef DMGR_TESTS_RPC_CERTIFICATES_H_
#define DMGR_TESTS_RPC_CERTIFICATES_H_

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace dmgr::testing {

// Runs openssl in the folder; it must succeed. Returns what it prints.
std::string OpenSsl(const test::TempDir& dir, std::vector<std::string> args);

enum class KeyKind { kEcdsa, kRsa };

// NAME-ca.pem and NAME-ca.key.
void MakeAuthority(const test::TempDir& dir, const std::string& name,
                   KeyKind kind = KeyKind::kEcdsa);

struct CertificateOptions {
  // Of the authority that signs it.
  std::string authority{};
  std::string subject = "/CN=dmgrd";
  // Extensions, as a file of OpenSSL has them.
  std::string extensions = "basicConstraints=CA:FALSE\n";
  // It ends in so many days; 0: it has ended.
  int days = 2;
  KeyKind kind = KeyKind::kEcdsa;
};
// NAME.pem and NAME.key.
void MakeSigned(const test::TempDir& dir, const std::string& name,
                const CertificateOptions& options);

// NAME-ca.pem, and NAME.pem and NAME.key that it signed, for dmgrd at this subjectAltName.
void MakeCertificate(const test::TempDir& dir, const std::string& name, const std::string& subject,
                     KeyKind kind = KeyKind::kEcdsa);
// NAME.pem and NAME.key of a client.
void MakeClient(const test::TempDir& dir, const std::string& name, const std::string& authority,
                const std::string& user, int days = 2);

// As TOML has it.
std::string Quoted(const std::string& text);

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_RPC_CERTIFICATES_H_
