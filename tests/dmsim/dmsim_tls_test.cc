// The stand-in with TLS, asked as dmgrd asks: by HTTP, by gRPC, and for etcd's keys.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/certificates/cluster.h"
#include "server/dm/client.h"
#include "server/dm/keys.h"
#include "server/dm/master_client.h"
#include "test_support.h"

namespace dmsim {
namespace {

using dmgr::dm::TlsMaterial;

dmgr::certificates::NewTls NewTls() {
  dmgr::topology::Cluster cluster;
  cluster.name = "c1";
  cluster.uuid = "11111111-2222-3333-4444-555555555555";
  auto made = dmgr::certificates::MakeTls(cluster, absl::Now());
  REQUIRE(made.ok());
  return *std::move(made);
}

// Processes with certificates of one CA.
class SecureCluster {
 public:
  SecureCluster() : tls_(NewTls()) {
    for (const char* name : {"m1", "m2", "m3", "w1"}) WriteCertificate(name);
    Write("ca.crt", tls_.tls.trusted);
  }

  TlsMaterial Own() const {
    return {.ca = tls_.tls.trusted,
            .certificate = tls_.secrets.own.certificate,
            .key = tls_.secrets.own.key};
  }
  std::string Address(const std::string& name) { return cluster_.Address(name); }
  std::vector<std::string> Masters() { return {Address("m1"), Address("m2"), Address("m3")}; }

  void Start() {
    std::string members;
    std::string join;
    for (const char* name : {"m1", "m2", "m3"}) {
      const char* comma = members.empty() ? "" : ",";
      members += fmt::format("{}{}=https://{}", comma, name, cluster_.PeerAddress(name));
      join += comma + Address(name);
    }
    for (const char* name : {"m1", "m2", "m3"}) {
      const std::string peer = "https://" + cluster_.PeerAddress(name);
      cluster_.Run(name, "dm-master",
                   WithTls(name, {"--name", name, "--master-addr=" + Address(name),
                                  "--advertise-addr=" + Address(name), "--peer-urls=" + peer,
                                  "--advertise-peer-urls=" + peer, "--initial-cluster=" + members,
                                  "--log-file=" + cluster_.dir() + "/" + name + ".log",
                                  "--data-dir=" + cluster_.dir() + "/" + name}));
    }
    cluster_.Run("w1", "dm-worker",
                 WithTls("w1", {"--name", "w1", "--worker-addr=" + Address("w1"),
                                "--advertise-addr=" + Address("w1"), "--join=" + join,
                                "--log-file=" + cluster_.dir() + "/w1.log"}));
  }

 private:
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(cluster_.dir() + "/" + name) << text;
  }
  void WriteCertificate(const std::string& name) {
    dmgr::topology::Instance instance;
    instance.name = name;
    instance.host = "127.0.0.1";
    const auto issued = dmgr::certificates::InstanceCertificate(tls_.tls, tls_.secrets, instance);
    REQUIRE(issued.ok());
    Write(name + ".crt", issued->certificate);
    Write(name + ".pem", issued->key);
  }
  std::vector<std::string> WithTls(const std::string& name, std::vector<std::string> flags) const {
    const std::string own = cluster_.dir() + "/" + name;
    for (const std::string& flag : {"--ssl-ca=" + cluster_.dir() + "/ca.crt",
                                    "--ssl-cert=" + own + ".crt", "--ssl-key=" + own + ".pem"}) {
      flags.push_back(flag);
    }
    return flags;
  }

  TestCluster cluster_;
  const dmgr::certificates::NewTls tls_;
};

dmgr::dm::Within Soon() {
  return {.deadline = dmgr::SteadyNow() + absl::Seconds(5), .cancelled = {}};
}

TEST_CASE("processes with certificates talk to whom their CA vouches for, and to nobody else") {
  SecureCluster cluster;
  cluster.Start();
  const TlsMaterial own = cluster.Own();
  dmgr::dm::Members members;
  const bool complete = Eventually(milliseconds(15'000), [&] {
    auto listed =
        dmgr::dm::Client(cluster.Masters(), own).GetMembers(dmgr::SteadyNow() + absl::Seconds(3));
    if (listed.ok()) members = *listed;
    return !members.leader_name.empty() && members.masters.size() == 3 &&
           members.workers.size() == 1 && members.workers[0].stage == "free";
  });
  REQUIRE(complete);
  for (const auto& master : members.masters) {
    CHECK(master.alive);
    CHECK(master.peer_urls.at(0).starts_with("https://"));
  }
  CHECK(dmgr::dm::ProbeStatus(cluster.Address("w1"), dmgr::SteadyNow() + absl::Seconds(5), {}, own)
            .ok());
  CHECK(dmgr::dm::MasterClient(cluster.Masters(), own).ListSources(Soon()).ok());
  CHECK(dmgr::dm::KeyStore(cluster.Masters(), own).Copy(Soon()).ok());

  INFO("plain text, no certificate, and one of another CA");
  TlsMaterial stranger = own;
  const auto foreign = NewTls();
  stranger.certificate = foreign.secrets.own.certificate;
  stranger.key = foreign.secrets.own.key;
  TlsMaterial nameless = own;
  nameless.certificate.clear();
  nameless.key.clear();
  TlsMaterial mistrusting = own;
  mistrusting.ca = foreign.tls.trusted;
  const std::string address = cluster.Address("m1");
  const auto until = [] { return dmgr::SteadyNow() + absl::Seconds(5); };
  CHECK_FALSE(dmgr::dm::HttpGet("http://" + address + "/status", until()).ok());
  CHECK_FALSE(dmgr::dm::MasterClient({address}).ListSources(Soon()).ok());
  for (const TlsMaterial& tls : {stranger, nameless, mistrusting}) {
    CHECK_FALSE(dmgr::dm::ProbeStatus(address, until(), {}, tls).ok());
    CHECK_FALSE(dmgr::dm::MasterClient({address}, tls).ListSources(Soon()).ok());
  }
  // Who was refused has broken nothing.
  CHECK(dmgr::dm::ProbeStatus(address, until(), {}, own).ok());
}

}  // namespace
}  // namespace dmsim
