// What a backup of this dmgrd holds, piece by piece: kinds, and what tells of them.
#ifndef DMGR_SERVER_BACKUP_FILE_H_
#define DMGR_SERVER_BACKUP_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/backups/sealed_file.h"
#include "server/secrets/key_source.h"
#include "server/store/dump.h"

namespace dmgr {

// The order is: head; of each cluster its files, each followed by its content; of each table its
// rows; sequences.
enum BackupPiece : char {
  kHeadPiece = 'H',
  kFilePiece = 'F',
  kContentPiece = 'C',
  kTablePiece = 'T',
  kRowsPiece = 'R',
  kSequencesPiece = 'S',
};

// A file of a cluster's folder.
struct KeptFile {
  std::string cluster_uuid;
  // Within that folder.
  std::string path;
  unsigned mode = 0600;
};

std::string TextOf(const store::DumpHead& head);
std::string TextOf(const KeptFile& file);
std::string TextOf(const std::vector<store::DumpSequence>& sequences);
// INVALID_ARGUMENT, BACKUP_UNREADABLE, when it is none, or names what is not in a cluster's folder.
absl::StatusOr<store::DumpHead> HeadOf(const std::string& text);
absl::StatusOr<KeptFile> FileOf(const std::string& text);
absl::StatusOr<std::vector<store::DumpSequence>> SequencesOf(const std::string& text);

// By the master key: its errors are those of secrets::LoadKey.
absl::StatusOr<backups::FileKey> BackupKeyOf(const secrets::KeySource& source);

}  // namespace dmgr

#endif  // DMGR_SERVER_BACKUP_FILE_H_
