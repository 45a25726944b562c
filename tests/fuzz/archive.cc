#include "tests/fuzz/archive.h"

#include <zlib.h>
#include <zstd.h>

#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

std::string Gzip(std::string_view bytes) {
  z_stream stream = {};
  constexpr int kGzip = 15 + 16;
  Must(deflateInit2(&stream, 1, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK, "no gzip");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  Must(done, "gzip does not end");
  return out;
}

std::string Zstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1);
  Must(ZSTD_isError(size) == 0, "no zstd");
  out.resize(size);
  return out;
}

}  // namespace

std::string Packed(unsigned how, std::string_view bytes) {
  if (how % 3 == 1) return Gzip(bytes);
  if (how % 3 == 2) return Zstd(bytes);
  return std::string(bytes);
}

}  // namespace dmgr::fuzz
