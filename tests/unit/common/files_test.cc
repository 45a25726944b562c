// Files, read whole and written whole.
#include "common/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "common/error.h"
#include "tests/support/temp_dir.h"

namespace dmgr {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  std::string File(const std::string& name) const { return dir_ / name; }
  std::size_t Count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir_.path()), {}));
  }

 private:
  test::TempDir dir_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

TEST_CASE("what was written is read") {
  const Folder folder;
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 1000000U}) {
    CAPTURE(size);
    std::string content(size, 'x');
    if (size > 1) content[size / 2] = '\0';
    REQUIRE(WriteFileAtomically(folder.File("a"), content, 0640).ok());
    CHECK(ReadFile(folder.File("a")).value() == content);
    CHECK(ModeOf(folder.File("a")) == 0640);
  }
  CHECK(folder.Count() == 1);
}

TEST_CASE("a file is read up to its bound, not beyond") {
  const Folder folder;
  REQUIRE(WriteNewFile(folder.File("a"), "12345678", 0600).ok());
  CHECK(ReadFile(folder.File("a"), 8).value() == "12345678");
  const absl::Status large = ReadFile(folder.File("a"), 7).status();
  CHECK(absl::IsOutOfRange(large));
  CHECK(Reason(large) == "FILE_TOO_LARGE");
  CHECK(Metadata(large, "path") == folder.File("a"));
  // Without an end.
  CHECK(Reason(ReadFile("/dev/zero", 1 << 20).status()) == "FILE_TOO_LARGE");
}

TEST_CASE("what the kernel shows has no size, and is read all the same") {
  CHECK(ReadFile("/proc/self/stat").value().find(std::to_string(getpid())) == 0);
  CHECK(ReadFile("/dev/null").value().empty());
}

TEST_CASE("beginning and end of a file") {
  const Folder folder;
  REQUIRE(WriteNewFile(folder.File("a"), "12345678", 0600).ok());
  CHECK(ReadHead(folder.File("a"), 3).value() == "123");
  CHECK(ReadTail(folder.File("a"), 3).value() == "678");
  CHECK(ReadHead(folder.File("a"), 100).value() == "12345678");
  CHECK(ReadTail(folder.File("a"), 100).value() == "12345678");
  CHECK(ReadTail(folder.File("a"), 0).value().empty());
  CHECK(absl::IsNotFound(ReadHead(folder.File("b"), 3).status()));
  CHECK(absl::IsNotFound(ReadTail(folder.File("b"), 3).status()));
}

TEST_CASE("a file in pieces, from anywhere on") {
  const Folder folder;
  REQUIRE(WriteNewFile(folder.File("a"), "12345678", 0600).ok());
  std::vector<std::string> pieces;
  const auto keep = [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return pieces.size() < 3 ? absl::OkStatus() : absl::CancelledError("enough");
  };
  REQUIRE(ReadChunks(folder.File("a"), 3, 3, keep).ok());
  CHECK(pieces == std::vector<std::string>{"456", "78"});
  pieces.clear();
  CHECK(absl::IsCancelled(ReadChunks(folder.File("a"), 0, 2, keep)));
  CHECK(pieces == std::vector<std::string>{"12", "34", "56"});
  pieces.clear();
  REQUIRE(ReadChunks(folder.File("a"), 9, 3, keep).ok());
  CHECK(pieces.empty());
}

TEST_CASE("an error names the path, what was tried and why") {
  const Folder folder;
  const absl::Status missing = ReadFile(folder.File("no/a")).status();
  CHECK(absl::IsNotFound(missing));
  CHECK(Reason(missing) == "FILE_UNREADABLE");
  CHECK(ErrnoOf(missing) == ENOENT);
  CHECK(Message(missing) == "cannot read " + folder.File("no/a") + ": No such file or directory");
  const absl::Status directory = ReadFile(folder.File("")).status();
  CHECK(ErrnoOf(directory) == EISDIR);
  CHECK(Reason(directory) == "FILE_UNREADABLE");
  for (const absl::Status& status : {WriteFileAtomically(folder.File("no/a"), "x", 0600),
                                     WriteNewFile(folder.File("no/a"), "x", 0600),
                                     CreateFileAtomically(folder.File("no/a"), "x", 0600).status(),
                                     SyncFolder(folder.File("no"))}) {
    CHECK(absl::IsNotFound(status));
    CHECK(Reason(status) == "FILE_UNWRITABLE");
    CHECK(ErrnoOf(status) == ENOENT);
  }
  CHECK(ErrnoOf(absl::OkStatus()) == 0);
  CHECK(ErrnoOf(absl::InternalError("x")) == 0);
}

