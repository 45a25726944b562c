#include "server/rpc/make_certificate.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "common/address.h"
#include "common/error.h"
#include "common/files.h"
#include "server/rpc/openssl.h"

namespace dmgr::rpc {
namespace {

constexpr long kDay = 24L * 60 * 60;
constexpr long kCaDays = 3650;
constexpr long kCertDays = 825;
// A host's clock may be behind.
constexpr long kBackdatedDays = 1;
constexpr unsigned kSecret = 0600;
constexpr unsigned kPublic = 0644;

struct Pair {
  OpenSsl<X509> cert;
  OpenSsl<EVP_PKEY> key;
};

absl::Status NotMade() {
  return Error(absl::StatusCode::kInternal, "TLS_NOT_MADE", "OpenSSL makes no certificate");
}

bool AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context = {};
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const OpenSsl<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(cert, extension.get(), -1) == 1;
}

// A new key, and a certificate for it that is not signed yet.
absl::StatusOr<Pair> NewPair(const std::string& name, long days) {
  Pair made{OpenSsl<X509>(X509_new()), OpenSsl<EVP_PKEY>(EVP_EC_gen("P-256"))};
  X509* cert = made.cert.get();
  unsigned char serial[8] = {};
  if (cert == nullptr || made.key == nullptr || RAND_bytes(serial, sizeof(serial)) != 1) {
    return NotMade();
  }
  std::uint64_t number = 1;
  for (const unsigned char byte : serial) number = number << 7 | (byte & 0x7f);
  X509_set_version(cert, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), number);
  X509_gmtime_adj(X509_getm_notBefore(cert), -kBackdatedDays * kDay);
  X509_gmtime_adj(X509_getm_notAfter(cert), days * kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  if (X509_set_pubkey(cert, made.key.get()) != 1) return NotMade();
  return made;
}

absl::StatusOr<Pair> NewCa() {
  ASSIGN_OR_RETURN(Pair ca, NewPair("dmgr CA", kCaDays));
  X509* cert = ca.cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(cert));
  if (!AddExtension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !AddExtension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(cert, cert, NID_subject_key_identifier, "hash") ||
      X509_sign(cert, ca.key.get(), EVP_sha256()) == 0) {
    return NotMade();
  }
  return ca;
}

absl::StatusOr<Pair> NewCertificate(const Pair& ca, const std::vector<std::string>& names) {
  std::string alternatives;
  for (const auto& name : names) {
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(IsIpAddress(name) ? "IP:" : "DNS:") + name;
  }
  ASSIGN_OR_RETURN(Pair made, NewPair("dmgrd", kCertDays));
  X509* cert = made.cert.get();
  X509_set_issuer_name(cert, X509_get_subject_name(ca.cert.get()));
  if (!AddExtension(cert, ca.cert.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(cert, ca.cert.get(), NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(cert, ca.cert.get(), NID_ext_key_usage, "serverAuth") ||
      !AddExtension(cert, ca.cert.get(), NID_authority_key_identifier, "keyid") ||
      !AddExtension(cert, ca.cert.get(), NID_subject_alt_name, alternatives) ||
      X509_sign(cert, ca.key.get(), EVP_sha256()) == 0) {
    return NotMade();
  }
  return made;
}

std::string TextOf(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

absl::Status Write(const Pair& pair, const std::string& cert_file, const std::string& key_file) {
  const OpenSsl<BIO> cert(BIO_new(BIO_s_mem()));
  const OpenSsl<BIO> key(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(cert.get(), pair.cert.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key.get(), pair.key.get(), nullptr, nullptr, 0, nullptr,
                                    nullptr) != 1) {
    return NotMade();
  }
  RETURN_IF_ERROR(WriteFileAtomically(key_file, TextOf(key.get()), kSecret));
  return WriteFileAtomically(cert_file, TextOf(cert.get()), kPublic);
}

absl::StatusOr<Pair> ReadCa(const std::string& cert_file, const std::string& key_file) {
  ASSIGN_OR_RETURN(const std::string cert_text, ReadFile(cert_file));
  ASSIGN_OR_RETURN(const std::string key_text, ReadFile(key_file));
  const OpenSsl<BIO> cert(BIO_new_mem_buf(cert_text.data(), static_cast<int>(cert_text.size())));
  const OpenSsl<BIO> key(BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())));
  char none[] = "";
  Pair ca{OpenSsl<X509>(PEM_read_bio_X509(cert.get(), nullptr, nullptr, nullptr)),
          OpenSsl<EVP_PKEY>(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, none))};
  if (ca.cert != nullptr && ca.key != nullptr &&
      X509_check_private_key(ca.cert.get(), ca.key.get()) == 1) {
    return ca;
  }
  return Error(absl::StatusCode::kFailedPrecondition, "TLS_UNUSABLE", "{} and {} are no CA",
               cert_file, key_file)
      .With("path", cert_file)
      .Remedy("move both away, and a new CA is made, which clients must be given");
}

// What goes into a list that commas divide.
bool IsCertificateName(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view(".:*-_").find(static_cast<char>(c)) != std::string_view::npos;
         });
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
