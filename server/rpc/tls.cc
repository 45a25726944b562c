#include "server/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/files.h"
#include "server/certificates/openssl.h"
#include "server/rpc/client_certificates.h"

namespace dmgr::rpc {
namespace {

using certificates::BioOf;
using certificates::OpenSsl;

// How soon a renewed certificate is served.
constexpr unsigned kRefreshSeconds = 10;

// A passphrase is not asked for: dmgrd starts without anybody.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

Error Unusable(const std::string& file, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_UNUSABLE", "{} {}", file, why)
      .With("path", file);
}

absl::StatusOr<std::string> Read(const std::string& file, const char* key) {
  auto text = ReadFile(file);
  if (text.ok()) return text;
  return Unusable(file, "cannot be read: " + Metadata(text.status(), "why"))
      .Remedy(fmt::format("[server] {} names a file that dmgrd's user may read", key));
}

absl::Status Check(const std::string& cert_file, const std::string& cert_text,
                   const std::string& key_file, const std::string& key_text) {
  const OpenSsl<BIO> cert_bio = BioOf(cert_text);
  const OpenSsl<X509> cert(PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
  if (cert == nullptr) {
    return Unusable(cert_file, "holds no certificate in PEM")
        .Remedy("[server] tls_cert begins with -----BEGIN CERTIFICATE-----");
  }
  const OpenSsl<BIO> key_bio = BioOf(key_text);
  const OpenSsl<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return Unusable(key_file, "holds no private key in PEM, or one with a passphrase")
        .Remedy("[server] tls_key is a key without passphrase, readable by dmgrd's user only");
  }
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    return Unusable(key_file, "is not the key of " + cert_file)
        .Remedy("[server] tls_cert and tls_key are made together");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(cert.get())) < 0) {
    return Unusable(cert_file, "has expired").Remedy("have a new one signed");
  }
  return absl::OkStatus();
}

absl::Status CheckPrivate(const std::string& key_file) {
  struct stat info = {};
  if (stat(key_file.c_str(), &info) != 0 || (info.st_mode & S_IROTH) == 0) return absl::OkStatus();
  return Unusable(key_file, "may be read by everybody on this machine")
      .Remedy("chmod 0640 it, and have a new certificate made: [server] tls_key is a secret");
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  if (files.cert.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string cert, Read(files.cert, "tls_cert"));
  ASSIGN_OR_RETURN(const std::string key, Read(files.key, "tls_key"));
  RETURN_IF_ERROR(Check(files.cert, cert, files.key, key));
  RETURN_IF_ERROR(CheckPrivate(files.key));
  return files.client_ca.empty() ? absl::OkStatus() : ClientCertificates::Check(files.client_ca);
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const TlsFiles& files) {
  if (files.cert.empty()) return grpc::InsecureServerCredentials();
  RETURN_IF_ERROR(CheckTlsFiles(files));
  namespace tls = grpc::experimental;
  tls::TlsServerCredentialsOptions options(std::make_shared<tls::FileWatcherCertificateProvider>(
      files.key, files.cert, files.client_ca, kRefreshSeconds));
  options.watch_identity_key_cert_pairs();
  if (files.client_ca.empty()) {
    options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    return tls::TlsServerCredentials(options);
  }
  options.watch_root_certs();
  // Who shows none may log in with a password.
  options.set_cert_request_type(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  return tls::TlsServerCredentials(options);
}

}  // namespace dmgr::rpc
