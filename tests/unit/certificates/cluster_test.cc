// The certificates of a cluster that has TLS: who vouches for them, for whom they are, and that
// they are the same ones each time.
#include "server/certificates/cluster.h"

#include <openssl/x509_vfy.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "common/error.h"

namespace dmgr::certificates {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

topology::Cluster SampleCluster() {
  topology::Cluster cluster;
  cluster.name = "orders";
  cluster.uuid = "11111111-2222-3333-4444-555555555555";
  return cluster;
}

topology::Instance SampleInstance(const std::string& host) {
  topology::Instance instance;
  instance.name = "dm-master-1";
  instance.component = topology::Component::kDmMaster;
  instance.host = host;
  return instance;
}

NewTls Made() {
  auto made = MakeTls(SampleCluster(), kNow);
  INFO(Message(made.status()));
  REQUIRE(made.ok());
  return *std::move(made);
}

PairText Issued(const NewTls& from, const topology::Instance& instance) {
  auto issued = InstanceCertificate(from.tls, from.secrets, instance);
  INFO(Message(issued.status()));
  REQUIRE(issued.ok());
  return *std::move(issued);
}

// Whether who trusts this takes the certificate at that time.
bool IsTrusted(const std::string& trusted, const std::string& certificate, absl::Time when) {
  const OpenSsl<X509> root = ReadCertificate(trusted);
  const OpenSsl<X509> leaf = ReadCertificate(certificate);
  const OpenSsl<X509_STORE> store(X509_STORE_new());
  const OpenSsl<X509_STORE_CTX> context(X509_STORE_CTX_new());
  REQUIRE(root != nullptr);
  REQUIRE(leaf != nullptr);
  X509_STORE_add_cert(store.get(), root.get());
  // What stands below it in the same text.
  const std::string end = "-----END CERTIFICATE-----\n";
  const OpenSsl<X509> between =
      ReadCertificate(certificate.substr(certificate.find(end) + end.size()));
  const OpenSsl<STACK_OF(X509)> chain(sk_X509_new_null());
  if (between != nullptr && X509_up_ref(between.get()) == 1) {
    sk_X509_push(chain.get(), between.get());
  }
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), chain.get());
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(when));
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  return X509_verify_cert(context.get()) == 1;
}

TEST_CASE("an instance's certificate is for its host and address, and its CA vouches for it") {
  const NewTls made = Made();
  topology::Instance instance = SampleInstance("m1.example.org");
  instance.manage_host = "10.0.0.1";
  const PairText issued = Issued(made, instance);
  CHECK(ReadPair(issued.certificate, issued.key).key != nullptr);
  CHECK(IsTrusted(made.tls.trusted, issued.certificate, kNow));

  const OpenSsl<X509> certificate = ReadCertificate(issued.certificate);
  for (const char* name : {"m1.example.org", "localhost"}) {
    CHECK(X509_check_host(certificate.get(), name, 0, 0, nullptr) == 1);
  }
  for (const char* address : {"10.0.0.1", "127.0.0.1", "::1"}) {
    CHECK(X509_check_ip_asc(certificate.get(), address, 0) == 1);
  }
  CHECK(X509_check_host(certificate.get(), "m2.example.org", 0, 0, nullptr) == 0);
  CHECK(X509_check_ip_asc(certificate.get(), "10.0.0.2", 0) == 0);
  char name[64] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name,
                            sizeof(name));
  CHECK(std::string(name) == "dm-master");
  CHECK(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0) == 1);
  CHECK(X509_check_ca(certificate.get()) == 0);
}

