#include "common/package/members.h"

#include "common/error.h"
#include "common/package/tar_writer.h"

namespace dmgr::package {
namespace {

absl::Status WriteMembers(TarWriter& writer, const Members& members) {
  for (const auto& [path, member] : members) {
    if (member.text) {
      RETURN_IF_ERROR(writer.AddText(path, *member.text));
    } else if (member.source_path.empty()) {
      RETURN_IF_ERROR(writer.AddDirectory(path));
    } else {
      RETURN_IF_ERROR(
          writer.AddFile(path, member.source_path, member.mode, /*with_hash=*/false).status());
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteArchive(const std::string& path, const Members& members) {
  ASSIGN_OR_RETURN(auto writer, TarWriter::Create(path, TarWriter::Compression::kGzip));
  RETURN_IF_ERROR(WriteMembers(*writer, members));
  return writer->Finish().status();
}

}  // namespace dmgr::package
