// A host against what it is to have.
#include "server/verify/compare.h"

#include <catch2/catch.hpp>
#include <functional>

#include "common/package/release.h"
#include "server/clusters/placement.h"
#include "tests/unit/clusters/samples.h"

namespace dmgr::verify {
namespace {

using topology::Component;
using topology::Instance;
using Type = hv1::PathState;

constexpr std::uint32_t kUserId = 1001;
constexpr std::uint32_t kGroupId = 1002;
constexpr char kPrometheus[] = "/dm/prometheus-9090";

// A cluster of which m1 has a dm-master, a dm-worker and the monitoring, all of it running.
struct Sample {
  store::ClusterRecord record;
  v1::Package package = clusters::SamplePackage();
  std::map<std::string, render::RenderedInstance> rendered;
  clusters::HostBefore before;

  Sample() {
    record.cluster = clusters::SampleCluster();
    record.public_key = "ssh-ed25519 AAAA dmgr";
    record.cluster.user_login = true;
    for (auto& instance : record.cluster.instances) {
      instance.wanted_running = true;
      before.stores[instance.deploy_dir] = "/.dmgr/releases";
      auto& files = rendered[instance.name];
      files.files = {{instance.deploy_dir + "/conf/x.conf", 0644, "conf", false},
                     {instance.deploy_dir + "/conf/secret", 0644, "secret", true},
                     {instance.deploy_dir + "/scripts/run.sh", 0755, "run", false}};
      files.unit_name = instance.Unit();
      files.unit_content = "unit";
    }
  }
  ExpectedHost Expect() const {
    return ExpectOn({.record = &record, .package = &package, .rendered = &rendered}, "m1", before);
  }
  Instance* Of(Component component) {
    for (auto& instance : record.cluster.instances) {
      if (instance.component == component) return &instance;
    }
    return nullptr;
  }
};

void Own(std::uint32_t mode, Type::Type type, bool of_root, hv1::Attributes* attributes) {
  attributes->set_type(type);
  attributes->set_mode(mode);
  attributes->set_user_id(of_root ? 0 : kUserId);
  attributes->set_group_id(of_root ? 0 : kGroupId);
  attributes->set_owner(of_root ? "root:root" : "tidb:tidb");
}

// A host on which all is as expected.
hv1::SurveyReply AsExpected(const ExpectedHost& host) {
  hv1::SurveyReply seen;
  auto* account = seen.mutable_account();
  account->set_user_exists(true);
  account->set_group_exists(true);
  account->set_user_id(kUserId);
  account->set_group_id(kGroupId);
  account->set_is_member(true);
  account->set_has_key(true);
  for (const auto& file : host.files) {
    auto* out = seen.add_files();
    Own(file.mode, Type::TYPE_FILE, file.is_unit, out->mutable_attributes());
    out->set_hash(file.hash);
  }
  for (const auto& dir : host.dirs) {
    auto* out = seen.add_dirs();
    Own(dir.mode, Type::TYPE_DIRECTORY, false, out->mutable_attributes());
    for (const auto& name : dir.names) {
      auto* entry = out->add_entries();
      entry->set_name(name);
      entry->set_user_id(kUserId);
    }
  }
  for (std::size_t i = 0; i < host.releases.size(); ++i) {
    seen.add_releases()->set_state(hv1::ReleaseSeen::STATE_INTACT);
  }
  for (std::size_t i = 0; i < host.placed.size(); ++i) {
    seen.add_placed()->set_state(hv1::PlacedSeen::STATE_SAME);
  }
  for (const auto& unit : host.units) {
    auto* state = seen.add_units()->mutable_state();
    state->set_unit(unit.instance->Unit());
    state->set_loaded(true);
    state->set_enabled(true);
    state->set_active_state("active");
    state->set_sub_state("running");
    for (const int port : unit.instance->Ports()) {
      auto* listener = seen.add_ports();
      listener->set_port(static_cast<std::uint32_t>(port));
      listener->set_unit(unit.instance->Unit());
    }
  }
  return seen;
}

std::vector<v1::Difference> Differences(const ExpectedHost& host, const hv1::SurveyReply& seen) {
  Findings findings("dm-test");
  REQUIRE(CompareHost(host, seen, &findings));
  return findings.differences();
}

template <typename List>
int At(const List& list, const std::string& path) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].path == path) return static_cast<int>(i);
  }
  FAIL(path << " is not expected");
  return -1;
}

