// Releases as tests send them to a far end.
#ifndef DMGR_TESTS_HOST_FAR_RELEASE_H_
#define DMGR_TESTS_HOST_FAR_RELEASE_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "common/package/release.h"
#include "tests/host/far_process.h"

namespace dmgr::test {

inline constexpr char kStore[] = "/opt/.dmgr/releases";

struct Release {
  std::string hash;
  std::string archive;
  std::uint64_t unpacked = 0;
  std::string archive_hash = package::HashText(archive);
};

// The same bytes for the same seed, which no compression makes small.
std::string Noise(std::size_t size, unsigned seed);

// As dmgrd makes them.
Release MakeRelease(const TempRoot& root, std::size_t program_bytes = 3 << 20);

hv1::ToHost ReceiveRequest(const Release& release);

void SendChunks(const FarProcess& far, const std::string& bytes, std::size_t size = 64 << 10,
                bool end = true);

// The last answer.
hv1::FromHost Finish(FarProcess& far);

// Sends a release, if it is wanted; the last answer.
hv1::FromHost Push(FarProcess& far, const Release& release, std::size_t chunk = 64 << 10);

struct stat StatOf(const std::string& path);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_HOST_FAR_RELEASE_H_
