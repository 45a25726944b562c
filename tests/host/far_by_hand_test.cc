// Programs and files, as an operator asks for them.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/host/far_stream.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

hv1::ToHost Program(const std::vector<std::string>& words, const std::string& user = "tidb") {
  hv1::ToHost request;
  auto* program = request.mutable_run_program();
  for (const auto& word : words) program->add_arguments(word);
  program->set_user(user);
  program->set_timeout_ms(30'000);
  return request;
}

hv1::ToHost Fetch(const std::string& path, const std::string& user = "tidb") {
  hv1::ToHost request;
  request.mutable_fetch_file()->set_path(path);
  request.mutable_fetch_file()->set_user(user);
  request.mutable_fetch_file()->set_max_bytes(1U << 20);
  return request;
}

hv1::ToHost StoreRequest(const std::string& path, std::size_t size,
                         const std::string& user = "tidb") {
  hv1::ToHost request;
  auto* file = request.mutable_store_file();
  file->set_path(path);
  file->set_user(user);
  file->set_mode(0640);
  file->set_size(size);
  return request;
}

// Stores a file, and returns how it ended.
hv1::FromHost Store(FarStream& far, const std::string& path, const std::string& content) {
  far.Start(StoreRequest(path, content.size()));
  auto answer = far.ReadToEnd();
  if (!answer.receive_release().wanted()) return answer;
  hv1::ToHost chunk;
  chunk.set_id(answer.id());
  chunk.mutable_release_chunk()->set_data(content);
  chunk.mutable_release_chunk()->set_end(true);
  far.process().Send(chunk);
  return far.ReadToEnd();
}

bool IsOver(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  return text.empty() || text.find(") Z ") != std::string::npos;
}

pid_t PidIn(const TempRoot& root, const std::string& path) {
  REQUIRE(WaitFor([&] { return root.Exists(path) && root.Read(path).ends_with("\n"); }));
  return static_cast<pid_t>(std::stol(root.Read(path)));
}

// A folder that tidb may write in.
void AddDesk(const TempRoot& root) {
  fs::create_directories(root / "desk");
  if (geteuid() == 0) REQUIRE(chown((root / "desk").c_str(), 4201, 4201) == 0);
}

TEST_CASE("a program gets its words as they are, nothing to read, and a user") {
  TempRoot root;
  root.AddProgram("show", R"(
for word in "$@"; do printf '<%s>' "$word"; done; echo
cat; id -u; echo "$HOME $USER" >&2; exit 3
)");
  FarStream far(root);
  const auto answer =
      far.Stream(Program({"show", "it's \"so\"", "a\nb", "$HOME;`id`", "", "\xff\xfe"}));
  CHECK(answer.program_ended().exit_status() == 3);
  CHECK_FALSE(answer.program_ended().timed_out());
  const std::string id = geteuid() == 0 ? "4201" : std::to_string(geteuid());
  CHECK(far.Text(1) == "<it's \"so\"><a\nb><$HOME;`id`><><\xff\xfe>\n" + id + "\n");
  CHECK(far.Text(2) == "/home/tidb tidb\n");
}

TEST_CASE("how a program ends is told as a shell tells it") {
  TempRoot root;
  root.AddProgram("die", "kill -9 $$\n");
  root.Write("opt/plain", "no program\n", 0644);
  FarStream far(root);
  CHECK(far.Stream(Program({"die"})).program_ended().exit_status() == 128 + SIGKILL);
  CHECK(far.Stream(Program({"/opt/plain"})).program_ended().exit_status() == 126);
  CHECK(far.Stream(Program({"/opt/nothing"})).program_ended().exit_status() == 127);
  CHECK(far.Stream(Program({"nothing"})).failure().kind() == hv1::Failure::KIND_NOT_FOUND);
  CHECK(far.Stream(Program({"die"}, "nobody-here")).failure().kind() ==
        hv1::Failure::KIND_NOT_FOUND);
  CHECK(far.Stream(Program({"die", std::string("a\0b", 3)})).failure().kind() ==
        hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("much output comes whole, as fast as it is taken") {
  TempRoot root;
  root.AddProgram("much", "head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2\n");
  FarStream far(root);
  CHECK(far.Stream(Program({"much"})).program_ended().exit_status() == 0);
  CHECK(far.Text(1).size() == 5'000'000);
  CHECK(far.Text(2).size() == 3'000'000);
}

TEST_CASE("what a program leaves behind ends, unless it became a daemon, which nobody waits for") {
  TempRoot root;
  root.AddProgram("leave", R"sh(
sleep 1000 & echo $! > $ROOT/desk/kept
setsid sleep 1000 & echo $! > $ROOT/desk/daemon
while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done
echo done
)sh");
  AddDesk(root);
  FarStream far(root);
  CHECK(far.Stream(Program({"leave"})).program_ended().exit_status() == 0);
  CHECK(far.Text(1) == "done\n");
  CHECK(WaitFor([&] { return IsOver(PidIn(root, "desk/kept")); }));
  const pid_t daemon = PidIn(root, "desk/daemon");
  CHECK_FALSE(IsOver(daemon));
  kill(daemon, SIGKILL);
}

TEST_CASE("a program ends when its time is over, and when its caller goes") {
  TempRoot root;
  root.AddProgram("linger", "sleep 1000 & echo $$ > $ROOT/desk/pid\nwait\n");
  AddDesk(root);
  FarStream far(root);
  auto request = Program({"linger"});
  SECTION("time") {
    request.mutable_run_program()->set_timeout_ms(200);
    const auto answer = far.Stream(request);
    CHECK(answer.program_ended().timed_out());
    CHECK(answer.program_ended().exit_status() == 128 + SIGKILL);
  }
  SECTION("cancelled") {
    far.Start(request);
    PidIn(root, "desk/pid");
    CHECK(far.Cancel().failure().kind() == hv1::Failure::KIND_CANCELLED);
  }
  SECTION("gone") {
    far.Start(request);
    PidIn(root, "desk/pid");
    far.process().CloseInput();
    CHECK(far.process().ExitStatus() == 0);
  }
  SECTION("nobody takes what it writes") {
    root.AddProgram("linger", "echo $$ > $ROOT/desk/pid\nexec cat /dev/zero\n");
    request.mutable_run_program()->set_timeout_ms(500);
    far.Start(request);
    while (far.bytes() < 512U << 10) far.Next(/*passed_on=*/false);
    // It ends all the same; what it had written by then is still wanted.
    CHECK(WaitFor([&] { return IsOver(PidIn(root, "desk/pid")); }));
    far.PassOn();
    CHECK(far.ReadToEnd().program_ended().timed_out());
  }
  CHECK(WaitFor([&] { return IsOver(PidIn(root, "desk/pid")); }));
}

TEST_CASE("only a far end that is there for it does things by hand") {
  TempRoot root;
  FarStream reader(root, hv1::Begin::MODE_READ);
  for (const auto& request : {Program({"true"}), Fetch("/etc/passwd"), StoreRequest("/tmp/x", 0)}) {
    CHECK(reader.Stream(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  }
  FarStream by_hand(root);
  hv1::ToHost request;
  request.mutable_make_dirs();
  CHECK(by_hand.Stream(request).failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
}

TEST_CASE("a file is stored whole, with its mode and owner, and fetched again") {
  TempRoot root;
  AddDesk(root);
  FarStream far(root);
  const std::string content =
      GENERATE(std::string(), std::string("\0\xff\n", 3), std::string(700'000, 'x'));
  root.Write("desk/file", "old");
  CHECK(Store(far, "/desk/file", content).has_done());
  struct stat info = {};
  REQUIRE(stat((root / "desk/file").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
  if (geteuid() == 0) CHECK(info.st_uid == 4201);
  CHECK(far.Stream(Fetch("/desk/file")).has_done());
  CHECK(far.Text(0) == content);
  CHECK(far.file_start().size() == content.size());
  CHECK(far.file_start().mode() == 0640);
}

TEST_CASE("a file that does not come whole leaves the old one, and nothing else") {
  TempRoot root;
  AddDesk(root);
  root.Write("desk/file", "old");
  FarStream far(root);
  far.Start(StoreRequest("/desk/file", 100));
  REQUIRE(far.ReadToEnd().receive_release().wanted());
  SECTION("cancelled") { CHECK(far.Cancel().failure().kind() == hv1::Failure::KIND_CANCELLED); }
  SECTION("too long") {
    hv1::ToHost chunk;
    chunk.set_id(101);
    chunk.mutable_release_chunk()->set_data(std::string(101, 'x'));
    far.process().Send(chunk);
    CHECK(far.ReadToEnd().failure().kind() == hv1::Failure::KIND_CORRUPT);
  }
  CHECK(root.Read("desk/file") == "old");
  CHECK(std::distance(fs::directory_iterator(root / "desk"), fs::directory_iterator()) == 1);
}

TEST_CASE("files are touched with the rights of the user, and never through a link") {
  TempRoot root;
  AddDesk(root);
  root.Write("etc/secret", "secret", 0600);
  root.Write("desk/target", "target");
  fs::create_symlink("target", root / "desk/link");
  fs::create_directories(root / "desk/dir");
  FarStream far(root);
  CHECK(Store(far, "/desk/link", "x").failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(Store(far, "/desk/dir", "x").failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(Store(far, "/desk/../etc/x", "x").failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  CHECK(Store(far, "relative", "x").failure().kind() == hv1::Failure::KIND_BAD_REQUEST);
  CHECK(Store(far, "/nowhere/x", "x").failure().error_number() == ENOENT);
  CHECK(far.Stream(Fetch("/desk/dir")).failure().kind() == hv1::Failure::KIND_CONFLICT);
  CHECK(far.Stream(Fetch("/desk/nothing")).failure().error_number() == ENOENT);
  CHECK(root.Read("desk/target") == "target");
  if (geteuid() != 0) return;
  CHECK(Store(far, "/etc/secret", "x").failure().error_number() == EACCES);
  CHECK(far.Stream(Fetch("/etc/secret")).failure().error_number() == EACCES);
  // The far end has its own rights again.
  CHECK(far.Stream(Fetch("/etc/secret", "root")).has_done());
  CHECK(far.Text(0) == "secret");
}

TEST_CASE("a file that is bigger than wanted is not fetched") {
  TempRoot root;
  root.Write("tmp/big", std::string(2U << 20, 'x'));
  FarStream far(root);
  CHECK(far.Stream(Fetch("/tmp/big")).failure().error_number() == EFBIG);
  CHECK(far.bytes() == 0);
}

}  // namespace
}  // namespace dmgr::test
