#include "server/host/far/state/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/fd.h"
#include "server/host/far/base/paths.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/hash.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxEntries = 200000;
constexpr std::uint64_t kWritebackBytes = 8U << 20;
// Above it one sync of the file system is cheaper than one of each file.
constexpr std::size_t kFewFiles = 32;

Failed Corrupt(const std::string& text) {
  return Failed(hv1::Failure::KIND_CORRUPT, "the release that was sent is damaged: " + text);
}

// Feeds libarchive with chunks. No exception may pass through it.
class ChunkSource {
 public:
  ChunkSource(Call* call, const UnpackLimits& limits) : call_(*call), limits_(limits) {}

  static la_ssize_t Read(archive* reader, void* self, const void** data) {
    auto* source = static_cast<ChunkSource*>(self);
    try {
      if (!source->Next()) return 0;
      *data = source->chunk_.data().data();
      return static_cast<la_ssize_t>(source->chunk_.data().size());
    } catch (...) {
      source->error_ = std::current_exception();
      archive_set_error(reader, ECANCELED, "no input");
      return -1;
    }
  }
  void Rethrow() const {
    if (error_ != nullptr) std::rethrow_exception(error_);
  }
  // Up to the last chunk; exactly what was announced must have come.
  void Drain() {
    while (Next()) {
    }
    if (received_ != limits_.compressed_bytes) {
      throw Corrupt(std::to_string(received_) + " bytes came instead of " +
                    std::to_string(limits_.compressed_bytes));
    }
    const std::string hash = hasher_.Finish();
    if (hash != limits_.archive_hash) {
      throw Corrupt("its archive is not " + limits_.archive_hash + " but " + hash);
    }
  }

 private:
  // False at the end. Chunks may be empty.
  bool Next() {
    do {
      if (chunk_.end()) return false;
      chunk_ = call_.NextChunk();
      received_ += chunk_.data().size();
      if (received_ > limits_.compressed_bytes) {
        throw Corrupt("more than " + std::to_string(limits_.compressed_bytes) + " bytes came");
      }
      hasher_.Add(chunk_.data().data(), chunk_.data().size());
      call_.Progress(received_);
    } while (chunk_.data().empty());
    return true;
  }

  Call& call_;
  const UnpackLimits& limits_;
  std::uint64_t received_ = 0;
  Hasher hasher_;
  hv1::ReleaseChunk chunk_;
  std::exception_ptr error_;
};

struct Item {
  char type = 'f';
  mode_t mode = 0644;
  std::uint64_t size = 0;
  std::string target;  // Of a link.
};
using Items = std::map<std::string, Item>;

// Relative and plain.
void CheckName(const std::string& path) {
  try {
    CheckPath("/" + path);
  } catch (const Failed&) {
    throw Corrupt("a bad path in it: " + CleanText(path));
  }
  if (path.empty() || path == kComplete) throw Corrupt("a bad path in it: " + path);
}

// A link may lead anywhere inside the release, but over no other link.
void CheckLink(const Items& items, const std::string& path, const std::string& target) {
  std::vector<std::string> at = Components(path);
  at.pop_back();
  bool inside = !target.empty() && target[0] != '/' && target.find('\n') == std::string::npos;
  for (const auto& name : Components(target)) {
    if (name == ".") continue;
    if (name != "..") {
      at.push_back(name);
      std::string here;
      for (const auto& part : at) here += (here.empty() ? "" : "/") + part;
      const auto item = items.find(here);
      inside = inside && (item == items.end() || item->second.type != 'l');
    } else if (at.empty()) {
      inside = false;
    } else {
      at.pop_back();
    }
  }
  if (!inside) throw Corrupt("the link " + path + " leads out of it: " + CleanText(target));
}

class Unpacker {
 public:
  Unpacker(Call* call, int dir, const std::string& path, const UnpackLimits& limits)
      : call_(*call),
        dir_(dir),
        path_(path),
        limits_(limits),
        source_(call, limits_),
        reader_(archive_read_new(), archive_read_free) {}

