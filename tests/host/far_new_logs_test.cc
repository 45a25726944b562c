// What was written since a moment, and the room that is left.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/host/far_process.h"

namespace dmgr::test {
namespace {

namespace fs = std::filesystem;

hv1::ToHost NewLogs(const hv1::LogMarks& since, std::uint32_t max_bytes = 1 << 16) {
  hv1::ToHost request;
  auto* source = request.mutable_read_new_logs()->add_sources();
  source->set_unit("dm.service");
  source->set_since_us(since.time_us());
  *source->mutable_files() = since.files();
  request.mutable_read_new_logs()->set_max_bytes(max_bytes);
  return request;
}

TEST_CASE("logs: what came after a mark, also to files that were new, emptied or replaced") {
  TempRoot root;
  for (const char* name : {"grows", "is_emptied", "is_replaced", "stays"}) {
    root.Write(std::string("log/") + name, "of a life before\n");
  }
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost mark;
  for (const char* name : {"grows", "is_emptied", "is_replaced", "stays", "comes"}) {
    mark.mutable_mark_logs()->add_paths(std::string("/log/") + name);
  }
  const auto marks = far.Call(mark).log_marks();
  REQUIRE(marks.files_size() == 5);
  CHECK(marks.time_us() > 0);
  CHECK(marks.files(4).inode() == 0);
  root.Write("log/grows", "of a life before\nnew in it\n");
  root.Write("log/is_emptied", "short\n");
  root.Write("log/next", "a new file that is longer\n");
  fs::rename(root / "log/next", root / "log/is_replaced");
  root.Write("log/comes", "bad \xff byte\n");
  std::string seen;
  const auto reply = far.Call(NewLogs(marks));
  for (const auto& log : reply.new_logs().logs()) {
    CHECK(log.unit() == "dm.service");
    seen += log.path() + ": " + log.text();
  }
  CHECK(seen ==
        "/log/grows: new in it\n/log/is_emptied: short\n"
        "/log/is_replaced: a new file that is longer\n/log/comes: bad ? byte\n");
  const auto cut = far.Call(NewLogs(marks, 4)).new_logs();
  REQUIRE(cut.logs_size() == 4);
  CHECK(cut.logs(0).text() == " it\n");
}

TEST_CASE("logs: a link in the place of a log is not followed") {
  TempRoot root;
  root.Write("etc/shadow", "secret\n");
  fs::create_directories(root / "log");
  fs::create_symlink(root / "etc/shadow", root / "log/dm.log");
  FarProcess far(root);
  far.Begin("", 0);
  hv1::LogMarks none;
  none.set_time_us(1);
  none.add_files()->set_path("/log/dm.log");
  CHECK(far.Call(NewLogs(none)).new_logs().logs_size() == 0);
}

TEST_CASE("room is told of file systems, also of paths that are not there yet") {
  TempRoot root;
  fs::create_directories(root / "data");
  FarProcess far(root);
  far.Begin("", 0);
  hv1::ToHost request;
  request.mutable_get_space()->add_paths("/data");
  request.mutable_get_space()->add_paths("/data/none/below");
  const auto space = far.Call(request).space();
  REQUIRE(space.paths_size() == 2);
  CHECK(space.paths(0).path() == "/data");
  CHECK(space.paths(0).free_bytes() > 0);
  CHECK(space.paths(1).free_bytes() > 0);
}

}  // namespace
}  // namespace dmgr::test
