#include "server/high_water.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "common/error.h"
#include "common/files.h"
#include "common/steady_time.h"
#include "server/store/restore.h"

namespace dmgr {
namespace {

constexpr absl::Duration kPeriod = absl::Seconds(30);

}  // namespace

HighWater::HighWater(store::Database* database, std::string file)
    : database_(database), file_(std::move(file)) {}

absl::StatusOr<std::int64_t> HighWater::Read() const {
  std::int64_t epoch = 0;
  RETURN_IF_ERROR(database_->Read([&](store::Transaction& tx) -> absl::Status {
    ASSIGN_OR_RETURN(epoch, store::LastEpoch(tx));
    return absl::OkStatus();
  }));
  return epoch;
}

absl::Status HighWater::Check() {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file_));
  // A file that was cut off says nothing.
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(ToAbsl(text)), &written_)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(seen_, Read());
  if (seen_ >= written_) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "DATABASE_OLDER",
               "the database is older than what this dmgrd has done with it ({} of {} claims, by "
               "{}): it seems to be restored from a backup",
               seen_, written_, file_)
      .With("path", file_)
      .Remedy(
          "stop every dmgrd of this database and start one with --after-restore: sessions end, and "
          "what was under way at the backup waits for a person");
}

void HighWater::LookAfter() {
  if (SteadyNow() < next_) return;
  next_ = SteadyNow() + kPeriod;
  // What was seen a while ago is on the database's disk by now.
  if (seen_ > written_) {
    const absl::Status written = WriteFileAtomically(file_, fmt::format("{}\n", seen_), 0600);
    if (!written.ok()) {
      spdlog::error("{}", Message(written));
      return;
    }
    written_ = seen_;
  }
  // While the database is away others say so.
  if (const auto now = Read(); now.ok()) seen_ = *now;
}

}  // namespace dmgr
