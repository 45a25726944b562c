// A backup of dmgrd as a file that one key opens.
#include "server/backups/sealed_file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/files.h"
#include "tests/support/temp_dir.h"

namespace dmgr::backups {
namespace {

using Pieces = std::vector<std::pair<char, std::string>>;

FileKey KeyOf(char byte) {
  return {.id = std::string(32, byte), .key = Secret(std::string(32, byte))};
}

void WritePieces(const std::string& path, const Pieces& pieces) {
  auto writer = SealedWriter::Create(path, KeyOf('a'));
  REQUIRE(writer.ok());
  for (const auto& [kind, content] : pieces) REQUIRE((*writer)->Add(kind, content).ok());
  REQUIRE((*writer)->Finish().ok());
}

absl::StatusOr<Pieces> ReadPieces(const std::string& path, const FileKey& key) {
  ASSIGN_OR_RETURN(const auto reader, SealedReader::Open(path, key));
  Pieces pieces;
  while (true) {
    ASSIGN_OR_RETURN(const SealedPiece piece, reader->Next());
    if (piece.kind == '\0') return pieces;
    pieces.emplace_back(piece.kind, piece.content);
  }
}

const Pieces kSome = {{'H', "a secret head"}, {'R', ""}, {'R', std::string(3'000'000, 'r')}};

TEST_CASE("pieces come back in their order, and are not seen in the file") {
  const test::TempDir dir;
  const std::string path = dir / "backup";
  WritePieces(path, kSome);
  const auto read = ReadPieces(path, KeyOf('a'));
  REQUIRE(read.ok());
  CHECK(*read == kSome);
  CHECK(ReadFile(path).value().find("secret") == std::string::npos);
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  CHECK_FALSE(SealedWriter::Create(path, KeyOf('a')).ok());
}

TEST_CASE("another key does not open it, also where it claims to be the right one") {
  const test::TempDir dir;
  const std::string path = dir / "backup";
  WritePieces(path, kSome);
  CHECK(Reason(ReadPieces(path, KeyOf('b')).status()) == "KEY_MISMATCH");
  FileKey liar = KeyOf('b');
  liar.id = KeyOf('a').id;
  CHECK(Reason(ReadPieces(path, liar).status()) == "BACKUP_UNREADABLE");
}

TEST_CASE("whatever is taken off, put on or changed is noticed") {
  const test::TempDir dir;
  const std::string path = dir / "backup";
  WritePieces(path, {{'H', "head"}, {'R', "rows"}});
  const std::string whole = ReadFile(path).value();
  const auto reason_of = [&](const std::string& text) {
    const std::string changed = dir.Write("changed", text);
    return Reason(ReadPieces(changed, KeyOf('a')).status());
  };
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(reason_of(whole.substr(0, size)) == "BACKUP_UNREADABLE");
  }
  CHECK(reason_of(whole + "x") == "BACKUP_UNREADABLE");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 1);
    const std::string reason = reason_of(text);
    CHECK((reason == "BACKUP_UNREADABLE" || reason == "BACKUP_VERSION_UNKNOWN" ||
           reason == "KEY_MISMATCH"));
  }
}

TEST_CASE("a file that its writer did not finish is none") {
  const test::TempDir dir;
  const std::string path = dir / "backup";
  {
    const auto writer = SealedWriter::Create(path, KeyOf('a'));
    REQUIRE(writer.ok());
    REQUIRE((*writer)->Add('H', "head").ok());
  }
  CHECK(Reason(ReadPieces(path, KeyOf('a')).status()) == "BACKUP_UNREADABLE");
}

}  // namespace
}  // namespace dmgr::backups
