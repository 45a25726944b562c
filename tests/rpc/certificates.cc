#include "tests/rpc/certificates.h"

#include <catch2/catch.hpp>

#include "tests/support/process.h"

namespace dmgr::testing {
namespace {

std::vector<std::string> NewKey(KeyKind kind) {
  if (kind == KeyKind::kRsa) return {"-newkey", "rsa:2048"};
  return {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};
}

void Append(const std::vector<std::string>& more, std::vector<std::string>* args) {
  args->insert(args->end(), more.begin(), more.end());
}

}  // namespace

std::string OpenSsl(const test::TempDir& dir, std::vector<std::string> args) {
  args.insert(args.begin(), "/usr/bin/openssl");
  const auto result = Run({.args = args, .directory = dir.path()});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

void MakeAuthority(const test::TempDir& dir, const std::string& name, KeyKind kind) {
  std::vector<std::string> args = {"req", "-x509"};
  Append(NewKey(kind), &args);
  Append({"-nodes", "-subj", "/CN=" + name + " ca", "-days", "2", "-keyout", name + "-ca.key",
          "-out", name + "-ca.pem"},
         &args);
  OpenSsl(dir, args);
}

void MakeSigned(const test::TempDir& dir, const std::string& name,
                const CertificateOptions& options) {
  std::vector<std::string> args = {"req"};
  Append(NewKey(options.kind), &args);
  Append({"-nodes", "-subj", options.subject, "-keyout", name + ".key", "-out", name + ".csr"},
         &args);
  OpenSsl(dir, args);
  dir.Write(name + ".ext", options.extensions);
  const std::string& authority = options.authority;
  OpenSsl(dir, {"x509", "-req", "-in", name + ".csr", "-CA", authority + "-ca.pem", "-CAkey",
                authority + "-ca.key", "-CAcreateserial", "-days", std::to_string(options.days),
                "-extfile", name + ".ext", "-out", name + ".pem"});
}

void MakeCertificate(const test::TempDir& dir, const std::string& name, const std::string& subject,
                     KeyKind kind) {
  MakeAuthority(dir, name, kind);
  MakeSigned(dir, name,
             {.authority = name, .extensions = "subjectAltName=" + subject + "\n", .kind = kind});
}

void MakeClient(const test::TempDir& dir, const std::string& name, const std::string& authority,
                const std::string& user, int days) {
  MakeSigned(dir, name,
             {.authority = authority,
              .subject = "/CN=" + user,
              .extensions = "extendedKeyUsage=clientAuth\n",
              .days = days});
}

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace dmgr::testing
