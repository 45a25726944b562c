// The examples of dmgrctl's help and the commands of deploy/docs, typed as they stand there.
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/lab/site.h"

namespace dmgr::testing {
namespace {

constexpr char kNextVersion[] = "v7.5.2";

TEST_CASE("the example of every command's help, and what the documents show, can be typed",
          "[lab][examples]") {
  Site& site = Site::Get();
  site.EnsureNoCluster();
  site.EnsurePackage(kNextVersion);
  site.lab().Up(4);
  site.PlaceAlertmanagerTemplates(site.lab().Root("h4"));
  // One that knows nothing yet.
  TestDaemon daemon;
  const std::filesystem::path& from = site.daemon().dir();
  std::filesystem::create_directory_symlink(from / "tarballs", daemon.dir() / "tarballs");
  std::filesystem::create_directory_symlink(from / ("tarballs-" + std::string(kNextVersion)),
                                            daemon.dir() / "tarballs-next");
  Command command = daemon.CtlCommand({});
  command.args = {"/usr/bin/python3",       DMGR_SOURCE_DIR "/tests/lab/examples.py",
                  ProgramDir() / "dmgrctl", DMGR_BINARY_DIR "/dmsim/dm-worker",
                  site.lab().Key(),         daemon.dir() / "password",
                  site.lab().name()};
  for (const char* host : {"h1", "h2", "h3", "h4"}) {
    command.args.push_back(site.lab().Address(host));
  }
  const Result result = Run(command, std::chrono::minutes(10));
  INFO(result.out << result.err);
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("commands, each by its example"));
}

}  // namespace
}  // namespace dmgr::testing
