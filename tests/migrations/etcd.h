// A real etcd, as dm-masters have one inside.
#ifndef DMGR_TESTS_MIGRATIONS_ETCD_H_
#define DMGR_TESTS_MIGRATIONS_ETCD_H_

#include <memory>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {

struct EtcdTls {
  std::string certificate_file;
  std::string key_file;
  // Clients must show a certificate of this authority.
  std::string ca_file;
};

// Debian's etcd with empty data on free ports of 127.0.0.1, until it goes. One thread.
class Etcd {
 public:
  Etcd() : Etcd(EtcdTls{}) {}
  explicit Etcd(const EtcdTls& tls);

  // Where clients are answered, "host:port".
  const std::string& address() const { return address_; }
  // What its JSON gateway (/v3/...) answers; it must be HTTP status 200.
  std::string Post(const std::string& path, const std::string& json) const;
  // With text as it is; lease 0: none.
  void Put(const std::string& key, const std::string& value, long lease = 0) const;

 private:
  test::TempDir dir_;
  std::string address_;
  std::unique_ptr<Child> process_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_MIGRATIONS_ETCD_H_
