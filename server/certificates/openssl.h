// Owners of OpenSSL's objects.
#ifndef DMGR_SERVER_CERTIFICATES_OPENSSL_H_
#define DMGR_SERVER_CERTIFICATES_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace dmgr::certificates {

struct FreeOpenSsl {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* cert) const { X509_free(cert); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * certs) const { sk_X509_pop_free(certs, X509_free); }
  void operator()(STACK_OF(X509_INFO) * items) const {
    sk_X509_INFO_pop_free(items, X509_INFO_free);
  }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(char* text) const { OPENSSL_free(text); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
template <typename T>
using OpenSsl = std::unique_ptr<T, FreeOpenSsl>;

// Reads from text, which must outlive it.
inline OpenSsl<BIO> BioOf(const std::string& text) {
  return OpenSsl<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace dmgr::certificates

#endif  // DMGR_SERVER_CERTIFICATES_OPENSSL_H_
