#include "server/backups/sealed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "common/error.h"
#include "common/files.h"
#include "server/backups/sodium.h"
#include "server/clusters/packed.h"

namespace dmgr::backups {
namespace {

constexpr std::string_view kFileMagic = "DMGRSELF";
constexpr unsigned char kFileFormat = 1;
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kIdAt = kFileMagic.size() + 1;
constexpr std::size_t kBeginAt = kIdAt + kIdDigits;
constexpr std::size_t kHeadBytes = kBeginAt + crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kTagBytes = crypto_secretstream_xchacha20poly1305_ABYTES;
// What zstd adds to what it cannot pack, the kind and the tag are less.
constexpr std::size_t kMaxMessage = kMaxSealedPiece + (std::size_t{1} << 20);
constexpr unsigned char kTagMore = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
constexpr unsigned char kTagLast = crypto_secretstream_xchacha20poly1305_TAG_FINAL;

static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == 32);

absl::Status BadFile(const std::string& path, const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "BACKUP_UNREADABLE", "{} cannot be read: {}",
               path, why)
      .With("path", path)
      .Remedy("take another copy of the file, or another backup");
}

}  // namespace

// A state of the cipher, which knows the key.
struct FileStream {
  ~FileStream() { sodium_memzero(&state, sizeof(state)); }
  crypto_secretstream_xchacha20poly1305_state state{};
};

struct SealedWriter::Impl {
  Impl(FileWriter opened, std::string head_text)
      : file(std::move(opened)), head(std::move(head_text)) {}

  absl::Status Write(unsigned char tag, std::string* plain) {
    const WipeAtEnd wiped(plain);
    const std::size_t size = plain->size() + kTagBytes;
    std::string message(kLengthBytes + size, '\0');
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
      message[i] = static_cast<char>((size >> (8 * i)) & 0xff);
    }
    crypto_secretstream_xchacha20poly1305_push(&stream.state, SodiumBytes(&message) + kLengthBytes,
                                               nullptr, SodiumBytes(std::string_view(*plain)),
                                               plain->size(), SodiumBytes(std::string_view(head)),
                                               head.size(), tag);
    // It stands for the whole file, once.
    head.clear();
    return file.Write(message);
  }

  FileWriter file;
  std::string head;
  FileStream stream;
};

SealedWriter::SealedWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SealedWriter::~SealedWriter() = default;

absl::StatusOr<std::unique_ptr<SealedWriter>> SealedWriter::Create(const std::string& path,
                                                                   const FileKey& key) {
  UseSodium();
  ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(path, 0600));
  std::string head(kFileMagic);
  head += static_cast<char>(kFileFormat);
  head += key.id;
  head.resize(kHeadBytes);
  auto impl = std::make_unique<Impl>(std::move(file), head);
  crypto_secretstream_xchacha20poly1305_init_push(&impl->stream.state,
                                                  SodiumBytes(&impl->head) + kBeginAt,
                                                  SodiumBytes(std::string_view(key.key.text())));
  RETURN_IF_ERROR(impl->file.Write(impl->head));
  return std::unique_ptr<SealedWriter>(new SealedWriter(std::move(impl)));
}

absl::Status SealedWriter::Add(char kind, std::string_view content) {
  if (content.size() > kMaxSealedPiece) {
    return Error(absl::StatusCode::kResourceExhausted, "BACKUP_TOO_LARGE",
                 "a piece of the backup is larger than {} MiB", kMaxSealedPiece >> 20)
        .Remedy("no row and no file of dmgrd is so large: see what it is");
  }
  ASSIGN_OR_RETURN(std::string packed, clusters::Pack(content));
  const WipeAtEnd wiped(&packed);
  std::string plain(1, kind);
  plain += packed;
  return impl_->Write(kTagMore, &plain);
}

absl::Status SealedWriter::Finish() {
  std::string nothing;
  RETURN_IF_ERROR(impl_->Write(kTagLast, &nothing));
  return impl_->file.Sync();
}

