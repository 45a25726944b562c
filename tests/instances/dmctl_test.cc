// Programs on dmgrd's machine: dmctl.
#include "server/instances/dmctl.h"

#include <unistd.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/instances/local_program.h"
#include "tests/instances/two_hosts.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

struct Said {
  std::string out, err;
};

absl::StatusOr<instances::LocalEnd> RunThis(const std::string& path,
                                            const std::vector<instances::ProgramWord>& words,
                                            Said* said, absl::Duration time = absl::Seconds(20)) {
  return instances::RunHere(
      path, words, absl::Now() + time, [] { return false; },
      [&](bool is_error, std::string_view data) {
        (is_error ? said->err : said->out) += data;
        return true;
      });
}

TEST_CASE("a file is read by its content alone, and shows on no command line", "[dmctl]") {
  Said said;
  const auto end = RunThis(
      "/bin/cat", {{.content = "password: S3cret\n", .is_file = true}, {.text = "-"}}, &said);
  REQUIRE_OK(end.status());
  CHECK(end->exit_status == 0);
  // And nothing is on its standard input.
  CHECK(said.out == "password: S3cret\n");
  Said words;
  REQUIRE_OK(RunThis("/bin/echo", {{.content = "S3cret", .is_file = true}}, &words).status());
  CHECK(words.out.starts_with("/proc/self/fd/"));
}

TEST_CASE("a program here has no environment and no rights, and may not outstay", "[dmctl]") {
  Said said;
  REQUIRE_OK(RunThis("/usr/bin/env", {}, &said).status());
  CHECK(said.out.empty());
  REQUIRE_OK(RunThis("/usr/bin/id", {{.text = "-u"}}, &said).status());
  CHECK(said.out == (geteuid() == 0 ? "65534\n" : std::to_string(geteuid()) + "\n"));
  const auto late = RunThis("/bin/sleep", {{.text = "1000"}}, &said, absl::Milliseconds(200));
  REQUIRE_OK(late.status());
  CHECK(late->timed_out);
  CHECK(late->exit_status == 128 + 9);
  const auto failed = RunThis("/bin/cat", {{.text = "/no/such"}}, &said);
  CHECK(failed->exit_status == 1);
  CHECK_FALSE(said.err.empty());
  CHECK(Reason(RunThis("/no/such", {}, &said).status()) == "DMCTL_UNUSABLE");
}

TEST_CASE("a program here ends with its caller", "[dmctl]") {
  const absl::Time began = absl::Now();
  const auto end = instances::RunHere(
      "/bin/sleep", {{.text = "1000"}}, absl::InfiniteFuture(),
      [&] { return absl::Now() > began + absl::Milliseconds(200); },
      [](bool, std::string_view) { return true; });
  CHECK(absl::IsCancelled(end.status()));
  CHECK(absl::Now() - began < absl::Seconds(10));
}

// Echo in the place of dmctl.
void AddDmctl(const TwoHosts& hosts) {
  const fs::path folder = hosts.control() + "/cluster/demo/v7.5.1/others";
  fs::create_directories(folder);
  fs::copy_file(fs::canonical("/bin/echo"), folder / "dmctl");
}

v1::RunDmctlRequest Words(const std::vector<std::string>& words) {
  v1::RunDmctlRequest request;
  request.set_cluster_name(kDemo);
  for (const auto& word : words) request.add_words()->set_text(word);
  return request;
}

absl::Status RunOf(TwoHosts& hosts, const v1::RunDmctlRequest& request, Said* said, int* code) {
  std::string what;
  return instances::RunDmctl(
      hosts.resources(), request, &what, [] { return false; },
      [&](const v1::RunDmctlResponse& response) {
        said->out += response.standard_output();
        if (response.has_exit()) *code = response.exit().exit_code();
        return true;
      });
}

TEST_CASE("dmctl is the cluster's own, and gets the words as they are", "[dmctl]") {
  TwoHosts hosts;
  AddDmctl(hosts);
  Said said;
  int code = -1;
  REQUIRE_OK(RunOf(hosts, Words({"query-status", "a b;`id`"}), &said, &code));
  CHECK(said.out == "--master-addr=h1.example:8261 query-status a b;`id`\n");
  CHECK(code == 0);
}

TEST_CASE("a result that is false is a failure, whatever dmctl's exit code", "[dmctl]") {
  TwoHosts hosts;
  AddDmctl(hosts);
  Said said;
  int code = -1;
  REQUIRE_OK(
      RunOf(hosts, Words({"\n{\n    \"result\": false,\n    \"msg\": \"no\"\n}"}), &said, &code));
  CHECK(code == 1);
  CHECK(said.out.find("\"msg\": \"no\"") != std::string::npos);
  REQUIRE_OK(RunOf(hosts,
                   Words({"\n{\n    \"result\": true,\n    \"x\": {\n  \"result\": false}}"}),
                   &said, &code));
  CHECK(code == 0);
}

TEST_CASE("words that dmgr says itself, and such that would show or read too much, are refused",
          "[dmctl]") {
  TwoHosts hosts;
  AddDmctl(hosts);
  for (const auto& words :
       std::vector<std::vector<std::string>>{{},
                                             {"--master-addr=evil:1", "list-member"},
                                             {"list-member", "-master-addr", "evil:1"},
                                             {"--config=/etc/passwd"},
                                             {"--ssl-ca", "x"},
                                             {"encrypt", "S3cret"},
                                             {"--encrypt", "S3cret"},
                                             {"start-task", "/etc/shadow"},
                                             {"start-task", "../x"},
                                             {"config", "import", "--path=/etc"}}) {
    INFO((words.empty() ? "nothing" : words.back()));
    Said said;
    int code = -1;
    CHECK(absl::IsInvalidArgument(RunOf(hosts, Words(words), &said, &code)));
    CHECK(said.out.empty());
  }
}

TEST_CASE("a cluster without its dmctl says so", "[dmctl]") {
  TwoHosts hosts;
  Said said;
  int code = -1;
  const absl::Status status = RunOf(hosts, Words({"list-member"}), &said, &code);
  CHECK(Reason(status) == "DMCTL_UNUSABLE");
  CHECK(std::string(Message(status)).find("/cluster/demo/v7.5.1/others/dmctl") !=
        std::string::npos);
}

}  // namespace
}  // namespace dmgr::test