  void Run() {
    archive_read_support_filter_zstd(reader_.get());
    archive_read_support_format_tar(reader_.get());
    Check(archive_read_open(reader_.get(), &source_, nullptr, ChunkSource::Read, nullptr));
    archive_entry* entry = nullptr;
    while (true) {
      const int status = archive_read_next_header(reader_.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      Check(status);
      if (items_.size() >= kMaxEntries) throw Corrupt("too many files");
      TakeEntry(entry);
    }
    source_.Drain();
    for (const auto& [path, item] : items_) {
      if (item.type == 'l') CheckLink(items_, path, item.target);
    }
    Sync();
  }

 private:
  void Check(int status) {
    if (status == ARCHIVE_OK) return;
    source_.Rethrow();
    const char* text = archive_error_string(reader_.get());
    throw Corrupt(text == nullptr ? "it cannot be unpacked" : text);
  }

  void TakeEntry(archive_entry* entry);
  void WriteFile(const std::string& path, Item* item);
  void WriteBlocks(int fd, const std::string& path, Item* item);
  void Sync();

  std::string PathOf(const std::string& name) const { return path_ + "/" + name; }

  Call& call_;
  const int dir_;
  const std::string& path_;
  const UnpackLimits& limits_;
  ChunkSource source_;
  const std::unique_ptr<archive, int (*)(archive*)> reader_;
  Items items_;
  std::uint64_t unpacked_ = 0;
  std::size_t files_ = 0;
};

void Unpacker::TakeEntry(archive_entry* entry) {
  const char* name = archive_entry_pathname(entry);
  std::string path = name == nullptr ? "" : name;
  if (!path.empty() && path.back() == '/') path.pop_back();
  CheckName(path);
  const auto slash = path.rfind('/');
  if (slash != std::string::npos) {
    const auto parent = items_.find(path.substr(0, slash));
    if (parent == items_.end() || parent->second.type != 'd') {
      throw Corrupt(path + " is in no directory of it");
    }
  }
  const auto [place, is_new] = items_.try_emplace(path);
  if (!is_new) throw Corrupt(path + " is in it twice");
  Item& item = place->second;
  const bool is_program = (archive_entry_perm(entry) & S_IXUSR) != 0;
  const auto type = archive_entry_filetype(entry);
  if (archive_entry_hardlink(entry) != nullptr) {
    throw Corrupt(path + " is a hard link");
  } else if (type == AE_IFDIR) {
    item.type = 'd';
    item.mode = 0755;
    if (mkdirat(dir_, path.c_str(), 0755) != 0) {
      throw SystemFailure("cannot make the directory", PathOf(path), errno);
    }
  } else if (type == AE_IFLNK) {
    const char* target = archive_entry_symlink(entry);
    item.type = 'l';
    item.target = target == nullptr ? "" : target;
    CheckLink(items_, path, item.target);
    if (symlinkat(item.target.c_str(), dir_, path.c_str()) != 0) {
      throw SystemFailure("cannot make the link", PathOf(path), errno);
    }
  } else if (type == AE_IFREG) {
    item.mode = is_program ? 0755 : 0644;
    item.size = static_cast<std::uint64_t>(archive_entry_size(entry));
    WriteFile(path, &item);
  } else {
    throw Corrupt(path + " is neither a file nor a directory nor a link");
  }
}

void Unpacker::WriteFile(const std::string& path, Item* item) {
  ++files_;
  unpacked_ += item->size;
  if (item->size > limits_.unpacked_bytes || unpacked_ > limits_.unpacked_bytes) {
    throw Corrupt("it unpacks to more than " + std::to_string(limits_.unpacked_bytes) + " bytes");
  }
  const Fd fd(
      openat(dir_, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, item->mode));
  if (!fd.ok()) throw SystemFailure("cannot write", PathOf(path), errno);
  // Where the file system cannot do this, a full disk shows later.
  const auto size = static_cast<off_t>(item->size);
  if (size > 0 && fallocate(fd.get(), 0, 0, size) != 0 && errno == ENOSPC) {
    throw SystemFailure("cannot write", PathOf(path), errno);
  }
  WriteBlocks(fd.get(), path, item);
  if (fchmod(fd.get(), item->mode) != 0) throw SystemFailure("cannot chmod", PathOf(path), errno);
}

void Unpacker::WriteBlocks(int fd, const std::string& path, Item* item) {
  std::uint64_t written = 0;
  std::uint64_t flushed = 0;
  while (true) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader_.get(), &data, &size, &offset);
    if (status == ARCHIVE_EOF) break;
    Check(status);
    if (static_cast<std::uint64_t>(offset) != written || size > item->size - written) {
      throw Corrupt(path + " has holes");
    }
    WriteAll(fd, {static_cast<const char*>(data), size}, PathOf(path));
    written += size;
    if (written - flushed >= kWritebackBytes) {
      // The disk writes while the next bytes are unpacked.
      sync_file_range(fd, static_cast<off_t>(flushed), static_cast<off_t>(written - flushed),
                      SYNC_FILE_RANGE_WRITE);
      flushed = written;
    }
  }
  if (written != item->size) throw Corrupt(path + " is too short");
}

void Unpacker::Sync() {
  if (files_ > kFewFiles) {
    if (syncfs(Reopen(dir_, path_).get()) != 0) throw SystemFailure("cannot sync", path_, errno);
    return;
  }
  for (const auto& [path, item] : items_) {
    call_.CheckCancelled();
    if (item.type == 'l') continue;
    const Fd fd(openat(dir_, path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.ok() || fsync(fd.get()) != 0) throw SystemFailure("cannot sync", PathOf(path), errno);
  }
  SyncDir(dir_, path_);
}

}  // namespace

void Unpack(Call& call, int dir, const std::string& path, const UnpackLimits& limits) {
  Unpacker(&call, dir, path, limits).Run();
}

}  // namespace dmgr::far