struct SealedReader::Impl {
  Fd file;
  std::string path;
  std::string head;
  FileStream stream;

  // As many bytes, or fewer at the end of the file.
  absl::StatusOr<std::string> Read(std::size_t size) const {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = read(file.get(), text.data() + have, size - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return BadFile(path, std::strerror(errno));
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
  }

  absl::Status ReadHead(const FileKey& key) {
    ASSIGN_OR_RETURN(head, Read(kHeadBytes));
    if (!head.starts_with(kFileMagic)) return BadFile(path, "it is no backup of a dmgrd");
    if (head.size() < kHeadBytes) return BadFile(path, "it is cut off");
    const auto format = static_cast<unsigned char>(head[kFileMagic.size()]);
    if (format != kFileFormat) {
      return Error(absl::StatusCode::kInvalidArgument, "BACKUP_VERSION_UNKNOWN",
                   "{} has version {} of the format, this dmgrd knows {}", path, format,
                   kFileFormat)
          .Remedy("take a newer dmgrd");
    }
    const std::string id = head.substr(kIdAt, kIdDigits);
    if (id == key.id) return absl::OkStatus();
    return Error(absl::StatusCode::kFailedPrecondition, "KEY_MISMATCH",
                 "{} was sealed with the master key of id {}, this one is that of id {}", path, id,
                 key.id)
        .With("path", path)
        .Remedy(
            "put the master key of then in its place; a change of the key has kept the former "
            "one beside it");
  }
};

SealedReader::SealedReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SealedReader::~SealedReader() = default;

absl::StatusOr<std::unique_ptr<SealedReader>> SealedReader::Open(const std::string& path,
                                                                 const FileKey& key) {
  UseSodium();
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->file = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!impl->file.ok()) return BadFile(path, std::strerror(errno));
  RETURN_IF_ERROR(impl->ReadHead(key));
  crypto_secretstream_xchacha20poly1305_init_pull(
      &impl->stream.state, SodiumBytes(std::string_view(impl->head)) + kBeginAt,
      SodiumBytes(std::string_view(key.key.text())));
  return std::unique_ptr<SealedReader>(new SealedReader(std::move(impl)));
}

absl::StatusOr<SealedPiece> SealedReader::Next() {
  Impl& own = *impl_;
  const absl::Status damaged = BadFile(own.path, "it is cut off, or was changed");
  ASSIGN_OR_RETURN(const std::string length, own.Read(kLengthBytes));
  std::size_t size = 0;
  for (std::size_t i = 0; i < length.size(); ++i) {
    size |= static_cast<std::size_t>(static_cast<unsigned char>(length[i])) << (8 * i);
  }
  if (length.size() < kLengthBytes || size < kTagBytes || size > kMaxMessage) return damaged;
  ASSIGN_OR_RETURN(const std::string message, own.Read(size));
  if (message.size() < size) return damaged;
  std::string plain(size - kTagBytes, '\0');
  const WipeAtEnd wiped(&plain);
  unsigned char tag = 0;
  if (crypto_secretstream_xchacha20poly1305_pull(
          &own.stream.state, SodiumBytes(&plain), nullptr, &tag,
          SodiumBytes(std::string_view(message)), message.size(),
          SodiumBytes(std::string_view(own.head)), own.head.size()) != 0) {
    return damaged;
  }
  own.head.clear();
  if (tag == kTagLast) {
    ASSIGN_OR_RETURN(const std::string more, own.Read(1));
    if (!more.empty()) return BadFile(own.path, "something follows its end");
    return SealedPiece();
  }
  if (plain.empty()) return damaged;
  SealedPiece piece{.kind = plain[0]};
  const std::string_view packed = std::string_view(plain).substr(1);
  piece.content = clusters::Unpack(packed);
  return piece;
}

}  // namespace dmgr::backups
