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
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
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
