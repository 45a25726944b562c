#include <elf.h>
#include <sodium.h>
#include <sys/utsname.h>
#include <zlib.h>

#include <cstring>
#include <filesystem>

#include "common/error.h"
#include "common/files.h"
#include "common/ids.h"
#include "server/host/near/far_end.h"

namespace dmgr::host {
namespace {

constexpr char kName[] = "dmgr-host";
constexpr std::size_t kMaxImage = 64U << 20;

std::string ThisArch() {
  utsname name = {};
  uname(&name);
  return name.machine;
}

std::string Hash(const std::string& content) {
  if (sodium_init() < 0) std::abort();
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(content.data()), content.size(),
                     nullptr, 0);
  return HexEncode(hash);
}

std::string Sha256(const std::string& content) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(content.data()), content.size());
  return HexEncode(hash);
}

// Empty without memory for it. By the fastest level, which takes 60 ms and does as well as others.
std::string Pack(const std::string& content) {
  constexpr int kGzip = 16;
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + kGzip, MAX_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string packed(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int end = deflate(&stream, Z_FINISH);
  packed.resize(end == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return packed;
}

absl::StatusOr<FarEndProgram::Image> ReadImage(const std::filesystem::path& path) {
  FarEndProgram::Image image;
  image.content = ReadFile(path, kMaxImage).value_or(std::string());
  if (!image.content.starts_with(ELFMAG)) {
    return Error(absl::StatusCode::kFailedPrecondition, "FAR_END_UNREADABLE",
                 "{} is not the far end's program", path.string())
        .With("path", path.string())
        .Remedy("install dmgr again");
  }
  image.hash = Hash(image.content);
  image.sha256 = Sha256(image.content);
  image.packed = Pack(image.content);
  return image;
}

}  // namespace

absl::StatusOr<FarEndProgram> FarEndProgram::Load(const std::string& dir) {
  FarEndProgram program;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename();
    const std::string prefix = std::string(kName) + "-";
    if (name.rfind(prefix, 0) != 0 || name.find('.') != std::string::npos) continue;
    ASSIGN_OR_RETURN(program.by_arch[name.substr(prefix.size())], ReadImage(entry.path()));
  }
  const auto own = std::filesystem::path(dir) / kName;
  if (program.by_arch.count(ThisArch()) == 0 && std::filesystem::exists(own, error)) {
    ASSIGN_OR_RETURN(program.by_arch[ThisArch()], ReadImage(own));
  }
  if (!program.by_arch.empty()) return program;
  return Error(absl::StatusCode::kNotFound, "FAR_END_MISSING", "no {} or {}-<architecture> in {}",
               kName, kName, dir)
      .With("path", dir)
      .Remedy("set [paths] far_end_dir in dmgrd.toml to the folder that holds it");
}

}  // namespace dmgr::host
