#include "server/certificates/cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "common/error.h"
#include "common/untrusted_json.h"

namespace dmgr::certificates {
namespace {

constexpr absl::Duration kTlsDay = absl::Hours(24);
constexpr int kAuthorityDays = 3650;
constexpr int kIssuedDays = 1825;
// A host's clock may be behind.
constexpr int kBeforeDays = 1;
// A signature of RSA is the same one each time, which those of elliptic curves are not.
constexpr unsigned kAuthorityBits = 3072;
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kDerivedBytes = 48;

using Derived = std::array<unsigned char, kDerivedBytes>;

struct FreeCurve {
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
template <typename T>
using Curve = std::unique_ptr<T, FreeCurve>;

absl::Status TlsNotMade() {
  return Error(absl::StatusCode::kInternal, "TLS_NOT_MADE", "OpenSSL makes no certificate");
}

absl::StatusOr<Derived> Derive(const std::string& seed, const std::string& what) {
  Derived derived = {};
  unsigned int size = 0;
  if (HMAC(EVP_sha384(), seed.data(), static_cast<int>(seed.size()),
           reinterpret_cast<const unsigned char*>(what.data()), what.size(), derived.data(),
           &size) == nullptr ||
      size != derived.size()) {
    return TlsNotMade();
  }
  return derived;
}

// A key on P-256 by its secret number and the point that follows from it.
OpenSsl<EVP_PKEY> KeyOf(const BIGNUM& number, const EC_GROUP& group, BN_CTX* scratch) {
  const Curve<EC_POINT> point(EC_POINT_new(&group));
  unsigned char open[65] = {};
  if (point == nullptr ||
      EC_POINT_mul(&group, point.get(), &number, nullptr, nullptr, scratch) != 1 ||
      EC_POINT_point2oct(&group, point.get(), POINT_CONVERSION_UNCOMPRESSED, open, sizeof(open),
                         scratch) != sizeof(open)) {
    return nullptr;
  }
  const Curve<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
          1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, &number) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, open,
                                       sizeof(open)) != 1) {
    return nullptr;
  }
  const Curve<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Curve<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return nullptr;
  }
  return OpenSsl<EVP_PKEY>(key);
}

// The number of the key is one of 1 to n-1, of 384 bits of which each is as likely.
absl::StatusOr<OpenSsl<EVP_PKEY>> DeriveKey(const std::string& seed, const std::string& what) {
  ASSIGN_OR_RETURN(Derived derived, Derive(seed, "key " + what));
  const Curve<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const Curve<BN_CTX> scratch(BN_CTX_secure_new());
  const Curve<BIGNUM> wide(BN_bin2bn(derived.data(), kDerivedBytes, nullptr));
  OPENSSL_cleanse(derived.data(), derived.size());
  const Curve<BIGNUM> most(BN_new());
  const Curve<BIGNUM> number(BN_secure_new());
  if (group == nullptr || scratch == nullptr || wide == nullptr || most == nullptr ||
      number == nullptr || BN_copy(most.get(), EC_GROUP_get0_order(group.get())) == nullptr ||
      BN_sub_word(most.get(), 1) != 1 ||
      BN_mod(number.get(), wide.get(), most.get(), scratch.get()) != 1 ||
      BN_add_word(number.get(), 1) != 1) {
    return TlsNotMade();
  }
  OpenSsl<EVP_PKEY> key = KeyOf(*number, *group, scratch.get());
  if (key == nullptr) return TlsNotMade();
  return key;
}

absl::StatusOr<std::uint64_t> DeriveSerial(const std::string& seed, const std::string& what) {
  ASSIGN_OR_RETURN(const Derived derived, Derive(seed, "serial " + what));
  std::uint64_t number = 1;
  for (std::size_t i = 0; i < 8; ++i) number = number << 7 | (derived[i] & 0x7f);
  return number;
}

std::vector<std::string> NamesOf(const topology::Instance& instance) {
  std::vector<std::string> names;
  for (const std::string& name : {instance.host, instance.manage_host, std::string("localhost"),
                                  std::string("127.0.0.1"), std::string("::1")}) {
    if (IsCertificateName(name) && std::ranges::find(names, name) == names.end()) {
      names.push_back(name);
    }
  }
  return names;
}