TEST_CASE("of a file that cannot be written to its end nothing stays") {
  const Folder folder;
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {.rlim_cur = 4, .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const absl::Status cut = WriteFileAtomically(folder.File("a"), "12345678", 0600);
  const absl::Status made = WriteNewFile(folder.File("b"), "12345678", 0600);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  signal(SIGXFSZ, handler);
  CHECK(ErrnoOf(cut) == EFBIG);
  CHECK(ErrnoOf(made) == EFBIG);
  CHECK(folder.Count() == 0);
}

TEST_CASE("a new file is made only where there is none, with the mode that was asked for") {
  const Folder folder;
  const mode_t mask = umask(0077);
  REQUIRE(WriteNewFile(folder.File("a"), "first", 0644).ok());
  umask(mask);
  CHECK(ModeOf(folder.File("a")) == 0644);
  CHECK(ErrnoOf(WriteNewFile(folder.File("a"), "second", 0600)) == EEXIST);
  CHECK(CreateFileAtomically(folder.File("a"), "second", 0600).value() == false);
  CHECK(ReadFile(folder.File("a")).value() == "first");
  CHECK(CreateFileAtomically(folder.File("b"), "second", 0600).value() == true);
  CHECK(ReadFile(folder.File("b")).value() == "second");
  CHECK(folder.Count() == 2);
}

TEST_CASE("a link is replaced, not followed") {
  const Folder folder;
  REQUIRE(WriteNewFile(folder.File("target"), "old", 0600).ok());
  REQUIRE(symlink("target", folder.File("a").c_str()) == 0);
  REQUIRE(WriteFileAtomically(folder.File("a"), "new", 0600).ok());
  CHECK(ReadFile(folder.File("target")).value() == "old");
  CHECK(ReadFile(folder.File("a")).value() == "new");
}

TEST_CASE("whoever looks sees a complete file") {
  const Folder folder;
  const std::string path = folder.File("a");
  REQUIRE(WriteFileAtomically(path, std::string(100000, 'a'), 0600).ok());
  std::atomic<bool> ended = false;
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) {
      const std::string content(i % 2 == 0 ? 200000 : 100000, i % 2 == 0 ? 'b' : 'a');
      if (!WriteFileAtomically(path, content, 0600).ok()) break;
    }
    ended = true;
  });
  bool complete = true;
  while (!ended) {
    const auto content = ReadFile(path);
    complete = complete && content.ok() &&
               *content == std::string((*content)[0] == 'a' ? 100000 : 200000, (*content)[0]);
  }
  writer.join();
  CHECK(complete);
  CHECK(folder.Count() == 1);
}

TEST_CASE("one of many makes a file") {
  const Folder folder;
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto mine = CreateFileAtomically(folder.File("key"), std::to_string(i), 0600);
      if (mine.ok() && *mine) ++made;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(made == 1);
  CHECK(folder.Count() == 1);
}

TEST_CASE("a descriptor is closed once") {
  int raw = -1;
  {
    Fd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = first.get();
    REQUIRE(first.ok());
    Fd second(std::move(first));
    CHECK(second.get() == raw);
    Fd third;
    CHECK_FALSE(third.ok());
    third = std::move(second);
    CHECK(fcntl(raw, F_GETFD) >= 0);
  }
  CHECK(fcntl(raw, F_GETFD) < 0);
}

}  // namespace
}  // namespace dmgr
