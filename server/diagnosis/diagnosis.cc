#include "server/diagnosis/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "server/diagnosis/exit_status.h"
#include "server/diagnosis/line.h"
#include "server/diagnosis/rules.h"

namespace dmgr::diagnosis {
namespace {

constexpr std::size_t kMaxCauseBytes = 600;
constexpr std::size_t kMaxLineBytes = 240;
constexpr std::size_t kMaxLines = 9;
// A file system with less has no room for a write-ahead log, nor long for any other.
constexpr std::uint64_t kFullBytes = 4U << 20;

struct Found {
  Judgement judgement;
  std::string said;
  // Of its log, and of itself among all.
  std::size_t log = 0;
  std::size_t order = 0;
};

// Its beginning, and its end, where the cause of a chain of errors stands.
std::string Bounded(const std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  const auto is_inside = [&](std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t head = max_bytes / 3;
  std::size_t tail = text.size() - (max_bytes - head);
  while (head > 0 && is_inside(head)) --head;
  while (is_inside(tail)) ++tail;
  return text.substr(0, head) + " ... " + text.substr(tail);
}

// A message of the journal without the process that it came from, unless that is systemd.
std::string_view WithoutProgram(std::string_view text) {
  const std::size_t end = text.find("]: ");
  const bool is_systemd = text.starts_with("systemd[");
  const bool has_program = end != text.npos && text.substr(0, end).find(' ') == text.npos;
  return is_systemd || !has_program ? text : text.substr(end + 3);
}

// All that tells something, each saying once.
std::vector<Found> Search(const Evidence& evidence) {
  std::vector<Found> found;
  std::set<std::string> known;
  for (std::size_t log = 0; log < evidence.logs.size(); ++log) {
    const bool is_journal = evidence.logs[log].path.empty();
    for (const std::string& text : LinesOf(evidence.logs[log].text)) {
      const std::string_view said = is_journal ? WithoutProgram(text) : text;
      if (IsBlank(said)) continue;
      Line line = ParseLine(said);
      const Judgement judgement = Judge(evidence.component, line);
      if (judgement.weight == Weight::kNoise || !known.insert(line.said).second) continue;
      found.push_back({judgement, std::move(line.said), log, found.size()});
    }
  }
  return found;
}

// The one that tells most; of the same log the last one, in which a chain of errors ends.
const Found* Worst(const std::vector<Found>& found) {
  const Found* worst = nullptr;
  for (const Found& one : found) {
    const bool is_worse =
        worst == nullptr || one.judgement.weight > worst->judgement.weight ||
        (one.judgement.weight == worst->judgement.weight && one.log == worst->log);
    if (is_worse) worst = &one;
  }
  return worst;
}

std::vector<std::string> Others(std::vector<Found> found, const Found* cause) {
  const std::size_t cause_order = cause == nullptr ? found.size() : cause->order;
  // How it ended the exit status says as well.
  std::erase_if(found, [&](const Found& one) {
    return one.order == cause_order || one.judgement.weight == Weight::kHint;
  });
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return std::pair(a.judgement.weight, a.order) > std::pair(b.judgement.weight, b.order);
  });
  found.resize(std::min(found.size(), kMaxLines));
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.order < b.order; });
  std::vector<std::string> lines;
  for (const Found& one : found) lines.push_back(Bounded(one.said, kMaxLineBytes));
  return lines;
}

bool IsFull(const Directory& directory) {
  return directory.free_bytes < kFullBytes ||
         (directory.all_inodes > 0 && directory.free_inodes == 0);
}

std::string RoomOf(const Directory& directory) {
  const std::string bytes = directory.free_bytes < (1U << 20)
                                ? fmt::format("{} bytes", directory.free_bytes)
                                : fmt::format("{} MiB", directory.free_bytes >> 20);
  return directory.all_inodes == 0
             ? fmt::format("{} are free", bytes)
             : fmt::format("{} and {} inodes are free", bytes, directory.free_inodes);
}

// Something ran out of room, by its own words.
bool LacksRoom(const std::vector<Found>& found) {
  return std::any_of(found.begin(), found.end(), [](const Found& one) {
    return one.said.find("o space left on device") != std::string::npos ||
           one.said.find("isk quota exceeded") != std::string::npos;
  });
}

std::string Emptiest(const std::vector<Directory>& directories) {
  const auto least =
      std::min_element(directories.begin(), directories.end(),
                       [](const auto& a, const auto& b) { return a.free_bytes < b.free_bytes; });
  if (least == directories.end()) return {};
  return fmt::format("its {} directory {} has no room: {}", least->what, least->path,
                     RoomOf(*least));
}

}  // namespace

std::string FullDirectory(const std::vector<Directory>& directories) {
  const auto full = std::find_if(directories.begin(), directories.end(), IsFull);
  if (full == directories.end()) return {};
  return fmt::format("its {} directory {} is full: {}", full->what, full->path, RoomOf(*full));
}

Diagnosis Explain(const Evidence& evidence) {
  Diagnosis diagnosis;
  const std::vector<Found> found = Search(evidence);
  const Found* worst = Worst(found);
  const std::string_view meaning = MeaningOfExit(evidence.exit_status);
  std::string full = FullDirectory(evidence.directories);
  if (full.empty() && LacksRoom(found)) full = Emptiest(evidence.directories);
  const bool is_told = worst != nullptr && worst->judgement.weight >= Weight::kSaid;
  if (!full.empty()) {
    diagnosis.cause = full;
    worst = nullptr;
  } else if (is_told) {
    diagnosis.cause = Bounded(worst->said, kMaxCauseBytes);
  } else if (!meaning.empty()) {
    diagnosis.cause = meaning;
  } else if (worst != nullptr) {
    diagnosis.cause = Bounded(worst->said, kMaxCauseBytes);
  } else {
    diagnosis.is_silent = true;
    diagnosis.cause = "neither it nor systemd says why";
  }
  diagnosis.lasts = !meaning.empty() || (worst != nullptr && worst->judgement.lasts);
  diagnosis.lines = Others(found, worst);
  for (const Log& log : evidence.logs) {
    if (log.path.empty()) {
      diagnosis.in_journal = true;
    } else {
      diagnosis.paths.push_back(log.path);
    }
  }
  return diagnosis;
}

std::string Describe(const Subject& subject, const Diagnosis& diagnosis, int exit_status) {
  std::string text = fmt::format("{} on {} {}: {}", subject.name, subject.machine, subject.problem,
                                 diagnosis.cause);
  if (exit_status != 0) text += fmt::format(" (exit status {})", exit_status);
  for (const std::string& line : diagnosis.lines) text += "\n  " + line;
  std::vector<std::string> places = diagnosis.paths;
  places.push_back(fmt::format("journalctl -u {}", subject.unit));
  return text + fmt::format("\nall of it on {}: {}", subject.machine, fmt::join(places, ", "));
}

}  // namespace dmgr::diagnosis
