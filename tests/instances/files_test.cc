// Files to hosts and from hosts.
#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "common/error.h"
#include "server/instances/pull.h"
#include "server/instances/push.h"
#include "tests/instances/two_hosts.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

v1::PushFileHeader Header(const std::string& path, std::size_t size) {
  v1::PushFileHeader header;
  header.set_cluster_name(kDemo);
  header.set_path(path);
  header.set_size_bytes(size);
  return header;
}

absl::StatusOr<v1::PushFileResponse> PushTo(TwoHosts& hosts, const v1::PushFileHeader& header,
                                            const std::string& content,
                                            std::string* what = nullptr) {
  std::string ignored;
  ASSIGN_OR_RETURN(const auto push, instances::Push::Begin(hosts.resources(), header,
                                                           what == nullptr ? &ignored : what));
  for (std::size_t at = 0; at < content.size(); at += 1000) {
    RETURN_IF_ERROR(push->Append(std::string_view(content).substr(at, 1000)));
  }
  return push->Finish([] { return false; });
}

struct Pulled {
  std::map<std::string, std::string> files;
  std::map<std::string, absl::Status> problems;
  std::size_t ended = 0;
  std::string what;
};

absl::Status PullFrom(TwoHosts& hosts, const v1::PullFileRequest& request, Pulled* pulled) {
  v1::StreamHosts all;
  const auto host = [&](std::uint32_t index) { return all.hosts(static_cast<int>(index)).host(); };
  return instances::PullFile(
      hosts.resources(), &hosts.places(), request, &pulled->what, [] { return false; },
      [&](const v1::PullFileResponse& response) {
        if (response.has_hosts()) all = response.hosts();
        if (response.has_start()) pulled->files[host(response.start().host_index())];
        if (response.has_data()) {
          pulled->files.at(host(response.data().host_index())) += response.data().data();
        }
        if (response.has_end()) ++pulled->ended;
        if (response.has_problem()) {
          pulled->problems[host(response.problem().host_index())] =
              FromProto(response.problem().error());
        }
        return true;
      });
}

// Where the cluster's user may write.
void OpenTmp(const TwoHosts& hosts) {
  for (const auto* root : {&hosts.h1(), &hosts.h2()}) {
    REQUIRE(chmod((*root / "tmp").c_str(), 01777) == 0);
  }
}

TEST_CASE("a file is on all hosts, and comes back from all", "[files]") {
  TwoHosts hosts;
  OpenTmp(hosts);
  const std::string content =
      GENERATE(std::string(), std::string("\0\xff\r\n", 4), std::string(3'000'000, 'x'));
  auto header = Header("/tmp/file", content.size());
  header.set_mode(0600);
  std::string what;
  const auto response = PushTo(hosts, header, content, &what);
  REQUIRE_OK(response.status());
  CHECK(response->problems().empty());
  CHECK(response->user() == "tidb");
  CHECK(what == "demo: /tmp/file on h1.example, h2.example");
  for (const auto* root : {&hosts.h1(), &hosts.h2()}) {
    CHECK(root->Read("tmp/file") == content);
    struct stat info = {};
    REQUIRE(stat((*root / "tmp/file").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
  }
  v1::PullFileRequest request;
  request.set_cluster_name(kDemo);
  request.set_path("/tmp/file");
  Pulled pulled;
  REQUIRE_OK(PullFrom(hosts, request, &pulled));
  CHECK(pulled.ended == 2);
  CHECK(pulled.files ==
        std::map<std::string, std::string>{{"h1.example", content}, {"h2.example", content}});
  CHECK(pulled.what == "demo: /tmp/file from h1.example, h2.example");
}

TEST_CASE("what fails on one host is told, and done on the others", "[files]") {
  TwoHosts hosts;
  OpenTmp(hosts);
  hosts.Lose("h1");
  const auto response = PushTo(hosts, Header("/tmp/file", 3), "abc");
  REQUIRE_OK(response.status());
  REQUIRE(response->problems_size() == 1);
  CHECK(response->problems(0).host_index() == 0);
  CHECK(hosts.h2().Read("tmp/file") == "abc");
  v1::PullFileRequest request;
  request.set_cluster_name(kDemo);
  request.set_path("/tmp/file");
  Pulled pulled;
  REQUIRE_OK(PullFrom(hosts, request, &pulled));
  CHECK(pulled.files == std::map<std::string, std::string>{{"h2.example", "abc"}});
  CHECK(absl::IsUnavailable(pulled.problems.at("h1.example")));
}

TEST_CASE("nothing is written over what dmgr and DM have of their own", "[files]") {
  TwoHosts hosts;
  for (const char* path :
       {"/dm/demo/bin/dm-master", "/dm/demo/conf/dm-master.toml", "/dm/demo/scripts/x",
        "/dm/demo/data/x", "/dm/worker/data/x", "/etc/systemd/system/dm.service", "/var/lib/dmgr/x",
        "/etc/sudoers.d/tidb"}) {
    INFO(path);
    const absl::Status status = PushTo(hosts, Header(path, 0), "").status();
    CHECK(Reason(status) == "PATH_IS_MANAGED");
    CHECK(absl::IsFailedPrecondition(status));
  }
  // On a host where it means nothing.
  auto header = Header("/dm/worker/data/x", 0);
  header.mutable_where()->add_hosts("h1");
  CHECK(PushTo(hosts, header, "").ok());
}

TEST_CASE("a path that leads elsewhere, and a file that is not what was said, are refused",
          "[files]") {
  TwoHosts hosts;
  for (const char* path :
       {"", "/", "relative", "/tmp/../etc/passwd", "/tmp//x", "/tmp/x/", "/./x", "/tmp/a\nb"}) {
    INFO(path);
    CHECK(absl::IsInvalidArgument(PushTo(hosts, Header(path, 0), "").status()));
    v1::PullFileRequest request;
    request.set_cluster_name(kDemo);
    request.set_path(path);
    Pulled pulled;
    CHECK(absl::IsInvalidArgument(PullFrom(hosts, request, &pulled)));
  }
  CHECK(absl::IsInvalidArgument(PushTo(hosts, Header("/tmp/x", 2), "abc").status()));
  CHECK(absl::IsInvalidArgument(PushTo(hosts, Header("/tmp/x", 4), "abc").status()));
  CHECK(absl::IsInvalidArgument(PushTo(hosts, Header("/tmp/x", 2ULL << 30), "").status()));
  auto header = Header("/tmp/x", 0);
  header.set_mode(04755);
  CHECK(absl::IsInvalidArgument(PushTo(hosts, header, "").status()));
  // Nothing of it is left.
  CHECK(fs::is_empty(hosts.control() + "/warehouse"));
}

TEST_CASE("a push that only asks writes nothing", "[files]") {
  TwoHosts hosts;
  OpenTmp(hosts);
  auto header = Header("/tmp/x", 0);
  header.set_validate_only(true);
  const auto response = PushTo(hosts, header, "");
  REQUIRE_OK(response.status());
  CHECK(response->hosts_size() == 2);
  CHECK_FALSE(hosts.h1().Exists("tmp/x"));
}

}  // namespace
}  // namespace dmgr::test
