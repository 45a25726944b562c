#include "server/package/package.h"

#include <archive.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "common/components/traits.h"
#include "common/enum_words.h"
#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"
#include "common/package/sha256.h"
#include "common/package/structure.h"
#include "common/package/tar_writer.h"
#include "common/package/unpack.h"
#include "common/thread_pool.h"
#include "common/version.h"
#include "server/package/program_version.h"

namespace dmgr::package {
namespace {

namespace fs = std::filesystem;

// What waits to be unpacked while the network is faster than the disk.
constexpr std::size_t kMaxQueuedBytes = 2U << 20;

// Bytes from the receiving to the unpacking thread.
class ByteQueue {
 public:
  // Waits while the queue is full. After Drain what comes is dropped.
  void Push(std::string_view data) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return bytes_ < kMaxQueuedBytes || draining_; });
    if (draining_ || data.empty()) return;
    chunks_.emplace_back(data);
    bytes_ += data.size();
    changed_.notify_all();
  }
  // No more data will come. broken: the data is not complete.
  void End(bool broken) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    broken_ = broken;
    changed_.notify_all();
  }
  // The next chunk; empty at the end; nullopt when the end is not the real one.
  std::optional<std::string> Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !chunks_.empty() || ended_; });
    if (broken_) return std::nullopt;
    if (chunks_.empty()) return std::string();
    std::string chunk = std::move(chunks_.front());
    chunks_.pop_front();
    bytes_ -= chunk.size();
    changed_.notify_all();
    return chunk;
  }
  // Nobody reads any more.
  void Drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    chunks_.clear();
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> chunks_;
  std::size_t bytes_ = 0;
  bool ended_ = false;
  bool broken_ = false;
  bool draining_ = false;
};

// libarchive's view of a ByteQueue.
struct QueueSource {
  ByteQueue* queue;
  std::string chunk;

  static la_ssize_t Read(archive* reader, void* self_pointer, const void** buffer) {
    auto* self = static_cast<QueueSource*>(self_pointer);
    std::optional<std::string> chunk = self->queue->Pop();
    if (!chunk) {
      archive_set_error(reader, ECANCELED, "the upload was broken off");
      return -1;
    }
    self->chunk = *std::move(chunk);
    *buffer = self->chunk.data();
    return static_cast<la_ssize_t>(self->chunk.size());
  }
};

bool IsPackageFolder(std::string_view name) { return name.starts_with("dm-v"); }
bool IsGrafanaFolder(std::string_view name) {
  return name == "grafana" || name.starts_with("grafana-");
}

// One after the other: each needs more than 100 MiB while it is compressed, and the running
// operations need the other cores.
absl::Status StoreReleases(const std::vector<ComponentSources>& parts, const std::string& arch,
                           const std::string& dir, v1::Package* package) {
  for (const ComponentSources& part : parts) {
    ASSIGN_OR_RETURN(const ReleaseInfo release, StoreRelease(part.component, part.sources, dir));
    v1::PackageComponent* component = package->add_components();
    *component = ToProto(release);
    component->set_arch(arch);
  }
  return absl::OkStatus();
}

// The package's own architecture first.
absl::Status StoreAllReleases(const std::string& tree_dir, const std::string& dir,
                              v1::Package* package) {
  if (mkdir(dir.c_str(), 0755) != 0) return SystemError("cannot make", dir, errno);
  RETURN_IF_ERROR(StoreReleases(ComponentsOf(tree_dir), package->arch(), dir, package));
  for (const char* arch : kArchs) {
    const std::string second = ProgramsOf(tree_dir, arch);
    if (second == tree_dir) continue;
    RETURN_IF_ERROR(StoreReleases(ComponentsOf(second), arch, dir, package));
  }
  return absl::OkStatus();
}

void FillVersions(const std::string& tree_dir, v1::Package* package) {
  const auto own = ArchOf("/proc/self/exe");
  if (!own.ok()) return;
  for (auto& part : *package->mutable_components()) {
    if (part.arch() != *own) continue;
    const auto component = components::ParseComponent(ToWord(part.component()));
    if (!component.has_value()) continue;
    const components::Traits& traits = components::TraitsOf(*component);
    part.set_version(ProgramVersion(fmt::format("{}/{}{}", ProgramsOf(tree_dir, part.arch()),
                                                FolderOf(traits.packing), traits.program_path()),
                                    std::string(traits.version_flag)));
  }
}