// Whatever is asked for twice is the same twice.
absl::StatusOr<PairText> Issue(const topology::Tls& tls, const ClusterSecrets& secrets,
                               const std::string& name, const std::string& who,
                               const std::vector<std::string>& names) {
  const Pair issuer = ReadPair(tls.issuer, secrets.issuer_key);
  if (issuer.key == nullptr) return TlsNotMade();
  const std::string what =
      fmt::format("{} {} {} {}", tls.issue_time, name, who, fmt::join(names, ","));
  const absl::Time issued = absl::FromUnixSeconds(tls.issue_time);
  About about{
      .common_name = name, .not_before = issued - kBeforeDays * kTlsDay, .not_after = EndOf(tls)};
  ASSIGN_OR_RETURN(about.serial, DeriveSerial(secrets.seed, what));
  ASSIGN_OR_RETURN(auto key, DeriveKey(secrets.seed, what));
  ASSIGN_OR_RETURN(const Pair made,
                   MakeLeaf(about, std::move(key), issuer, names, "serverAuth,clientAuth"));
  ASSIGN_OR_RETURN(PairText text, TextOf(made));
  if (tls.trusted.find(tls.issuer) == std::string::npos) text.certificate += tls.issuer;
  return text;
}

absl::StatusOr<Pair> NewAuthority(const topology::Cluster& cluster, absl::Time now, absl::Time end,
                                  const Pair* above) {
  ASSIGN_OR_RETURN(const std::uint64_t serial, NewSerial());
  return MakeAuthority({.common_name = fmt::format("dmgr {}", cluster.name).substr(0, 64),
                        .serial = serial,
                        .not_before = now - kBeforeDays * kTlsDay,
                        .not_after = end},
                       OpenSsl<EVP_PKEY>(EVP_RSA_gen(kAuthorityBits)), above, 0);
}

absl::StatusOr<NewTls> BeginTls(const topology::Cluster& cluster, absl::Time now,
                                const std::string& trusted, PairText issuer) {
  NewTls made;
  made.secrets.seed.resize(kSeedBytes);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(made.secrets.seed.data()), kSeedBytes) != 1) {
    return TlsNotMade();
  }
  made.secrets.issuer_key = std::move(issuer.key);
  made.tls.cluster_uuid = cluster.uuid;
  made.tls.trusted = trusted;
  made.tls.issuer = std::move(issuer.certificate);
  made.tls.issue_time = absl::ToUnixSeconds(now);
  ASSIGN_OR_RETURN(made.secrets.own,
                   Issue(made.tls, made.secrets, kOwnName, "itself", {std::string(kOwnName)}));
  return made;
}

constexpr char kNoPair[] =
    "certificate and key are not in PEM, do not belong together, or have a passphrase";

absl::Status NoAuthority(const std::string& problem) {
  return Error(absl::StatusCode::kInvalidArgument, "TLS_AUTHORITY_INVALID",
               "the given CA cannot vouch for a cluster: {}", problem)
      .Field("authority", problem)
      .Remedy("give the certificate of a CA that may have another one below it, and its key");
}

absl::Status CheckAuthority(const Pair& own, absl::Time now) {
  if (own.key == nullptr) return NoAuthority(kNoPair);
  if (X509_check_ca(own.certificate.get()) != 1) {
    return NoAuthority("the certificate is not that of a CA");
  }
  if (X509_get_pathlen(own.certificate.get()) == 0) {
    return NoAuthority("the CA lets no other one stand below it (pathlen:0)");
  }
  if (EndOf(*own.certificate) < now + kTellBefore) return NoAuthority("the CA ends within 30 days");
  return absl::OkStatus();
}

// It vouches already: what it may not have below it is none of dmgr's business.
absl::Status CheckTaken(const Pair& own, const Pair& shown, absl::Time now) {
  if (own.key == nullptr) return NoAuthority(kNoPair);
  if (X509_check_ca(own.certificate.get()) != 1) {
    return NoAuthority("the certificate is not that of a CA");
  }
  if (EVP_PKEY_is_a(own.key.get(), "RSA") != 1) return NoAuthority("its key is not one of RSA");
  if (EndOf(*own.certificate) < now) return NoAuthority("the CA has ended");
  std::string problem;
  if (shown.key == nullptr) {
    problem = kNoPair;
  } else if (X509_verify(shown.certificate.get(), own.key.get()) != 1) {
    problem = "the CA has not signed it";
  } else if (EndOf(*shown.certificate) < now) {
    problem = "it has ended";
  }
  if (problem.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "TLS_CLIENT_INVALID",
               "the given client certificate cannot be shown to the cluster: {}", problem)
      .Field("tls.client_certificate", problem)
      .Remedy("give client.crt and client.pem of TiUP's folder tls");
}

}  // namespace

