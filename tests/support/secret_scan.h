// Looks for secrets where none are to be.
#ifndef DMGR_TESTS_SUPPORT_SECRET_SCAN_H_
#define DMGR_TESTS_SUPPORT_SECRET_SCAN_H_

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace dmgr::testing {

/// Secrets by what they are, and all the ways in which they may be written.
class SecretScan {
 public:
  /// As it is, in base64 (also within a longer text), percent-encoded, in hex, as in JSON.
  void Add(const std::string& name, const std::string& secret);

  /// The names of those that are in a text; without those that it may have.
  std::set<std::string> In(std::string_view text, const std::set<std::string>& allowed = {}) const;
  /// "PATH has NAME" for each regular file below a folder, links not followed.
  std::vector<std::string> InFiles(
      const std::filesystem::path& root,
      const std::function<bool(const std::filesystem::path& file, const std::string& name)>&
          allowed) const;

 private:
  std::map<std::string, std::vector<std::string>> needles_;
};

/// Reads the arguments and environments of all processes of this machine, again and again.
class ProcessWatch {
 public:
  explicit ProcessWatch(const SecretScan* scan);
  ~ProcessWatch();
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  /// What was seen so far, each once, and how many processes were read.
  std::set<std::string> Seen() const;
  int reads() const { return reads_; }

 private:
  void Look();

  const SecretScan& scan_;
  mutable std::mutex mutex_;
  std::set<std::string> seen_;
  std::atomic<int> reads_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace dmgr::testing

#endif  // DMGR_TESTS_SUPPORT_SECRET_SCAN_H_