// One flush for the thousands of small files below dir.
absl::Status SyncFileSystemOf(const std::string& dir) {
  const Fd root(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.ok() || syncfs(root.get()) != 0) return SystemError("cannot sync", dir, errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> VersionOfFileName(const std::string& file_name) {
  constexpr std::string_view kPrefix = "dm-";
  constexpr std::string_view kSuffix = ".tar.gz";
  if (file_name.size() > kPrefix.size() + kSuffix.size() && file_name.starts_with(kPrefix) &&
      file_name.ends_with(kSuffix)) {
    const std::string version =
        file_name.substr(kPrefix.size(), file_name.size() - kPrefix.size() - kSuffix.size());
    if (DmVersion::Parse(version)) return version;
  }
  return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_NAME_INVALID",
               "\"{}\" is no name of a package: it must be dm-<version>.tar.gz, such as "
               "dm-v7.5.1.tar.gz",
               file_name.substr(0, 128))
      .Field("file_name", "must be dm-<version>.tar.gz");
}

struct Receiver::Impl {
  Impl(std::string dir, std::string package_version)
      : work_dir(std::move(dir)), version(std::move(package_version)) {}
  ~Impl() {
    queue.End(/*broken=*/true);
    if (unpacking.joinable()) unpacking.join();
  }

  std::string TreeDir() const { return work_dir + "/tree"; }

  // The unpacking thread.
  void Unpack() {
    absl::Status result;
    const ArchiveReader reader = NewReader();
    QueueSource source{&queue, {}};
    try {
      if (archive_read_open(reader.get(), &source, nullptr, QueueSource::Read, nullptr) !=
          ARCHIVE_OK) {
        result = Unreadable(reader.get());
      } else {
        result = Unpacker(TreeDir(), IsPackageFolder, &budget).Run(reader.get());
      }
    } catch (const std::exception& e) {
      result = Error(absl::StatusCode::kInternal, "UNPACK_FAILED", "cannot unpack: {}", e.what());
    }
    {
      const std::lock_guard lock(mutex);
      unpack_status = result;
    }
    queue.Drain();
  }

  absl::Status UnpackStatus() {
    const std::lock_guard lock(mutex);
    return unpack_status;
  }

  absl::Status EndStream(std::uint64_t size_bytes, const std::string& sha256);
  absl::Status UnpackGrafana(const std::string& folder);
  absl::Status CheckTreeWith(const CheckTree& check_tree, std::string* arch);

  const std::string work_dir;
  const std::string version;
  Budget budget;  // Of the unpacking thread until it has ended.
  Sha256 hash;
  std::uint64_t received = 0;
  ByteQueue queue;
  std::mutex mutex;
  absl::Status unpack_status;
  std::thread unpacking;  // Last: it uses all of the above.
};

absl::Status Receiver::Impl::EndStream(std::uint64_t size_bytes, const std::string& sha256) {
  const bool complete = received == size_bytes;
  queue.End(/*broken=*/!complete);
  unpacking.join();
  if (!complete) {
    return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID",
                 "dm-{}.tar.gz has {} bytes where {} were announced", version, received, size_bytes)
        .Remedy("send the file again");
  }
  if (const std::string actual = hash.Hex(); actual != sha256) {
    return Error(absl::StatusCode::kInvalidArgument, "PACKAGE_INVALID",
                 "dm-{}.tar.gz arrived with the sha256 {} where {} was announced", version, actual,
                 sha256)
        .Remedy("send the file again");
  }
  return UnpackStatus();
}

// folder: "" or "arm64/".
absl::Status Receiver::Impl::UnpackGrafana(const std::string& folder) {
  const std::string name = folder + "grafana";
  const std::string dir = TreeDir() + "/" + name;
  if (fs::exists(dir)) return BadMember(name, "only grafana.tar.gz may bring it");
  if (!fs::is_regular_file(dir + ".tar.gz")) return absl::OkStatus();
  const absl::Status status = UnpackFile(dir + ".tar.gz", dir, IsGrafanaFolder, &budget);
  return status.ok() ? status : Annotate(status, name + ".tar.gz");
}

absl::Status Receiver::Impl::CheckTreeWith(const CheckTree& check_tree, std::string* arch) {
  RETURN_IF_ERROR(UnpackGrafana(""));
  for (const char* one : kArchs) RETURN_IF_ERROR(UnpackGrafana(std::string(one) + "/"));
  Structure structure = CheckStructure(TreeDir());
  for (const std::string& line : check_tree(TreeDir())) {
    const auto end = line.find_first_of(" :");
    structure.problems.push_back(
        {line.substr(0, end), end == std::string::npos ? "" : line.substr(end + 1)});
  }
  if (!structure.problems.empty()) {
    return PackageInvalid(fmt::format("dm-{}.tar.gz is refused", version), structure.problems);
  }
  *arch = structure.arch;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Receiver>> Receiver::Create(const std::string& work_dir,
                                                           const std::string& version) {
  if (!DmVersion::Parse(version)) {
    return Error(absl::StatusCode::kInvalidArgument, "VERSION_INVALID",
                 "\"{}\" is no version of DM", version);
  }
  if (mkdir(work_dir.c_str(), 0755) != 0) return SystemError("cannot make", work_dir, errno);
  auto impl = std::make_unique<Impl>(work_dir, version);
  // One of its own, since it waits for bytes as long as the upload lasts.
  ASSIGN_OR_RETURN(impl->unpacking, StartThread([raw = impl.get()] { raw->Unpack(); }));
  return std::unique_ptr<Receiver>(new Receiver(std::move(impl)));
}

Receiver::Receiver(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Receiver::~Receiver() = default;

absl::Status Receiver::Append(std::string_view data) {
  impl_->hash.Update(data);
  impl_->received += data.size();
  impl_->queue.Push(data);
  return impl_->UnpackStatus();
}

absl::StatusOr<v1::Package> Receiver::Finish(std::uint64_t size_bytes, const std::string& sha256,
                                             const CheckTree& check_tree) {
  RETURN_IF_ERROR(impl_->EndStream(size_bytes, sha256));
  try {
    v1::Package package;
    RETURN_IF_ERROR(impl_->CheckTreeWith(check_tree, package.mutable_arch()));
    RETURN_IF_ERROR(StoreAllReleases(impl_->TreeDir(), impl_->work_dir + "/releases", &package));
    FillVersions(impl_->TreeDir(), &package);
    RETURN_IF_ERROR(SyncFileSystemOf(impl_->work_dir));
    package.set_version(impl_->version);
    package.set_file_name(fmt::format("dm-{}.tar.gz", impl_->version));
    package.set_size_bytes(size_bytes);
    package.set_sha256(sha256);
    return package;
  } catch (const fs::filesystem_error& e) {
    return SystemError("cannot read", e.path1().string(), e.code().value());
  }
}

}  // namespace dmgr::package