TEST_CASE("certificates follow from what is kept, and are the same ones each time") {
  const NewTls made = Made();
  const auto instance = SampleInstance("10.0.0.1");
  const PairText issued = Issued(made, instance);
  // As after a restart of dmgrd, from the sealed text.
  const auto read = SecretsOf(ToText(made.secrets));
  REQUIRE(read.ok());
  const PairText again = Issued({made.tls, *read}, instance);
  CHECK(again.certificate == issued.certificate);
  CHECK(again.key == issued.key);

  INFO("another place, another name, or another time of issue: another certificate, another key");
  auto other = instance;
  other.name = "dm-master-2";
  NewTls later = made;
  later.tls.issue_time += 1;
  for (const PairText& different :
       {Issued(made, SampleInstance("10.0.0.2")), Issued(made, other), Issued(later, instance)}) {
    CHECK(different.certificate != issued.certificate);
    CHECK(different.key != issued.key);
  }
  INFO("another cluster's CA does not vouch for it");
  const NewTls foreign = Made();
  CHECK_FALSE(IsTrusted(foreign.tls.trusted, issued.certificate, kNow));
  CHECK(Issued(foreign, instance).key != issued.key);
}

TEST_CASE("what is issued anew is of the same CA, and later than what was") {
  const NewTls made = Made();
  const auto again = Reissue(made.tls, made.secrets, kNow);
  REQUIRE(again.ok());
  CHECK(again->tls.trusted == made.tls.trusted);
  CHECK(again->tls.issue_time == made.tls.issue_time + 1);
  CHECK(again->secrets.own.certificate != made.secrets.own.certificate);
  const auto later = Reissue(made.tls, made.secrets, kNow + 10 * kDay);
  REQUIRE(later.ok());
  CHECK(EndOf(later->tls) == EndOf(made.tls) + 10 * kDay);
  const auto instance = SampleInstance("10.0.0.1");
  CHECK(Issued(*again, instance).key != Issued(made, instance).key);
  CHECK(IsTrusted(made.tls.trusted, Issued(*later, instance).certificate, kNow + 20 * kDay));
}

TEST_CASE("certificates end before their CA does") {
  const NewTls made = Made();
  const absl::Time end = EndOf(made.tls);
  CHECK(end > kNow + 1000 * kDay);
  CHECK(end <= EndOf(*ReadCertificate(made.tls.trusted)));
  const PairText issued = Issued(made, SampleInstance("10.0.0.1"));
  CHECK(EndOf(*ReadCertificate(issued.certificate)) == end);
  CHECK(IsTrusted(made.tls.trusted, issued.certificate, end - kDay));
  CHECK_FALSE(IsTrusted(made.tls.trusted, issued.certificate, end + kDay));
  // A host's clock may be behind.
  CHECK(IsTrusted(made.tls.trusted, issued.certificate, kNow - absl::Hours(12)));
  CHECK(EndOf(topology::Tls()) == absl::InfinitePast());
}

// A CA of somebody's own, with a key on a curve.
PairText OwnAuthority(int below, absl::Duration lasts) {
  const auto own = MakeAuthority({.common_name = "Example CA",
                                  .serial = 7,
                                  .not_before = kNow - kDay,
                                  .not_after = kNow + lasts},
                                 OpenSsl<EVP_PKEY>(EVP_EC_gen("P-256")), nullptr, below);
  REQUIRE(own.ok());
  const auto text = TextOf(*own);
  REQUIRE(text.ok());
  return *text;
}

TEST_CASE("a CA of one's own vouches for one below it, and its key is kept nowhere") {
  const PairText own = OwnAuthority(1, 400 * kDay);
  const auto made = MakeTlsUnder(own, SampleCluster(), kNow);
  INFO(Message(made.status()));
  REQUIRE(made.ok());
  CHECK(made->tls.trusted == own.certificate);
  CHECK(IssuerOf(made->tls) == "dmgr orders");
  CHECK(ToText(made->secrets).find(own.key.substr(40, 40)) == std::string::npos);
  // No certificate outlives it.
  CHECK(EndOf(made->tls) == kNow + 400 * kDay);
  const PairText issued = Issued(*made, SampleInstance("10.0.0.1"));
  // Whoever trusts the CA alone is shown what stands between.
  CHECK(issued.certificate.ends_with(made->tls.issuer));
  CHECK(IsTrusted(own.certificate, issued.certificate, kNow));
  CHECK(IsTrusted(own.certificate, made->secrets.own.certificate, kNow));
  CHECK(Issued(*made, SampleInstance("10.0.0.1")).certificate == issued.certificate);
}

