#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "server/host/near/archive.h"
#include "tests/host/near_test_support.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;
using host::Archive;

constexpr std::size_t kBlock = 1000;
constexpr std::size_t kBlocks = 100;

// A folder with a file of kBlocks blocks.
class File {
 public:
  File() { dir_.Write("release", content_); }
  std::string path() const { return dir_ / "release"; }
  std::string_view Block(std::size_t i) const {
    return std::string_view(content_).substr(i * kBlock, kBlock);
  }

 private:
  static std::string Content() {
    std::string content(kBlock * kBlocks, 0);
    for (std::size_t i = 0; i < content.size(); ++i) {
      content[i] = static_cast<char>(i * 2654435761U >> 24);
    }
    return content;
  }
  const std::string content_ = Content();
  test::TempDir dir_;
};

std::shared_ptr<Archive> Open(const File& file) {
  auto archive = Archive::Open(file.path(), kBlock * kBlocks);
  REQUIRE(archive.ok());
  return *archive;
}

TEST_CASE("those who send a release at the same time have one archive, and its blocks") {
  const File file;
  const auto first = Open(file);
  const auto second = Open(file);
  CHECK(first == second);
  const auto one = first->Read(kBlock, kBlock);
  const auto other = second->Read(kBlock, kBlock);
  REQUIRE(one.ok());
  REQUIRE(other.ok());
  CHECK(one->bytes() == file.Block(1));
  CHECK(one->bytes().data() == other->bytes().data());
}

TEST_CASE("a block on loan stays as it is, whatever is read meanwhile") {
  const File file;
  const auto archive = Open(file);
  std::vector<Archive::Loan> loans;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    auto loan = archive->Read(i * kBlock, kBlock);
    REQUIRE(loan.ok());
    loans.push_back(*std::move(loan));
  }
  for (std::size_t i = 0; i < kBlocks; ++i) CHECK(loans[i].bytes() == file.Block(i));
}

TEST_CASE("readers at different places and speeds get each byte") {
  const File file;
  std::vector<std::thread> threads;
  std::vector<int> wrong(8, 0);
  for (std::size_t reader = 0; reader < wrong.size(); ++reader) {
    threads.emplace_back([&, reader] {
      const auto archive = Archive::Open(file.path(), kBlock * kBlocks);
      if (!archive.ok()) wrong[reader] += 1000;
      for (std::size_t round = 0; archive.ok() && round < 20 * kBlocks; ++round) {
        const std::size_t i = round * (reader + 1) % kBlocks;
        const auto loan = (*archive)->Read(i * kBlock, kBlock);
        if (!loan.ok() || loan->bytes() != file.Block(i)) ++wrong[reader];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
}

TEST_CASE("a file that took another's place is read anew") {
  const File file;
  const auto old = Open(file);
  REQUIRE(old->Read(0, kBlock).ok());
  const std::string replaced(kBlock * kBlocks, 'r');
  std::ofstream(file.path() + ".new") << replaced;
  fs::rename(file.path() + ".new", file.path());
  const auto archive = Open(file);
  CHECK(archive != old);
  const auto loan = archive->Read(0, kBlock);
  REQUIRE(loan.ok());
  CHECK(loan->bytes() == replaced.substr(0, kBlock));
}

TEST_CASE("an archive that cannot be read says so, and what to do") {
  const File file;
  for (const std::string& path : {file.path() + ".none", file.path()}) {
    const auto archive = Archive::Open(path, 1);
    CHECK(Reason(archive.status()) == "RELEASE_UNREADABLE");
    const auto next = NextActionsOf(archive.status());
    REQUIRE(next.size() == 1);
    CHECK(next.front().action() == v1::ACTION_UPLOAD_PACKAGE);
  }
  const auto archive = Open(file);
  fs::resize_file(file.path(), kBlock);
  CHECK(archive->Read(0, kBlock).ok());
  CHECK(Reason(archive->Read(kBlock, kBlock).status()) == "RELEASE_UNREADABLE");
  // It is not kept as read.
  CHECK_FALSE(archive->Read(kBlock, kBlock).ok());
}

}  // namespace
}  // namespace dmgr::testing