TEST_CASE("a host that is as it is recorded has no difference", "[verify]") {
  const Sample sample;
  const ExpectedHost host = sample.Expect();
  CHECK(host.units.size() == 7);
  CHECK(host.releases.size() == 7);
  CHECK(Differences(host, AsExpected(host)).empty());
  const hv1::Survey asked = SurveyFor(host);
  CHECK(asked.files_size() == static_cast<int>(host.files.size()));
  CHECK(asked.units(0).program() == host.units[0].instance->deploy_dir + "/bin/dm-master");
}

TEST_CASE("each thing that differs is one difference of its kind", "[verify]") {
  const Sample sample;
  const ExpectedHost host = sample.Expect();
  const std::string conf = std::string(kPrometheus) + "/conf";
  const std::string unit = "/etc/systemd/system/prometheus-9090.service";
  const int conf_dir = At(host.dirs, conf);
  const int conf_file = At(host.files, conf + "/x.conf");
  const int unit_file = At(host.files, unit);
  struct Case {
    v1::DifferenceKind kind;
    std::function<void(hv1::SurveyReply*)> change;
    std::string path;
    bool repairable = true;
  };
  const std::vector<Case> cases = {
      {v1::DIFFERENCE_KIND_ACCOUNT_MISSING,
       [](auto* seen) { seen->mutable_account()->set_user_exists(false); }, "tidb"},
      {v1::DIFFERENCE_KIND_ACCOUNT_GROUP,
       [](auto* seen) { seen->mutable_account()->set_is_member(false); }, "tidb"},
      {v1::DIFFERENCE_KIND_SUDOERS_LEFT,
       [](auto* seen) { seen->mutable_account()->set_has_sudoers(true); }, "tidb"},
      {v1::DIFFERENCE_KIND_KEY_LEFT,
       [](auto* seen) { seen->mutable_account()->set_has_other_key(true); }, "tidb"},
      {v1::DIFFERENCE_KIND_KEY_MISSING,
       [](auto* seen) { seen->mutable_account()->set_has_key(false); }, "tidb"},
      {v1::DIFFERENCE_KIND_DIRECTORY_MISSING,
       [&](auto* seen) {
         seen->mutable_dirs(conf_dir)->mutable_attributes()->set_type(Type::TYPE_ABSENT);
       },
       conf},
      {v1::DIFFERENCE_KIND_DIRECTORY_ATTRIBUTES,
       [&](auto* seen) { seen->mutable_dirs(conf_dir)->mutable_attributes()->set_mode(0777); },
       conf},
      {v1::DIFFERENCE_KIND_DIRECTORY_ATTRIBUTES,
       [&](auto* seen) { seen->mutable_dirs(conf_dir)->mutable_attributes()->set_user_id(0); },
       conf},
      {v1::DIFFERENCE_KIND_STRAY,
       [&](auto* seen) { seen->mutable_dirs(conf_dir)->add_entries()->set_name("mine.yml"); },
       conf + "/mine.yml", false},
      {v1::DIFFERENCE_KIND_FILE_MISSING,
       [&](auto* seen) {
         seen->mutable_files(conf_file)->mutable_attributes()->set_type(Type::TYPE_ABSENT);
       },
       conf + "/x.conf"},
      {v1::DIFFERENCE_KIND_FILE_CONTENT,
       [&](auto* seen) { seen->mutable_files(conf_file)->set_hash("other"); }, conf + "/x.conf"},
      {v1::DIFFERENCE_KIND_FILE_CONTENT,
       [&](auto* seen) {
         seen->mutable_files(conf_file)->mutable_attributes()->set_type(Type::TYPE_SYMLINK);
       },
       conf + "/x.conf"},
      {v1::DIFFERENCE_KIND_FILE_ATTRIBUTES,
       [&](auto* seen) { seen->mutable_files(conf_file)->mutable_attributes()->set_group_id(7); },
       conf + "/x.conf"},
      {v1::DIFFERENCE_KIND_UNIT_MISSING,
       [&](auto* seen) {
         seen->mutable_files(unit_file)->mutable_attributes()->set_type(Type::TYPE_ABSENT);
       },
       unit},
      {v1::DIFFERENCE_KIND_UNIT_CONTENT,
       [&](auto* seen) { seen->mutable_files(unit_file)->set_hash("other"); }, unit},
      {v1::DIFFERENCE_KIND_UNIT_ATTRIBUTES,
       [&](auto* seen) { seen->mutable_files(unit_file)->mutable_attributes()->set_mode(0600); },
       unit},
      {v1::DIFFERENCE_KIND_PROGRAM_MISSING,
       [](auto* seen) { seen->mutable_placed(0)->set_state(hv1::PlacedSeen::STATE_ABSENT); },
       host.placed[0].asked.placement().target()},
      {v1::DIFFERENCE_KIND_PROGRAM_OTHER,
       [](auto* seen) { seen->mutable_placed(0)->set_state(hv1::PlacedSeen::STATE_OTHER); },
       host.placed[0].asked.placement().target()},
      {v1::DIFFERENCE_KIND_RELEASE_MISSING,
       [](auto* seen) { seen->mutable_releases(0)->set_state(hv1::ReleaseSeen::STATE_ABSENT); },
       "/.dmgr/releases/hash-dm-master"},
      {v1::DIFFERENCE_KIND_RELEASE_CHANGED,
       [](auto* seen) { seen->mutable_releases(0)->set_state(hv1::ReleaseSeen::STATE_CHANGED); },
       "/.dmgr/releases/hash-dm-master"},
      {v1::DIFFERENCE_KIND_UNIT_DROP_IN,
       [](auto* seen) {
         auto* state = seen->mutable_units(0)->mutable_state();
         state->add_drop_ins("/usr/lib/systemd/system/service.d/10-timeout.conf");
         state->add_drop_ins("/etc/systemd/system/dm-master-8261.service.d/mine.conf");
       },
       "/etc/systemd/system/dm-master-8261.service.d/mine.conf", false},
      {v1::DIFFERENCE_KIND_UNIT_NOT_LOADED,
       [](auto* seen) { seen->mutable_units(0)->mutable_state()->set_needs_daemon_reload(true); },
       "dm-master-8261.service"},
      {v1::DIFFERENCE_KIND_UNIT_AT_BOOT,
       [](auto* seen) { seen->mutable_units(0)->mutable_state()->set_enabled(false); },
       "dm-master-8261.service"},
      {v1::DIFFERENCE_KIND_NOT_RUNNING,
       [](auto* seen) { seen->mutable_units(0)->mutable_state()->set_active_state("failed"); },
       "dm-master-8261.service"},
      {v1::DIFFERENCE_KIND_OLD_PROGRAM,
       [](auto* seen) { seen->mutable_units(0)->set_runs_other_program(true); },
       "dm-master-8261.service"},
      {v1::DIFFERENCE_KIND_PORT_SILENT,
       [](auto* seen) { seen->mutable_ports()->DeleteSubrange(0, 1); }, "8261", false},
      {v1::DIFFERENCE_KIND_PORT_TAKEN,
       [](auto* seen) {
         seen->mutable_ports(0)->set_unit("");
         seen->mutable_ports(0)->set_listener("nc (812)");
       },
       "8261", false},
  };
  for (const auto& one : cases) {
    INFO(v1::DifferenceKind_Name(one.kind));
    hv1::SurveyReply seen = AsExpected(host);
    one.change(&seen);
    const auto found = Differences(host, seen);
    REQUIRE(found.size() == 1);
    CHECK(found[0].kind() == one.kind);
    CHECK(found[0].machine_id() == "m1");
    CHECK(found[0].path() == one.path);
    CHECK(found[0].repairable() == one.repairable);
    CHECK_FALSE(found[0].expected().empty());
    CHECK_THAT(found[0].text(), Catch::Contains(one.path.substr(one.path.rfind('/') + 1)) ||
                                    Catch::Contains("dm-master"));
    const bool has_logs = one.kind == v1::DIFFERENCE_KIND_PORT_SILENT;
    CHECK(found[0].next_actions().empty() == !(one.repairable || has_logs));
  }
}

