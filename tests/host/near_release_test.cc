#include <signal.h>

#include <filesystem>

#include "tests/host/near_test_support.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::testing {
namespace {

namespace fs = std::filesystem;

// A folder with an archive of some chunks and a rest.
class Release {
 public:
  explicit Release(const std::string& hash, std::size_t size = (5 << 20) + 17) : content_(size, 0) {
    for (std::size_t i = 0; i < size; ++i) content_[i] = static_cast<char>(i * 2654435761u >> 24);
    dir_.Write("archive", content_);
    request_.set_store_dir(dir_.path());
    request_.set_hash(hash);
    request_.set_compressed_bytes(size);
  }

  std::string archive() const { return dir_ / "archive"; }
  const std::string& content() const { return content_; }
  std::string Received() const { return Contents(dir_ / "received"); }
  host::hv1::ReceiveRelease& request() { return request_; }

 private:
  std::string content_;
  test::TempDir dir_;
  host::hv1::ReceiveRelease request_;
};

bool IsOfUse(host::FarEnd& far_end) {
  return far_end.Call(Do({"echo", "x"}), Within(absl::Seconds(5))).ok();
}

TEST_CASE("a release arrives byte by byte, and progress is told") {
  Release release("want");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  std::uint64_t told = 0;
  host::CallOptions options = Within(absl::Seconds(20));
  options.on_progress = [&](std::uint64_t done) {
    CHECK(done > told);
    told = done;
  };
  auto sent = (*far_end)->SendRelease(release.request(), release.archive(), options);
  REQUIRE(sent.ok());
  CHECK(*sent == release.content().size());
  CHECK(release.Received() == release.content());
  // After each chunk but the last.
  CHECK(told < *sent);
  CHECK(told + (1 << 20) > *sent);
  CHECK(IsOfUse(**far_end));
}

TEST_CASE("an empty release is sent too") {
  Release release("want", 0);
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  CHECK(
      (*far_end)->SendRelease(release.request(), release.archive(), Within(absl::Seconds(5))).ok());
  CHECK(IsOfUse(**far_end));
}

TEST_CASE("a release that is there is not sent") {
  Release release("have");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  auto sent =
      (*far_end)->SendRelease(release.request(), release.archive(), Within(absl::Seconds(5)));
  REQUIRE(sent.ok());
  CHECK(*sent == 0);
  CHECK(IsOfUse(**far_end));
}

TEST_CASE("progress beyond the size is cut") {
  Release release("boast");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  host::CallOptions options = Within(absl::Seconds(20));
  options.on_progress = [&](std::uint64_t done) { CHECK(done <= release.content().size()); };
  CHECK((*far_end)->SendRelease(release.request(), release.archive(), options).ok());
}

TEST_CASE("a host that fails half-way is heard, and stays of use") {
  Release release("full");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Status status =
      (*far_end)
          ->SendRelease(release.request(), release.archive(), Within(absl::Seconds(20)))
          .status();
  CHECK(Reason(status) == "HOST_NO_SPACE");
  CHECK(IsOfUse(**far_end));
}

TEST_CASE("a host that is done before the end is lost") {
  Release release("early");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Status status =
      (*far_end)
          ->SendRelease(release.request(), release.archive(), Within(absl::Seconds(20)))
          .status();
  CHECK(Reason(status) == "FAR_END_LOST");
}

TEST_CASE("sending a release can be cancelled") {
  Release release("want");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  int polls = 0;
  host::CallOptions options;
  options.cancelled = [&] { return ++polls > 10; };
  const absl::Status status =
      (*far_end)->SendRelease(release.request(), release.archive(), options).status();
  CHECK(absl::IsCancelled(status));
  CHECK(release.Received().size() < release.content().size());
  CHECK(IsOfUse(**far_end));
}

TEST_CASE("sending to a frozen host ends at the deadline") {
  Release release("freeze");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const absl::Time begin = absl::Now();
  const absl::Status status =
      (*far_end)
          ->SendRelease(release.request(), release.archive(), Within(absl::Milliseconds(300)))
          .status();
  CHECK(absl::IsDeadlineExceeded(status));
  CHECK(absl::Now() - begin < absl::Seconds(5));
  CHECK_FALSE(IsOfUse(**far_end));
}

TEST_CASE("an archive that is not what is stored is refused before it is sent") {
  Release release("want");
  auto far_end = StartStandIn();
  REQUIRE(far_end.ok());
  const auto send = [&] {
    return (*far_end)
        ->SendRelease(release.request(), release.archive(), Within(absl::Seconds(5)))
        .status();
  };
  release.request().set_compressed_bytes(17);
  CHECK(Reason(send()) == "RELEASE_UNREADABLE");
  fs::remove(release.archive());
  CHECK(Reason(send()) == "RELEASE_UNREADABLE");
  CHECK(IsOfUse(**far_end));
}

}  // namespace
}  // namespace dmgr::testing
