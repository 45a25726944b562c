// A cluster on two hosts that are directories: a dm-master on h1, a dm-worker on h2.
#ifndef DMGR_TESTS_INSTANCES_TWO_HOSTS_H_
#define DMGR_TESTS_INSTANCES_TWO_HOSTS_H_

#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "common/thread_pool.h"
#include "server/auth/secret_box.h"
#include "server/instances/streams.h"
#include "server/members/http_source.h"
#include "server/resources/resources.h"
#include "tests/store/samples.h"
#include "tests/support/pipe_connector.h"
#include "tests/support/postgres.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_root.h"

namespace dmgr::test {

inline constexpr char kDemo[] = "demo";

class TwoHosts {
 public:
  TwoHosts();

  const Resources& resources() const { return resources_; }
  const auth::SecretBox& secrets() const { return *secrets_; }
  instances::Places& places() { return places_; }
  const TempRoot& h1() const { return h1_; }
  const TempRoot& h2() const { return h2_; }
  // From now on it cannot be reached.
  void Lose(const std::string& host) { connector_.Lose(host); }
  // The folder of clusters and of the warehouse on dmgrd's machine.
  const std::string& control() const { return control_.path(); }

 private:
  TempRoot h1_, h2_;
  TempDir control_;
  TestDatabase database_;
  std::optional<auth::SecretBox> secrets_;
  PipeConnector connector_{DMGR_FAR_PROGRAM};
  ThreadPool threads_{4};
  members::HttpMemberSource members_{&threads_, nullptr};
  instances::Places places_;
  Resources resources_;
};

}  // namespace dmgr::test

#endif  // DMGR_TESTS_INSTANCES_TWO_HOSTS_H_
