#include "tests/migrations/mariadb.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "tests/migrations/free_port.h"
#include "tests/support/eventually.h"
#include "tests/support/files.h"

namespace dmgr::testing {

Mariadb::Mariadb(const std::vector<std::string>& options,
                 const std::vector<std::string>& statements)
    : port_(FreePort()) {
  const std::string data = "--datadir=" + dir_ / "data";
  const std::string user = geteuid() == 0 ? "root" : std::to_string(geteuid());
  std::vector<std::string> install = {"/usr/bin/mariadb-install-db", "--no-defaults", data,
                                      "--auth-root-authentication-method=normal", "--skip-test-db"};
  if (user == "root") install.push_back("--user=root");
  const Result installed = Run({.args = install});
  if (installed.exit_code != 0) throw std::runtime_error(installed.out + installed.err);
  std::ofstream init(dir_ / "init.sql");
  for (const auto& statement : statements) init << statement << ";\n";
  init.close();
  std::vector<std::string> args = {"/usr/sbin/mariadbd",
                                   "--no-defaults",
                                   data,
                                   "--socket=" + dir_ / "s",
                                   "--pid-file=" + dir_ / "pid",
                                   "--bind-address=127.0.0.1",
                                   fmt::format("--port={}", port_),
                                   "--skip-name-resolve",
                                   "--innodb-buffer-pool-size=8M",
                                   "--init-file=" + dir_ / "init.sql"};
  if (user == "root") args.push_back("--user=root");
  args.insert(args.end(), options.begin(), options.end());
  const std::string log = dir_ / "log";
  process_ = std::make_unique<Child>(Command{.args = args}, log);
  const bool ready = Eventually([&] {
    return process_->Poll().has_value() ||
           Contents(log).find("ready for connections") != std::string::npos;
  });
  if (!ready || process_->Poll().has_value()) throw std::runtime_error(Contents(log));
}

databases::Account Mariadb::AccountOf(const std::string& user, const std::string& password) const {
  return {.host = "127.0.0.1", .port = port_, .user = user, .password = password};
}

}  // namespace dmgr::testing
