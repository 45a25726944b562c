#include "server/rpc/make_certificate.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "server/certificates/make.h"

namespace dmgr::rpc {
namespace {

using certificates::About;
using certificates::IsCertificateName;
using certificates::Pair;

constexpr absl::Duration kCertificateDay = absl::Hours(24);
constexpr int kCaDays = 3650;
constexpr int kCertDays = 825;
// A host's clock may be behind.
constexpr int kBackdatedDays = 1;
constexpr unsigned kSecret = 0600;
constexpr unsigned kPublic = 0644;

absl::StatusOr<About> AboutNew(const std::string& name, int days) {
  ASSIGN_OR_RETURN(const std::uint64_t serial, certificates::NewSerial());
  const absl::Time now = absl::Now();
  return About{.common_name = name,
               .serial = serial,
               .not_before = now - kBackdatedDays * kCertificateDay,
               .not_after = now + days * kCertificateDay};
}

certificates::OpenSsl<EVP_PKEY> NewKey() {
  return certificates::OpenSsl<EVP_PKEY>(EVP_EC_gen("P-256"));
}

absl::StatusOr<Pair> NewCa() {
  ASSIGN_OR_RETURN(const About about, AboutNew("dmgr CA", kCaDays));
  return certificates::MakeAuthority(about, NewKey(), nullptr, 0);
}

absl::StatusOr<Pair> NewCertificate(const Pair& ca, const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const About about, AboutNew("dmgrd", kCertDays));
  return certificates::MakeLeaf(about, NewKey(), ca, names, "serverAuth");
}

absl::Status Write(const Pair& pair, const std::string& cert_file, const std::string& key_file) {
  ASSIGN_OR_RETURN(const certificates::PairText text, certificates::TextOf(pair));
  RETURN_IF_ERROR(WriteFileAtomically(key_file, text.key, kSecret));
  return WriteFileAtomically(cert_file, text.certificate, kPublic);
}

absl::StatusOr<Pair> ReadCa(const std::string& cert_file, const std::string& key_file) {
  ASSIGN_OR_RETURN(const std::string cert_text, ReadFile(cert_file));
  ASSIGN_OR_RETURN(const std::string key_text, ReadFile(key_file));
  Pair ca = certificates::ReadPair(cert_text, key_text);
  if (ca.key != nullptr) return ca;
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_UNUSABLE", "{} and {} are no CA",
               cert_file, key_file)
      .With("path", cert_file)
      .Remedy("move both away, and a new CA is made, which clients must be given");
}

}  // namespace

absl::StatusOr<CertificateFiles> MakeCertificate(const std::string& folder,
                                                 const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (IsCertificateName(name)) continue;
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_ARGUMENT",
                 "\"{}\" is neither a name nor an address", name);
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const CertificateFiles files{
      .ca = folder + "/ca.pem", .cert = folder + "/dmgrd.pem", .key = folder + "/dmgrd.key"};
  const std::string ca_key = folder + "/ca.key";
  Pair ca;
  if (std::filesystem::exists(files.ca, error)) {
    ASSIGN_OR_RETURN(ca, ReadCa(files.ca, ca_key));
  } else {
    ASSIGN_OR_RETURN(ca, NewCa());
    RETURN_IF_ERROR(Write(ca, files.ca, ca_key));
  }
  ASSIGN_OR_RETURN(const Pair made, NewCertificate(ca, names));
  RETURN_IF_ERROR(Write(made, files.cert, files.key));
  return files;
}

std::vector<std::string> OwnNames() {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) == 0 && IsCertificateName(name)) {
    names.emplace(names.begin(), name);
  }
  return names;
}

}  // namespace dmgr::rpc