TEST_CASE("what cannot vouch for a cluster is refused, with the reason") {
  const PairText good = OwnAuthority(1, 400 * kDay);
  const auto made = MakeTlsUnder(good, SampleCluster(), kNow);
  REQUIRE(made.ok());
  struct Row {
    PairText given;
    const char* why;
  };
  const Row rows[] = {{{}, "not in PEM"},
                      {{good.certificate, OwnAuthority(1, 400 * kDay).key}, "belong together"},
                      {OwnAuthority(0, 400 * kDay), "pathlen:0"},
                      {OwnAuthority(1, 20 * kDay), "within 30 days"},
                      {made->secrets.own, "not that of a CA"}};
  for (const Row& row : rows) {
    const auto refused = MakeTlsUnder(row.given, SampleCluster(), kNow);
    INFO(row.why);
    CHECK(Reason(refused.status()) == "TLS_AUTHORITY_INVALID");
    CHECK_THAT(std::string(Message(refused.status())), Catch::Contains(row.why));
  }
}

// A CA that vouches for a cluster, as another tool has made it.
NewTls OfAnotherTool() {
  const auto made = MakeTls(SampleCluster(), kNow - 300 * kDay);
  INFO(Message(made.status()));
  REQUIRE(made.ok());
  return *made;
}

TEST_CASE("a CA that vouches for a cluster goes on to, and dmgrd shows what the other tool did") {
  const NewTls theirs = OfAnotherTool();
  const PairText authority{theirs.tls.issuer, theirs.secrets.issuer_key};
  const auto taken = TakeOverTls(authority, theirs.secrets.own, SampleCluster(), kNow);
  INFO(Message(taken.status()));
  REQUIRE(taken.ok());
  CHECK(taken->tls.trusted == theirs.tls.issuer);
  CHECK(taken->tls.issuer == theirs.tls.issuer);
  CHECK(taken->secrets.own.certificate == theirs.secrets.own.certificate);
  CHECK(taken->secrets.own.key == theirs.secrets.own.key);
  const PairText issued = Issued(*taken, SampleInstance("10.0.0.1"));
  CHECK(IsTrusted(theirs.tls.trusted, issued.certificate, kNow));
  // New ones of it are dmgrd's own.
  const auto again = Reissue(taken->tls, taken->secrets, kNow);
  REQUIRE(again.ok());
  CHECK(again->tls.trusted == theirs.tls.trusted);
  CHECK(again->secrets.own.certificate != theirs.secrets.own.certificate);
}

TEST_CASE("a CA and a client that do not belong together are not taken over") {
  const NewTls theirs = OfAnotherTool();
  const PairText authority{theirs.tls.issuer, theirs.secrets.issuer_key};
  const PairText stranger = OfAnotherTool().secrets.own;
  const auto reason = [](const PairText& ca, const PairText& client) {
    return Reason(TakeOverTls(ca, client, SampleCluster(), kNow).status());
  };
  CHECK(reason({authority.certificate, ""}, theirs.secrets.own) == "TLS_AUTHORITY_INVALID");
  CHECK(reason(theirs.secrets.own, theirs.secrets.own) == "TLS_AUTHORITY_INVALID");
  CHECK(reason(authority, {theirs.secrets.own.certificate, ""}) == "TLS_CLIENT_INVALID");
  CHECK(reason(authority, stranger) == "TLS_CLIENT_INVALID");
}

TEST_CASE("what dmgrd shows is vouched for as well, and what is sealed has no gaps") {
  const NewTls made = Made();
  CHECK(IsTrusted(made.tls.trusted, made.secrets.own.certificate, kNow));
  for (const char* text : {"", "{}", "[]", "{\"issuer_key\": \"x\", \"seed\": \"00\"}"}) {
    CHECK(Reason(SecretsOf(text).status()) == "TLS_UNREADABLE");
  }
  CHECK(made.tls.trusted.find("PRIVATE") == std::string::npos);
  CHECK(made.tls.issuer.find("PRIVATE") == std::string::npos);
}

}  // namespace
}  // namespace dmgr::certificates
