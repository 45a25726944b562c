#include <google/protobuf/descriptor.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "common/error.h"
#include "dmgr/v1/auth_service.pb.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/machine_service.pb.h"
#include "server/auth/passwords.h"
#include "server/auth/roles.h"
#include "server/auth/secret_box.h"
#include "server/auth/tokens.h"
#include "tests/support/api_rules.h"
#include "tests/support/temp_dir.h"

namespace dmgr::auth {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a password verifies against its own hash only") {
  const auto hash = HashPassword("correct horse");
  REQUIRE(hash.ok());
  CHECK(hash->rfind("$argon2id$", 0) == 0);
  CHECK(VerifyPassword("correct horse", *hash));
  CHECK_FALSE(VerifyPassword("correct horsf", *hash));
  CHECK_FALSE(VerifyPassword("", *hash));
  const auto again = HashPassword("correct horse");
  REQUIRE(again.ok());
  CHECK(*again != *hash);  // A salt of its own.
  const std::string with_nul("secret\0one", 10);
  const auto nul_hash = HashPassword(with_nul);
  REQUIRE(nul_hash.ok());
  CHECK(VerifyPassword(with_nul, *nul_hash));
  CHECK_FALSE(VerifyPassword(std::string("secret\0two", 10), *nul_hash));
}

TEST_CASE("what is no hash verifies nothing") {
  for (const std::string& hash : {std::string(), std::string("password1"),
                                  std::string("$argon2id$v=19$m=65536"), std::string(5000, '$')}) {
    CHECK_FALSE(VerifyPassword("password1", hash));
  }
  CHECK_FALSE(VerifyPassword("", UnknownUserHash()));
  CHECK(UnknownUserHash().rfind("$argon2id$", 0) == 0);
}