std::string ToText(const ClusterSecrets& secrets) {
  return nlohmann::json{{"issuer_key", secrets.issuer_key},
                        {"seed", absl::BytesToHexString(secrets.seed)},
                        {"certificate", secrets.own.certificate},
                        {"key", secrets.own.key}}
      .dump();
}

absl::StatusOr<ClusterSecrets> SecretsOf(const std::string& text) {
  const auto parsed = ParseUntrustedJson(text);
  const auto field = [&](const char* name) {
    const bool there = parsed.has_value() && parsed->is_object() && parsed->contains(name) &&
                       (*parsed)[name].is_string();
    return there ? (*parsed)[name].get<std::string>() : std::string();
  };
  ClusterSecrets secrets{.issuer_key = field("issuer_key"),
                         .seed = absl::HexStringToBytes(field("seed")),
                         .own = {.certificate = field("certificate"), .key = field("key")}};
  if (!secrets.issuer_key.empty() && secrets.seed.size() == kSeedBytes &&
      !secrets.own.key.empty()) {
    return secrets;
  }
  return Error(absl::StatusCode::kDataLoss, "TLS_UNREADABLE",
               "the key of the cluster's CA cannot be read");
}

std::string TlsContext(const std::string& cluster_uuid) { return "cluster-tls:" + cluster_uuid; }

absl::StatusOr<NewTls> MakeTls(const topology::Cluster& cluster, absl::Time now) {
  ASSIGN_OR_RETURN(const Pair authority,
                   NewAuthority(cluster, now, now + kAuthorityDays * kTlsDay, nullptr));
  ASSIGN_OR_RETURN(PairText text, TextOf(authority));
  const std::string trusted = text.certificate;
  return BeginTls(cluster, now, trusted, std::move(text));
}

absl::StatusOr<NewTls> MakeTlsUnder(const PairText& authority, const topology::Cluster& cluster,
                                    absl::Time now) {
  const Pair own = ReadPair(authority.certificate, authority.key);
  RETURN_IF_ERROR(CheckAuthority(own, now));
  const absl::Time end = std::min(now + kAuthorityDays * kTlsDay, EndOf(*own.certificate));
  ASSIGN_OR_RETURN(const Pair below, NewAuthority(cluster, now, end, &own));
  ASSIGN_OR_RETURN(const PairText trusted, TextOf(own));
  ASSIGN_OR_RETURN(PairText text, TextOf(below));
  return BeginTls(cluster, now, trusted.certificate, std::move(text));
}

absl::StatusOr<NewTls> TakeOverTls(const PairText& authority, const PairText& shown,
                                   const topology::Cluster& cluster, absl::Time now) {
  const Pair own = ReadPair(authority.certificate, authority.key);
  const Pair client = ReadPair(shown.certificate, shown.key);
  RETURN_IF_ERROR(CheckTaken(own, client, now));
  ASSIGN_OR_RETURN(PairText text, TextOf(own));
  const std::string trusted = text.certificate;
  ASSIGN_OR_RETURN(NewTls taken, BeginTls(cluster, now, trusted, std::move(text)));
  ASSIGN_OR_RETURN(taken.secrets.own, TextOf(client));
  return taken;
}

absl::StatusOr<NewTls> Reissue(const topology::Tls& tls, ClusterSecrets secrets, absl::Time now) {
  NewTls made{.tls = tls, .secrets = std::move(secrets)};
  made.tls.sealed_secrets.clear();
  made.tls.issue_time = std::max(tls.issue_time + 1, absl::ToUnixSeconds(now));
  ASSIGN_OR_RETURN(made.secrets.own,
                   Issue(made.tls, made.secrets, kOwnName, "itself", {std::string(kOwnName)}));
  return made;
}

absl::StatusOr<PairText> InstanceCertificate(const topology::Tls& tls,
                                             const ClusterSecrets& secrets,
                                             const topology::Instance& instance) {
  return Issue(tls, secrets, std::string(topology::Name(instance.component)), instance.name,
               NamesOf(instance));
}

std::string IssuerOf(const topology::Tls& tls) {
  const OpenSsl<X509> issuer = ReadCertificate(tls.issuer);
  char name[256] = "";
  if (issuer != nullptr) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(issuer.get()), NID_commonName, name,
                              sizeof(name));
  }
  return name;
}

absl::Time EndOf(const topology::Tls& tls) {
  const OpenSsl<X509> issuer = ReadCertificate(tls.issuer);
  if (issuer == nullptr) return absl::InfinitePast();
  return std::min(absl::FromUnixSeconds(tls.issue_time) + kIssuedDays * kTlsDay, EndOf(*issuer));
}

}  // namespace dmgr::certificates
