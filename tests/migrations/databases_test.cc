// What dmgrd finds in real databases, and what servers that mean ill get out of it.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "common/error.h"
#include "common/steady_time.h"
#include "server/databases/checks.h"
#include "server/databases/grants.h"
#include "tests/migrations/free_port.h"
#include "tests/migrations/mariadb.h"
#include "tests/rpc/certificates.h"
#include "tests/support/files.h"

namespace dmgr::databases {
namespace {

using testing::Mariadb;

constexpr char kPassword[] = "pa55 'of\\the shop";

absl::Time Soon() { return SteadyNow() + absl::Seconds(20); }

std::string CreateUser(const std::string& user) {
  return fmt::format("CREATE USER {} IDENTIFIED BY 'pa55 \\'of\\\\the shop'", user);
}

// "PASS" and the like by the name of the check.
std::map<std::string, std::string> Results(const absl::StatusOr<Checks>& checks) {
  INFO(checks.status().ToString());
  REQUIRE(checks.ok());
  std::map<std::string, std::string> results;
  for (const auto& check : *checks) {
    const auto name = v1::DatabaseCheckResult_Name(check.result());
    results[check.check_name()] = name.substr(name.rfind('_') + 1);
    INFO(check.DebugString());
    CHECK(check.instruction().empty() == (check.result() == v1::DATABASE_CHECK_RESULT_PASS));
    CHECK_FALSE(check.found().empty());
  }
  return results;
}

TEST_CASE("a database that DM can read passes, whatever lacks is named") {
  const Mariadb database(
      {"--log-bin=bin", "--server-id=7", "--binlog-format=ROW", "--binlog-row-image=FULL"},
      {CreateUser("dm"), "GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO dm",
       "CREATE DATABASE shop", CreateUser("some"),
       "GRANT REPLICATION SLAVE, REPLICATION CLIENT, RELOAD ON *.* TO some",
       "GRANT SELECT ON shop.* TO some", CreateUser("few"), "GRANT SELECT ON *.* TO few",
       CreateUser("writer"), "GRANT ALL PRIVILEGES ON *.* TO writer"});
  using Map = std::map<std::string, std::string>;
  CHECK(Results(CheckSourceDatabase(database.AccountOf("dm", kPassword), true, Soon())) ==
        Map{{"version", "WARN"},
            {"server_id", "PASS"},
            {"log_bin", "PASS"},
            {"binlog_format", "PASS"},
            {"binlog_row_image", "PASS"},
            {"privileges", "PASS"}});
  auto some = CheckSourceDatabase(database.AccountOf("some", kPassword), false, Soon());
  CHECK(Results(some)["privileges"] == "WARN");
  const auto few = CheckSourceDatabase(database.AccountOf("few", kPassword), false, Soon());
  CHECK(Results(few)["privileges"] == "FAIL");
  CHECK(few->front().check_name() == "privileges");
  CHECK(few->front().found() == "without REPLICATION SLAVE, REPLICATION CLIENT, RELOAD");
  CHECK(Results(CheckTargetDatabase(database.AccountOf("writer", kPassword), Soon())) ==
        Map{{"version", "WARN"}, {"privileges", "PASS"}});
  CHECK(Results(CheckTargetDatabase(database.AccountOf("dm", kPassword), Soon()))["privileges"] ==
        "FAIL");

  const auto refused = CheckSourceDatabase(database.AccountOf("dm", "wr0ng-one"), false, Soon());
  CHECK(Reason(refused.status()) == "DATABASE_LOGIN");
  CHECK_THAT(std::string(Message(refused.status())), Catch::Contains("Access denied"));
  CHECK_THAT(refused.status().ToString(), !Catch::Contains("wr0ng-one"));

  INFO("long and many answers are cut, a file of this host is not sent");
  auto connection = Connection::Open(database.AccountOf("writer", kPassword), Soon());
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  const auto rows = connection->Ask("SELECT REPEAT('x', 100000) FROM shop.none");
  CHECK(Reason(rows.status()) == "DATABASE_REFUSED");
  const auto longest = connection->Ask("SELECT REPEAT('x', 100000), NULL");
  REQUIRE(longest.ok());
  CHECK(longest->at(0) == Row{std::string(kMaxValue, 'x'), ""});
  const auto most = connection->Ask("SELECT seq FROM shop.seq_1_to_5000");
  REQUIRE(most.ok());
  CHECK(most->size() == kMaxRows);
  REQUIRE(connection->Ask("CREATE TABLE shop.lines (line TEXT)").ok());
  const auto sent = connection->Ask("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE shop.lines");
  CHECK_FALSE(sent.ok());
  auto again = Connection::Open(database.AccountOf("writer", kPassword), Soon());
  REQUIRE(again.ok());
  CHECK(again->Ask("SELECT count(*) FROM shop.lines").value().at(0).at(0) == "0");
}

TEST_CASE("a database without a binlog fails with what to set") {
  const Mariadb database({"--binlog-format=STATEMENT", "--binlog-row-image=MINIMAL"},
                         {CreateUser("dm"), "GRANT ALL PRIVILEGES ON *.* TO dm"});
  auto results = Results(CheckSourceDatabase(database.AccountOf("dm", kPassword), false, Soon()));
  CHECK(results["log_bin"] == "FAIL");
  CHECK(results["binlog_format"] == "FAIL");
  CHECK(results["binlog_row_image"] == "FAIL");
}

TEST_CASE("a database with TLS is asked over TLS, and one with another CA is not") {
  const test::TempDir dir;
  testing::MakeCertificate(dir, "db", "IP:127.0.0.1", testing::KeyKind::kRsa);
  testing::MakeAuthority(dir, "other", testing::KeyKind::kRsa);
  const Mariadb database({"--ssl-ca=" + dir / "db-ca.pem", "--ssl-cert=" + dir / "db.pem",
                          "--ssl-key=" + dir / "db.key"},
                         {CreateUser("dm") + " REQUIRE SSL", "GRANT SELECT ON *.* TO dm"});
  auto account = database.AccountOf("dm", kPassword);
  CHECK(Reason(Connection::Open(account, Soon()).status()) == "DATABASE_LOGIN");
  account.ca = testing::Contents(dir / "db-ca.pem");
  auto connection = Connection::Open(account, Soon());
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  CHECK_FALSE(connection->Ask("SHOW STATUS LIKE 'Ssl_cipher'").value().at(0).at(1).empty());
  account.ca = testing::Contents(dir / "other-ca.pem");
  CHECK(Reason(Connection::Open(account, Soon()).status()) == "DATABASE_UNREACHABLE");
}

TEST_CASE("a database that is named is reached by its name, and its certificate checked by that") {
  const test::TempDir dir;
  testing::MakeCertificate(dir, "db", "DNS:localhost", testing::KeyKind::kRsa);
  const Mariadb database({"--ssl-ca=" + dir / "db-ca.pem", "--ssl-cert=" + dir / "db.pem",
                          "--ssl-key=" + dir / "db.key"},
                         {CreateUser("dm"), "GRANT SELECT ON *.* TO dm"});
  auto account = database.AccountOf("dm", kPassword);
  account.ca = testing::Contents(dir / "db-ca.pem");
  CHECK(Reason(Connection::Open(account, Soon()).status()) == "DATABASE_UNREACHABLE");
  account.host = "localhost";
  auto connection = Connection::Open(account, Soon());
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  CHECK_FALSE(connection->Ask("SHOW STATUS LIKE 'Ssl_cipher'").value().at(0).at(1).empty());

  INFO("whether name servers answer or not");
  account.host = "no-such-database.invalid";
  const absl::Time begun = SteadyNow();
  CHECK(Reason(Connection::Open(account, begun + absl::Seconds(3)).status()) ==
        "DATABASE_UNREACHABLE");
  CHECK(SteadyNow() - begun < absl::Seconds(15));
}

// Listens, takes one connection, and sends to it what a play says.
class IllServer {
 public:
  explicit IllServer(std::function<void(int fd)> play)
      : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(listen(listener_, 1) == 0);
    REQUIRE(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, play = std::move(play)] {
      const int fd = accept(listener_, nullptr, nullptr);
      play(fd);
      close(fd);
    });
  }
  ~IllServer() {
    thread_.join();
    close(listener_);
  }

