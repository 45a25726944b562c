// A package as it is uploaded.
#ifndef DMGR_TESTS_UNIT_PACKAGE_UPLOAD_H_
#define DMGR_TESTS_UNIT_PACKAGE_UPLOAD_H_

#include <algorithm>
#include <catch2/catch.hpp>

#include "common/error.h"
#include "server/package/package.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/package/support.h"

namespace dmgr::package {

inline std::vector<std::string> NoProblems(const std::string&) { return {}; }

struct Upload {
  test::TempDir dir;
  std::size_t chunk = 100'000;
  Receiver::CheckTree check = NoProblems;
  std::string sha256;  // Empty: the right one.
  std::uint64_t size = 0;

  std::string WorkDir() const { return dir / "work"; }

  absl::StatusOr<v1::Package> Send(const std::string& bytes) {
    auto receiver = Receiver::Create(WorkDir(), "v2.0.1");
    if (!receiver.ok()) return receiver.status();
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      RETURN_IF_ERROR((*receiver)->Append(std::string_view(bytes).substr(at, chunk)));
    }
    return (*receiver)->Finish(size != 0 ? size : bytes.size(),
                               sha256.empty() ? Sha256Hex(bytes) : sha256, check);
  }
  // The message of the refusal, which must be one of a bad package.
  std::string Refusal(const std::string& bytes) {
    const auto package = Send(bytes);
    REQUIRE_FALSE(package.ok());
    CHECK(package.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(Reason(package.status()) == "PACKAGE_INVALID");
    return std::string(Message(package.status()));
  }
};

inline std::string RefusalOf(const std::string& bytes) {
  Upload upload;
  return upload.Refusal(bytes);
}
inline std::string RefusalWith(const TarEntry& entry) {
  return RefusalOf(PackTree(GoodTree(), "", {entry}));
}
}  // namespace dmgr::package

#endif  // DMGR_TESTS_UNIT_PACKAGE_UPLOAD_H_
