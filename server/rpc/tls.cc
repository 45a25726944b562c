#include "server/rpc/tls.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/files.h"

namespace dmgr::rpc {
namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* cert) const { X509_free(cert); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

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
  const Owned<BIO> cert_bio(BIO_new_mem_buf(cert_text.data(), static_cast<int>(cert_text.size())));
  const Owned<X509> cert(PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr));
  if (cert == nullptr) {
    return Unusable(cert_file, "holds no certificate in PEM")
        .Remedy("[server] tls_cert begins with -----BEGIN CERTIFICATE-----");
  }
  const Owned<BIO> key_bio(BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())));
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassphrase, nullptr));
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

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const std::string& cert_file, const std::string& key_file) {
  if (cert_file.empty()) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(const std::string cert, Read(cert_file, "tls_cert"));
  ASSIGN_OR_RETURN(const std::string key, Read(key_file, "tls_key"));
  RETURN_IF_ERROR(Check(cert_file, cert, key_file, key));
  RETURN_IF_ERROR(CheckPrivate(key_file));
  namespace tls = grpc::experimental;
  tls::TlsServerCredentialsOptions options(
      std::make_shared<tls::FileWatcherCertificateProvider>(key_file, cert_file, kRefreshSeconds));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return tls::TlsServerCredentials(options);
}

}  // namespace dmgr::rpc
