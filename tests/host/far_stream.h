// A far end that is read and asked by hand: streams, programs, files.
#ifndef DMGR_TESTS_HOST_FAR_STREAM_H_
#define DMGR_TESTS_HOST_FAR_STREAM_H_

#include <functional>
#include <map>
#include <string>

#include "tests/host/far_process.h"

namespace dmgr::test {

class FarStream {
 public:
  explicit FarStream(const TempRoot& root, hv1::Begin::Mode mode = hv1::Begin::MODE_BY_HAND);

  FarProcess& process() { return far_; }
  // By source.
  const std::string& Text(std::uint32_t source) { return texts_[source]; }
  std::size_t bytes() const { return bytes_; }
  // Of a file that is fetched.
  const hv1::FileStart& file_start() const { return file_start_; }

  // Begins a stream.
  void Start(hv1::ToHost request);
  // Takes one message more; the last answer, or nullopt when this was none. Says that it was passed
  // on, unless told otherwise.
  std::optional<hv1::FromHost> Next(bool passed_on = true);
  // Says that all that was taken was passed on.
  void PassOn();
  // Takes what comes until it is so.
  void ReadUntil(const std::function<bool()>& enough);
  hv1::FromHost ReadToEnd();
  hv1::FromHost Stream(hv1::ToHost request) {
    Start(std::move(request));
    return ReadToEnd();
  }
  hv1::FromHost Cancel();

 private:
  FarProcess far_;
  std::uint64_t id_ = 100;
  std::map<std::uint32_t, std::string> texts_;
  std::size_t bytes_ = 0;
  hv1::FileStart file_start_;
};

hv1::ToHost LogsOf(const std::string& path);

}  // namespace dmgr::test

#endif  // DMGR_TESTS_HOST_FAR_STREAM_H_
