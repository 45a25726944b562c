#include "server/certificates/make.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

#include "common/address.h"
#include "common/error.h"

namespace dmgr::certificates {
namespace {

absl::Status NotMade() {
  return Error(absl::StatusCode::kInternal, "TLS_NOT_MADE", "OpenSSL makes no certificate");
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context = {};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OpenSsl<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A certificate that is not signed yet.
absl::StatusOr<Pair> Begin(const About& about, OpenSsl<EVP_PKEY> key) {
  Pair made{OpenSsl<X509>(X509_new()), std::move(key)};
  X509* certificate = made.certificate.get();
  if (certificate == nullptr || made.key == nullptr) return NotMade();
  const auto* name = reinterpret_cast<const unsigned char*>(about.common_name.c_str());
  if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), about.serial) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(about.not_before)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(about.not_after)) == nullptr ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1,
                                 -1, 0) != 1 ||
      X509_set_pubkey(certificate, made.key.get()) != 1) {
    return NotMade();
  }
  return made;
}

// Keys that bring their digest along take no other.
const EVP_MD* DigestFor(const EVP_PKEY* key) {
  const bool own = EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1;
  return own ? nullptr : EVP_sha256();
}

std::string TextOfBio(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

// A passphrase is not asked for.
int NoWord(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

// TiUP reads a CA's key only when it is written as one of RSA (pkg/crypto/ca.go there).
bool WriteKey(BIO* out, EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    return PEM_write_bio_PrivateKey_traditional(out, key, nullptr, nullptr, 0, nullptr, nullptr) ==
           1;
  }
  return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
}

}  // namespace

absl::StatusOr<std::uint64_t> NewSerial() {
  unsigned char bytes[8] = {};
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return NotMade();
  std::uint64_t number = 1;
  for (const unsigned char byte : bytes) number = number << 7 | (byte & 0x7f);
  return number;
}

absl::StatusOr<Pair> MakeAuthority(const About& about, OpenSsl<EVP_PKEY> key, const Pair* issuer,
                                   int below) {
  ASSIGN_OR_RETURN(Pair made, Begin(about, std::move(key)));
  X509* certificate = made.certificate.get();
  X509* from = issuer == nullptr ? certificate : issuer->certificate.get();
  EVP_PKEY* signs = issuer == nullptr ? made.key.get() : issuer->key.get();
  const std::string constraints = fmt::format("critical,CA:TRUE,pathlen:{}", below);
  if (X509_set_issuer_name(certificate, X509_get_subject_name(from)) != 1 ||
      !AddExtension(certificate, from, NID_basic_constraints, constraints) ||
      !AddExtension(certificate, from, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !AddExtension(certificate, from, NID_subject_key_identifier, "hash") ||
      X509_sign(certificate, signs, DigestFor(signs)) == 0) {
    return NotMade();
  }
  return made;
}

absl::StatusOr<Pair> MakeLeaf(const About& about, OpenSsl<EVP_PKEY> key, const Pair& issuer,
                              const std::vector<std::string>& names, const std::string& usage) {
  std::string alternatives;
  for (const auto& name : names) {
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(IsIpAddress(name) ? "IP:" : "DNS:") + name;
  }
  ASSIGN_OR_RETURN(Pair made, Begin(about, std::move(key)));
  X509* certificate = made.certificate.get();
  X509* from = issuer.certificate.get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(from)) != 1 ||
      !AddExtension(certificate, from, NID_basic_constraints, "critical,CA:FALSE") ||
      !AddExtension(certificate, from, NID_key_usage, "critical,digitalSignature") ||
      !AddExtension(certificate, from, NID_ext_key_usage, usage) ||
      !AddExtension(certificate, from, NID_authority_key_identifier, "keyid") ||
      !AddExtension(certificate, from, NID_subject_alt_name, alternatives) ||
      X509_sign(certificate, issuer.key.get(), DigestFor(issuer.key.get())) == 0) {
    return NotMade();
  }
  return made;
}

absl::StatusOr<PairText> TextOf(const Pair& pair) {
  const OpenSsl<BIO> certificate(BIO_new(BIO_s_mem()));
  const OpenSsl<BIO> key(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(certificate.get(), pair.certificate.get()) != 1 ||
      !WriteKey(key.get(), pair.key.get())) {
    return NotMade();
  }
  return PairText{TextOfBio(certificate.get()), TextOfBio(key.get())};
}

Pair ReadPair(const std::string& certificate, const std::string& key) {
  Pair read{ReadCertificate(certificate),
            OpenSsl<EVP_PKEY>(PEM_read_bio_PrivateKey(BioOf(key).get(), nullptr, NoWord, nullptr))};
  if (read.certificate == nullptr || read.key == nullptr ||
      X509_check_private_key(read.certificate.get(), read.key.get()) != 1) {
    return {};
  }
  return read;
}

OpenSsl<X509> ReadCertificate(const std::string& text) {
  return OpenSsl<X509>(PEM_read_bio_X509(BioOf(text).get(), nullptr, NoWord, nullptr));
}

absl::Time EndOf(const X509& certificate) {
  std::tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&end));
}

bool IsCertificateName(const std::string& name) {
  return !name.empty() && name.size() <= 253 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  std::string_view(".:*-_").find(static_cast<char>(c)) != std::string_view::npos;
         });
}

}  // namespace dmgr::certificates
