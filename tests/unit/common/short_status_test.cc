// Errors that fit into the trailers of a call.
#include "common/short_status.h"

#include <catch2/catch.hpp>

#include "common/error.h"

namespace dmgr {
namespace {

constexpr std::size_t kMessage = 1500;
constexpr std::size_t kPayloads = 2800;

std::size_t SizeOf(const absl::Status& status) { return ToProto(status).ByteSizeLong(); }

Error ManyProblems(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(fmt::format("machine h{} cannot be reached", i));
  Error error(absl::StatusCode::kFailedPrecondition, "HOSTS_NOT_READY", "{}",
              Findings(fmt::format("{} hosts are not ready", count), texts));
  error.Remedy("mend them, then try again").With("cluster", "demo");
  error.Next(v1::ACTION_RESUME_OPERATION, {{"operation_id", "op-1"}});
  for (int i = 0; i < count; ++i) {
    error.Field(fmt::format("topology.worker_servers[{}].placement.host", i), texts[i]);
    error.Precondition("HOST_UNREACHABLE", fmt::format("h{}", i), texts[i]);
  }
  return error;
}

TEST_CASE("one finding stands beside what it is about, several have a line each") {
  CHECK(Findings("machine h1", {"is down"}) == "machine h1: is down");
  CHECK(Findings("2 hosts are not ready", {"h1 is down", "h2 is full"}) ==
        "2 hosts are not ready:\n  h1 is down\n  h2 is full");
}

TEST_CASE("the first lines of a text, and how many are left out") {
  CHECK(FirstLines("a\nb\nc", 100) == "a\nb\nc");
  std::string text = "the reason";
  for (int i = 0; i < 100; ++i) text += fmt::format("\n  line {}", i);
  const std::string cut = FirstLines(text, 400);
  CHECK_THAT(cut, Catch::StartsWith("the reason\n  line 0\n"));
  CHECK_THAT(cut, Catch::Matches("(.|\n)*\nand [0-9]+ more lines"));
  CHECK(cut.size() <= 400);
  // All lines are accounted for.
  const auto shown = std::count(cut.begin(), cut.end(), '\n');
  CHECK_THAT(cut, Catch::EndsWith(fmt::format("and {} more lines", 101 - shown)));
}

TEST_CASE("a line that is too long is cut between two characters") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "\xC3\xA9";
  const std::string cut = FirstLines(text, 300);
  CHECK_THAT(cut, Catch::EndsWith("\xC3\xA9 [cut]"));
  CHECK(cut.size() < 150);
}

TEST_CASE("an error that fits is left as it is") {
  const absl::Status status = ManyProblems(3);
  CHECK(ShortStatus(status, kMessage, kPayloads) == status);
  CHECK(ShortStatus(absl::OkStatus(), 1, 1).ok());
}

TEST_CASE("an error with 500 problems keeps its reason, its remedy and the first of them") {
  const absl::Status status = ShortStatus(ManyProblems(500), kMessage, kPayloads);
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Reason(status) == "HOSTS_NOT_READY");
  CHECK(Metadata(status, "remedy") == "mend them, then try again");
  CHECK(Metadata(status, "cluster") == "demo");
  REQUIRE(NextActionsOf(status).size() == 1);
  CHECK_THAT(std::string(Message(status)),
             Catch::StartsWith("500 hosts are not ready:\n  machine h0 cannot be reached\n"));
  const auto fields = FieldViolations(status).field_violations();
  REQUIRE(fields.size() > 5);
  CHECK(fields.rbegin()->description() == fmt::format("and {} more", 500 - (fields.size() - 1)));
  CHECK(SizeOf(status) < kMessage + kPayloads + 200);
}

TEST_CASE("long values make room for what is short") {
  const absl::Status status =
      ShortStatus(Error(absl::StatusCode::kInternal, "HOST_PROGRAM", "failed")
                      .With("output", std::string(20000, 'x'))
                      .With("path", "/data")
                      .Remedy("mend it"),
                  kMessage, kPayloads);
  CHECK(Metadata(status, "path") == "/data");
  CHECK(Metadata(status, "remedy") == "mend it");
  CHECK(Metadata(status, "output").size() <= 600);
}

TEST_CASE("calls that help, of a later version and too long, are left out") {
  absl::Status status = absl::InternalError(std::string(2 * kMessage, 'x'));
  v1::NextActions next;
  next.add_actions();
  next.GetReflection()->MutableUnknownFields(&next)->AddLengthDelimited(99, std::string(9000, 'x'));
  status.SetPayload("type.googleapis.com/dmgr.v1.NextActions",
                    absl::Cord(next.SerializeAsString()));
  const absl::Status cut = ShortStatus(status, kMessage, kPayloads);
  CHECK(NextActionsOf(cut).empty());
  CHECK(Message(cut).size() <= kMessage);
}

}  // namespace
}  // namespace dmgr