  int port = 0;

 private:
  const int listener_;
  std::thread thread_;
};

bool Send(int fd, const std::string& bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

// A byte every 20 ms until the other side has gone.
void Drip(int fd) {
  while (Send(fd, "x")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

std::string Packet(int number, const std::string& body) {
  std::string packet;
  for (const int shift : {0, 8, 16}) packet += static_cast<char>(body.size() >> shift);
  return packet + static_cast<char>(number) + body;
}

// How a server begins that knows TLS and passwords.
std::string Greeting() {
  const std::string zeros(10, '\0');
  return Packet(0,
                "\x0a"
                "8.0.36" +
                    zeros.substr(0, 5) + "saltsalt" + zeros.substr(0, 1) + "\x01\x8a\x21\x02" +
                    zeros.substr(0, 1) + "\x08" + zeros.substr(0, 1) + "\x15" + zeros +
                    "saltsaltsalt" + zeros.substr(0, 1) + "mysql_native_password" +
                    zeros.substr(0, 1));
}

void Receive(int fd) {
  char some[4096];
  CHECK(recv(fd, some, sizeof(some), 0) > 0);
}

TEST_CASE("whoever does not answer, or never ends, is left at the deadline") {
  Account account{
      .host = "127.0.0.1", .port = testing::FreePort(), .user = "dm", .password = "s3cret-of-all"};
  auto failed = Connection::Open(account, Soon()).status();
  CHECK(Reason(failed) == "DATABASE_UNREACHABLE");
  CHECK_THAT(failed.ToString(), !Catch::Contains("s3cret-of-all"));

  // A packet of 64 KiB is announced, or of TLS 16 KiB, which would take 20 or 5 minutes.
  const IllServer plain([](int fd) {
    Send(fd, std::string("\0\0\1\0\x0a", 5));
    Drip(fd);
  });
  const IllServer tls([](int fd) {
    Send(fd, Greeting());
    Receive(fd);
    Send(fd, std::string("\x16\3\3\x40\0", 5));
    Drip(fd);
  });
  for (const int port : {plain.port, tls.port}) {
    account.port = port;
    if (port == tls.port) {
      const test::TempDir dir;
      testing::MakeAuthority(dir, "db", testing::KeyKind::kRsa);
      account.ca = testing::Contents(dir / "db-ca.pem");
    }
    const absl::Time begun = SteadyNow();
    failed = Connection::Open(account, begun + absl::Seconds(2)).status();
    INFO(failed.ToString());
    CHECK(Reason(failed) == "DATABASE_UNREACHABLE");
    CHECK(SteadyNow() - begun < absl::Seconds(10));
  }
}

TEST_CASE("an answer without end is left before it fills the memory") {
  const IllServer server([](int fd) {
    Send(fd, Greeting());
    Receive(fd);
    Send(fd, Packet(2, std::string("\0\0\0\2\0\0\0", 7)));
    Receive(fd);
    std::string more = Packet(1, "\xfc\xff\xff");
    // Columns, each with a long name of its catalog.
    const std::string column = "\xfd" + std::string("\0\xf0\0", 3) + std::string(0xf000, 'x') +
                               std::string(5, '\0') + "\x0c" + std::string(12, '\0');
    for (int number = 2; Send(fd, more); number = (number + 1) % 256) more = Packet(number, column);
  });
  const Account account{.host = "127.0.0.1", .port = server.port, .user = "dm", .password = "x"};
  auto connection = Connection::Open(account, SteadyNow() + absl::Seconds(60));
  INFO(connection.status().ToString());
  REQUIRE(connection.ok());
  const absl::Status failed = connection->Ask("SHOW GRANTS").status();
  CHECK(Reason(failed) == "DATABASE_UNREACHABLE");
  CHECK_THAT(failed.ToString(), Catch::Contains("sends without end"));
}

TEST_CASE("privileges are read from what a database grants") {
  const auto grants = ReadGrants(
      {"GRANT SELECT, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO `dm`@`%` IDENTIFIED BY PASSWORD "
       "'*F00' WITH GRANT OPTION",
       "GRANT INSERT, UPDATE (`a`) ON `shop`.* TO `dm`@`%`", "GRANT USAGE", "what", "GRANT  ON "});
  CHECK(grants.Has("REPLICATION CLIENT"));
  CHECK(grants.Has("SELECT"));
  CHECK_FALSE(grants.Has("INSERT"));
  CHECK(grants.HasSomewhere("INSERT"));
  CHECK_FALSE(grants.HasSomewhere("RELOAD"));
  CHECK(ReadGrants({"GRANT ALL PRIVILEGES ON *.* TO x"}).Has("RELOAD"));
}

}  // namespace
}  // namespace dmgr::databases
