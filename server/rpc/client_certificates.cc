#include "server/rpc/client_certificates.h"

#include <grpc/grpc_security_constants.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "common/steady_time.h"
#include "server/certificates/openssl.h"

namespace dmgr::rpc {
namespace {

using certificates::BioOf;
using certificates::OpenSsl;

// As soon as gRPC looks at its files.
constexpr absl::Duration kReadPeriod = absl::Seconds(10);

Error UnusableAuthorities(const std::string& file, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_UNUSABLE", "{} {}", file, why)
      .With("path", file)
      .Remedy("[server] tls_client_ca names a file in PEM that dmgrd's user may read");
}

Error RefusedCertificate(const std::string& serial, const std::string& why) {
  return Error(absl::StatusCode::kUnauthenticated, "CERTIFICATE_REFUSED", "the certificate {} {}",
               serial, why)
      .Remedy("have one made for a user that there is, or log in with a password")
      .Next(v1::ACTION_LOGIN);
}

// The property of gRPC's that says it of the connection.
std::string PropertyOf(const grpc::AuthContext& connection, const char* name) {
  const auto values = connection.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(values.front().data(), values.front().size());
}

// As `openssl x509 -serial` prints it.
std::string SerialOf(const X509* cert) {
  const OpenSsl<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), nullptr));
  const OpenSsl<char> text(number == nullptr ? nullptr : BN_bn2hex(number.get()));
  return text == nullptr ? "0" : text.get();
}

// The only common name of its subject; empty when it has none, or several.
std::string NameOf(const X509* cert) {
  const X509_NAME* subject = X509_get_subject_name(cert);
  const int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return {};
  unsigned char* bytes = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
  const OpenSsl<unsigned char> owned(bytes);
  if (size <= 0) return {};
  std::string name(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  return name.find('\0') == std::string::npos ? name : std::string();
}

absl::Time ExpiryOf(const X509* cert) {
  std::tm when = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &when) != 1) return absl::InfinitePast();
  return absl::FromTM(when, absl::UTCTimeZone());
}

// What the client has sent along, to find the way to a CA.
OpenSsl<STACK_OF(X509)> ReadChain(const std::string& text) {
  OpenSsl<STACK_OF(X509)> chain(sk_X509_new_null());
  const OpenSsl<BIO> bio = BioOf(text);
  while (X509* cert = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(chain.get(), cert);
  }
  return chain;
}

}  // namespace

struct ClientCertificates::Authorities {
  OpenSsl<X509_STORE> store;
};

ClientCertificates::ClientCertificates(std::string ca_file) : ca_file_(std::move(ca_file)) {}
ClientCertificates::~ClientCertificates() = default;

absl::StatusOr<std::shared_ptr<const ClientCertificates::Authorities>> ClientCertificates::Read(
    const std::string& ca_file) {
  const auto text = ReadFile(ca_file);
  if (!text.ok()) {
    return UnusableAuthorities(ca_file, "cannot be read: " + Metadata(text.status(), "why"));
  }
  auto authorities = std::make_shared<Authorities>();
  authorities->store.reset(X509_STORE_new());
  const OpenSsl<STACK_OF(X509_INFO)> items(
      PEM_X509_INFO_read_bio(BioOf(*text).get(), nullptr, nullptr, nullptr));
  int certs = 0;
  for (int i = 0; i < sk_X509_INFO_num(items.get()); ++i) {
    const X509_INFO* item = sk_X509_INFO_value(items.get(), i);
    if (item->x509 != nullptr) {
      certs += X509_STORE_add_cert(authorities->store.get(), item->x509);
    }
    if (item->crl != nullptr && X509_STORE_add_crl(authorities->store.get(), item->crl) == 1) {
      X509_STORE_set_flags(authorities->store.get(), X509_V_FLAG_CRL_CHECK);
    }
  }
  if (certs == 0) return UnusableAuthorities(ca_file, "holds no certificate in PEM");
  return authorities;
}

absl::Status ClientCertificates::Check(const std::string& ca_file) {
  return Read(ca_file).status();
}

std::shared_ptr<const ClientCertificates::Authorities> ClientCertificates::Present() {
  const std::lock_guard lock(mutex_);
  if (SteadyNow() < next_read_) return authorities_;
  next_read_ = SteadyNow() + kReadPeriod;
  auto read = Read(ca_file_);
  if (read.ok()) {
    authorities_ = *std::move(read);
  } else {
    spdlog::warn("{}; those read before stay", Message(read.status()));
  }
  return authorities_;
}

absl::StatusOr<std::optional<accounts::Certificate>> ClientCertificates::Of(
    const grpc::ServerContextBase& context) {
  if (ca_file_.empty()) return std::nullopt;
  const auto connection = context.auth_context();
  const std::string shown =
      connection == nullptr ? "" : PropertyOf(*connection, GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (shown.empty()) return std::nullopt;
  const OpenSsl<X509> cert(PEM_read_bio_X509(BioOf(shown).get(), nullptr, nullptr, nullptr));
  if (cert == nullptr) return RefusedCertificate("of this connection", "cannot be read");
  accounts::Certificate certificate{.user = NameOf(cert.get()),
                                    .serial = SerialOf(cert.get()),
                                    .expire_time = ExpiryOf(cert.get())};
  const auto authorities = Present();
  const auto chain = ReadChain(PropertyOf(*connection, GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME));
  const OpenSsl<X509_STORE_CTX> looked(X509_STORE_CTX_new());
  if (authorities == nullptr ||
      X509_STORE_CTX_init(looked.get(), authorities->store.get(), cert.get(), chain.get()) != 1 ||
      X509_STORE_CTX_set_purpose(looked.get(), X509_PURPOSE_SSL_CLIENT) != 1) {
    return RefusedCertificate(certificate.serial, "cannot be looked at");
  }
  if (X509_verify_cert(looked.get()) != 1) {
    const int why = X509_STORE_CTX_get_error(looked.get());
    return RefusedCertificate(certificate.serial, std::string("is not good any more: ") +
                                                      X509_verify_cert_error_string(why));
  }
  if (certificate.user.empty()) {
    return RefusedCertificate(certificate.serial,
                              "has not one common name, which says whose it is");
  }
  return certificate;
}

}  // namespace dmgr::rpc