TEST_CASE("what is stopped or disabled by the record is to be so", "[verify]") {
  Sample sample;
  sample.Of(Component::kDmMaster)->wanted_running = false;
  sample.Of(Component::kDmMaster)->wanted_enabled = false;
  const ExpectedHost host = sample.Expect();
  hv1::SurveyReply seen = AsExpected(host);
  auto found = Differences(host, seen);
  REQUIRE(found.size() == 2);
  CHECK(found[0].kind() == v1::DIFFERENCE_KIND_UNIT_AT_BOOT);
  CHECK(found[1].kind() == v1::DIFFERENCE_KIND_RUNNING);
  auto* state = seen.mutable_units(0)->mutable_state();
  state->set_active_state("inactive");
  state->set_enabled(false);
  // Both of its ports.
  seen.mutable_ports()->DeleteSubrange(0, 2);
  CHECK(Differences(host, seen).empty());
}

TEST_CASE("what the processes write where they work is theirs; a foreigner's is named",
          "[verify]") {
  const Sample sample;
  const ExpectedHost host = sample.Expect();
  hv1::SurveyReply seen = AsExpected(host);
  auto* dir = seen.mutable_dirs(At(host.dirs, kPrometheus));
  auto* dump = dir->add_entries();
  dump->set_name("dumped_data.task");
  dump->set_user_id(kUserId);
  auto* foreign = dir->add_entries();
  foreign->set_name("backup.sql");
  foreign->set_user_id(0);
  dir->add_entries()->set_name("lost+found");
  const auto found = Differences(host, seen);
  REQUIRE(found.size() == 1);
  CHECK(found[0].path() == std::string(kPrometheus) + "/backup.sql");
  // Data and logs are looked at from outside.
  CHECK_FALSE(
      host.dirs[static_cast<std::size_t>(At(host.dirs, "/dm-data/prometheus-9090/data"))].is_ours);
}

