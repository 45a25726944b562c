// Backups as somebody sends them: sealed ones, and what is in those that open.
#include "common/error.h"
#include "server/backups/contents.h"
#include "server/backups/seal.h"
#include "server/clusters/packed.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

void CheckBackupRefusal(const absl::Status& status) {
  Must(!Reason(status).empty(), "an error without a reason");
  Must(Message(status).size() < 1000 && IsPlainText(Message(status)), "an error is no plain text");
}

// With the key of the sealed bytes, which costs a second to make of a passphrase.
void OpenSealed(std::string_view sealed) {
  static const Secret kKey(std::string(32, 'k'));
  const absl::Status header = backups::CheckHeader(sealed);
  if (!header.ok()) return CheckBackupRefusal(header);
  Must(backups::SaltOf(sealed).size() == backups::kSaltBytes, "a header without salt");
  const auto plain = backups::OpenWith(kKey, sealed);
  if (!plain.ok()) CheckBackupRefusal(plain.status());
}

// What was sealed is opened as it was; with any other byte, or cut off, it is not.
void SealAndSpoil(std::string_view plain, std::size_t place) {
  static const Secret kKey(std::string(32, 'k'));
  static const std::string kSalt(backups::kSaltBytes, 's');
  auto sealed = backups::SealWith(kKey, kSalt, plain);
  Must(sealed.ok(), "not sealed");
  const auto opened = backups::OpenWith(kKey, *sealed);
  Must(opened.ok() && *opened == plain, "not opened as it was sealed");
  place %= sealed->size();
  Must(!backups::OpenWith(kKey, std::string_view(*sealed).substr(0, place)).ok(),
       "opened though it is cut off");
  (*sealed)[place] = static_cast<char>((*sealed)[place] ^ 1);
  Must(!backups::OpenWith(kKey, *sealed).ok(), "opened though it was changed");
}

void ReadPlain(std::string_view plain) {
  const auto contents = backups::ReadContents(plain);
  if (!contents.ok()) return CheckBackupRefusal(contents.status());
  const auto written = backups::WriteContents(*contents);
  Must(written.ok() && backups::ReadContents(*written).ok(), "what was read is not read again");
}

}  // namespace

void FuzzBackup(std::string_view input) {
  switch (TakeByte(&input) % 4) {
    case 0:
      return OpenSealed(input);
    case 1: {
      const std::size_t place = TakeByte(&input) * 256 + TakeByte(&input);
      return SealAndSpoil(input, place);
    }
    case 2:
      return ReadPlain(input);
    default: {
      const auto packed = clusters::Pack(input);
      Must(packed.ok() && clusters::Unpack(*packed) == input, "not unpacked as it was packed");
      return ReadPlain(*packed);
    }
  }
}

}  // namespace dmgr::fuzz