TEST_CASE("passwords that are too short or too long are refused") {
  CHECK(CheckPassword("12345678", "new_password").ok());
  CHECK(CheckPassword(std::string(1024, 'x'), "new_password").ok());
  for (const std::string& password :
       {std::string(), std::string("1234567"), std::string(1025, 'x')}) {
    const absl::Status status = CheckPassword(password, "new_password");
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    REQUIRE(FieldViolations(status).field_violations_size() == 1);
    CHECK(FieldViolations(status).field_violations(0).field() == "new_password");
    CHECK(HashPassword(password).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("a sealed secret opens with the same key and context only") {
  const test::TempDir folder;
  const auto box = SecretBox::Open(folder / "master.key");
  REQUIRE(box.ok());
  const std::string secret("pass\0word", 9);
  const std::string sealed = box->Seal(secret, "machine:h1");
  CHECK(sealed.find("pass") == std::string::npos);
  CHECK(sealed != box->Seal(secret, "machine:h1"));
  CHECK(box->Open(sealed, "machine:h1").value_or("") == secret);
  CHECK(box->Open(box->Seal("", "x"), "x").value_or("no").empty());

  const auto refuse = [](const absl::StatusOr<std::string>& opened) {
    CHECK(opened.status().code() == absl::StatusCode::kDataLoss);
    CHECK(Reason(opened.status()) == "SECRET_UNREADABLE");
  };
  refuse(box->Open(sealed, "machine:h2"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    refuse(box->Open(changed, "machine:h1"));
    refuse(box->Open(sealed.substr(0, i), "machine:h1"));
  }
  const auto other = SecretBox::Open(folder / "other.key");
  REQUIRE(other.ok());
  refuse(other->Open(sealed, "machine:h1"));
}

TEST_CASE("the master key is made once, for its owner only, and loaded after that") {
  const test::TempDir folder;
  const std::string path = folder / "master.key";
  std::string sealed;
  {
    const auto box = SecretBox::Open(path);
    REQUIRE(box.ok());
    sealed = box->Seal("secret", "c");
  }
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  CHECK(found.st_size == 32);
  CHECK(found.st_nlink == 1);
  const auto again = SecretBox::Open(path);
  REQUIRE(again.ok());
  CHECK(again->Open(sealed, "c").value_or("") == "secret");
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

// As dmgrd sealed before keys had an id: 1, the nonce, the cipher's text.
std::string SealWithoutId(const std::string& key, const std::string& text,
                          const std::string& context) {
  const auto bytes = [](const std::string& s) {
    return reinterpret_cast<const unsigned char*>(s.data());
  };
  const std::string nonce(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, 'n');
  std::string cipher(text.size() + crypto_aead_xchacha20poly1305_ietf_ABYTES, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(reinterpret_cast<unsigned char*>(cipher.data()),
                                             nullptr, bytes(text), text.size(), bytes(context),
                                             context.size(), nullptr, bytes(nonce), bytes(key));
  return '\1' + nonce + cipher;
}

TEST_CASE("what was sealed before keys had an id opens as before") {
  const test::TempDir folder;
  const std::string path = folder / "master.key";
  const std::string key(32, 'k');
  std::ofstream(path) << key;
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  const auto box = SecretBox::Load(path);
  REQUIRE(box.ok());
  const std::string old = SealWithoutId(key, "secret", "machine:h1");
  CHECK(box->Open(old, "machine:h1").value_or("") == "secret");
  CHECK_FALSE(box->Open(old, "machine:h2").ok());
  CHECK(box->Seal("secret", "machine:h1")[0] == 2);
}

TEST_CASE("a key's id is in what it sealed, and is named when another is to open it") {
  const test::TempDir folder;
  const auto one = SecretBox::Open(folder / "one.key");
  const auto two = SecretBox::Open(folder / "two.key");
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  CHECK(one->Id().size() == 32);
  CHECK(one->Id() != two->Id());
  CHECK(SecretBox::Load(folder / "one.key")->Id() == one->Id());
  const std::string why(Message(two->Open(one->Seal("secret", "c"), "c").status()));
  CHECK_THAT(why, Catch::Contains(one->Id()) && Catch::Contains(two->Id()));
}

TEST_CASE("a master key that is not there is made only when that was asked for") {
  const test::TempDir folder;
  const std::string path = folder / "master.key";
  CHECK(SecretBox::Load(path).status().code() == absl::StatusCode::kNotFound);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("of many who make the master key at once all get the same") {
  const test::TempDir folder;
  const std::string path = folder / "master.key";
  std::vector<std::string> sealed(8);
  std::vector<std::thread> threads;
  for (std::string& text : sealed) {
    threads.emplace_back([&] {
      const auto box = SecretBox::Open(path);
      if (box.ok()) text = box->Seal("secret", "c");
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto box = SecretBox::Open(path);
  REQUIRE(box.ok());
  for (const std::string& text : sealed) CHECK(box->Open(text, "c").value_or("") == "secret");
}

TEST_CASE("a master key that is not as it should be is refused with a remedy") {
  const test::TempDir folder;
  const std::string path = folder / "master.key";
  std::string reason;
  const auto write = [&](std::size_t size, mode_t mode) {
    std::ofstream(path) << std::string(size, 'k');
    REQUIRE(chmod(path.c_str(), mode) == 0);
  };
  SECTION("readable by the group") {
    write(32, 0640);
    reason = "MASTER_KEY_EXPOSED";
  }
  SECTION("readable by others") {
    write(32, 0604);
    reason = "MASTER_KEY_EXPOSED";
  }
  SECTION("too short") {
    write(31, 0600);
    reason = "MASTER_KEY_INVALID";
  }
  SECTION("too long") {
    write(33, 0600);
    reason = "MASTER_KEY_INVALID";
  }
  SECTION("a folder") {
    fs::create_directory(path);
    REQUIRE(chmod(path.c_str(), 0700) == 0);
    reason = "MASTER_KEY_INVALID";
  }
  SECTION("a symbolic link to a good one") {
    REQUIRE(SecretBox::Open(folder / "other.key").ok());
    fs::create_symlink(folder / "other.key", path);
    reason = "MASTER_KEY_INVALID";
  }
  SECTION("a pipe that nobody writes to") {
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    reason = "MASTER_KEY_INVALID";
  }
  SECTION("another user's") {
    write(32, 0600);
    if (geteuid() != 0) return;
    REQUIRE(chown(path.c_str(), 65534, 65534) == 0);
    reason = "MASTER_KEY_EXPOSED";
  }
  SECTION("no folder for it") {
    fs::remove_all(folder.path());
    reason = "MASTER_KEY_UNUSABLE";
  }
  const auto box = SecretBox::Open(path);
  CHECK(box.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(box.status()) == reason);
  CHECK_FALSE(Metadata(box.status(), "remedy").empty());
}

TEST_CASE("every method of every service says who may call it") {
  std::set<std::string> listed;
  for (const MethodRule& rule : testing::ApiRules()) CHECK(listed.insert(rule.method).second);
  const auto methods = testing::ApiMethods();
  for (const auto* method : methods) {
    CHECK(listed.contains(method->service()->full_name() + "/" + method->name()));
  }
  CHECK(listed.size() == methods.size());
  CHECK(listed.size() > 40);
}

TEST_CASE("only Login needs no session; what reads is open to viewers and changes nothing") {
  for (const MethodRule& rule : testing::ApiRules()) {
    INFO(rule.method);
    CHECK(rule.access.without_session() == (rule.method == "dmgr.v1.AuthService/Login"));
    const std::string name = rule.method.substr(rule.method.find('/') + 1);
    const bool reads = name.rfind("Get", 0) == 0 || name.rfind("List", 0) == 0 ||
                       name.rfind("Watch", 0) == 0 || name.rfind("Wait", 0) == 0 ||
                       name.rfind("Verify", 0) == 0 || name.rfind("Scan", 0) == 0 ||
                       name == "BackupCluster" || name == "WhoAmI";
    // They look at hosts: nothing changes, and yet they are not for everybody.
    const bool looks = name.rfind("Check", 0) == 0 || name == "DiagnoseCluster" ||
                       name == "ReadLogs" || name == "ReadTaskLogs" || name == "FindForeignCluster";
    // Users and what they did, hosts that are not registered yet, and a copy of a cluster with the
    // passwords of its databases are for admins.
    const bool for_admins = name == "ScanHostKey" || name == "ListUsers" || name == "GetUser" ||
                            name == "ListAuditRecords" || name == "VerifyAuditLog" ||
                            name == "BackupCluster";
    // Rows of the databases are for those who may change the task.
    const bool for_operators = name == "ListValidationErrors";
    if (reads) {
      CHECK(rule.access.role() == (for_admins      ? v1::ROLE_ADMIN
                                   : for_operators ? v1::ROLE_OPERATOR
                                                   : v1::ROLE_VIEWER));
    }
    if (looks) {
      CHECK(rule.access.role() == v1::ROLE_OPERATOR);
      CHECK_FALSE(rule.access.mutates());
    } else {
      CHECK(rule.access.mutates() != reads);
    }
  }
}

TEST_CASE("a request leads to its method, and what is none to nothing") {
  const auto rule = RuleOf(*v1::StartClusterRequest::descriptor());
  REQUIRE(rule.ok());
  CHECK(rule->method == "dmgr.v1.ClusterService/StartCluster");
  CHECK(rule->access.role() == v1::ROLE_OPERATOR);
  CHECK(rule->access.mutates());
  for (const auto* stranger : {v1::StartClusterResponse::descriptor(), v1::Cluster::descriptor(),
                               google::rpc::Status::descriptor()}) {
    const auto none = RuleOf(*stranger);
    CHECK(none.status().code() == absl::StatusCode::kPermissionDenied);
    CHECK(Reason(none.status()) == "NO_RULE");
  }
  CHECK(Reason(RulesOf("grpc.health.v1.Health").status()) == "RULES_INCOMPLETE");
}

TEST_CASE("roles: what each may") {
  const auto may = [](v1::Role role, const google::protobuf::Descriptor* request) {
    const auto rule = RuleOf(*request);
    REQUIRE(rule.ok());
    return Allows(role, *rule);
  };
  const auto* list = v1::ListClustersRequest::descriptor();
  const auto* deploy = v1::DeployClusterRequest::descriptor();
  const auto* create = v1::CreateMachineRequest::descriptor();
  CHECK(may(v1::ROLE_UNSPECIFIED, v1::LoginRequest::descriptor()));
  CHECK_FALSE(may(v1::ROLE_UNSPECIFIED, list));
  CHECK(may(v1::ROLE_VIEWER, list));
  CHECK_FALSE(may(v1::ROLE_VIEWER, deploy));
  CHECK(may(v1::ROLE_OPERATOR, deploy));
  CHECK_FALSE(may(v1::ROLE_OPERATOR, create));
  CHECK(may(v1::ROLE_ADMIN, create));
  CHECK_FALSE(may(static_cast<v1::Role>(99), list));
}

}  // namespace
}  // namespace dmgr::auth