TEST_CASE("an account needs no key unless that was asked for", "[verify]") {
  Sample sample;
  sample.record.cluster.user_login = false;
  const ExpectedHost host = sample.Expect();
  hv1::SurveyReply seen = AsExpected(host);
  seen.mutable_account()->set_has_key(false);
  CHECK(Differences(host, seen).empty());
  // Whose its files are cannot be told without the account.
  seen.mutable_account()->set_user_exists(false);
  CHECK(Differences(host, seen).size() == 1);
}

TEST_CASE("an answer to another question says nothing", "[verify]") {
  const Sample sample;
  const ExpectedHost host = sample.Expect();
  Findings findings("dm-test");
  CHECK_FALSE(CompareHost(host, hv1::SurveyReply(), &findings));
  hv1::SurveyReply seen = AsExpected(host);
  seen.mutable_units()->RemoveLast();
  CHECK_FALSE(CompareHost(host, seen, &findings));
  CHECK(findings.differences().empty());
}

TEST_CASE("a patch is a release of its own", "[verify]") {
  Sample sample;
  sample.Of(Component::kDmWorker)->patch = "hash-patch";
  const ExpectedHost host = sample.Expect();
  CHECK(std::any_of(host.releases.begin(), host.releases.end(), [](const auto& release) {
    return release.hash == "hash-patch" && release.what == "a patch of dm-worker";
  }));
}

TEST_CASE("a repair comes first of what helps, and each call once", "[verify]") {
  Findings findings("dm-test");
  findings.Add(v1::DIFFERENCE_KIND_HOST_UNREACHABLE, {.machine = "m2"}, "an answer", "none", "x");
  findings.Add(v1::DIFFERENCE_KIND_FILE_CONTENT, {.machine = "m1"}, "a", "b", "x");
  findings.Add(v1::DIFFERENCE_KIND_UNIT_CONTENT, {.machine = "m1"}, "a", "b", "x");
  const auto next = NextActionsOf(findings.differences());
  REQUIRE(next.size() == 3);
  CHECK(next[0].action() == v1::ACTION_REPAIR_CLUSTER);
  CHECK(next[1].action() == v1::ACTION_CHECK_MACHINE);
  CHECK(next[1].arguments().at("machine_id") == "m2");
  CHECK(next[2].action() == v1::ACTION_MOVE_MACHINE);
  CHECK(next[2].arguments().at("from_machine_id") == "m2");
}

}  // namespace
}  // namespace dmgr::verify
