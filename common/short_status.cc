#include "common/short_status.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "common/error.h"

namespace dmgr {
namespace {

// Of one value, or one entry of a list.
constexpr std::size_t kMaxValueBytes = 600;
// Of a description in a list, so that several have room.
constexpr std::size_t kMaxDescriptionBytes = 300;
// For the entry that says how many are left out.
constexpr std::size_t kRestBytes = 80;
constexpr std::string_view kRemedy = "remedy";
constexpr std::string_view kCut = " [cut]";

std::size_t HeaderBytes(char c) { return c >= 0x20 && c <= 0x7e && c != '%' ? 1 : 3; }

std::size_t HeaderBytes(std::string_view text) {
  std::size_t bytes = 0;
  for (const char c : text) bytes += HeaderBytes(c);
  return bytes;
}

bool IsContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::string CutTo(std::string_view text, std::size_t max_bytes) {
  if (HeaderBytes(text) <= max_bytes) return std::string(text);
  std::size_t end = 0;
  for (std::size_t bytes = kCut.size(); end < text.size(); ++end) {
    bytes += HeaderBytes(text[end]);
    if (bytes > max_bytes) break;
  }
  while (end > 0 && IsContinuationByte(text[end])) --end;
  return std::string(text.substr(0, end)).append(kCut);
}

template <typename M>
bool Unpack(const absl::Cord& payload, M* message) {
  return message->ParseFromString(std::string(payload));
}

// Sets a payload again when there is room for it.
template <typename M>
void Put(absl::string_view url, const M& message, std::size_t* room, absl::Status* status) {
  const std::size_t size = message.ByteSizeLong();
  if (size > *room) return;
  *room -= size;
  status->SetPayload(url, absl::Cord(message.SerializeAsString()));
}

// Values from the shortest on, after the remedy.
google::rpc::ErrorInfo Shortened(const google::rpc::ErrorInfo& info, std::size_t room) {
  google::rpc::ErrorInfo cut;
  cut.set_reason(info.reason());
  cut.set_domain(info.domain());
  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& [key, value] : info.metadata())
    values.emplace_back(key, CutTo(value, kMaxValueBytes));
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first != kRemedy, a.second.size()) <
           std::pair(b.first != kRemedy, b.second.size());
  });
  for (const auto& [key, value] : values) {
    auto& metadata = *cut.mutable_metadata();
    metadata[key] = value;
    if (cut.ByteSizeLong() > room) metadata.erase(key);
  }
  return cut;
}

// The first entries of a list in `room` bytes. `rest` makes an entry of how many are left out.
template <typename Entries, typename Rest>
void ShortenList(std::size_t room, Entries* entries, const Rest& rest) {
  std::size_t bytes = 0;
  int kept = 0;
  for (auto& entry : *entries) {
    entry.set_description(CutTo(entry.description(), kMaxDescriptionBytes));
    bytes += entry.ByteSizeLong() + 3;
    if (bytes + kRestBytes > room) break;
    ++kept;
  }
  const int left_out = entries->size() - kept;
  if (left_out == 0) return;
  entries->DeleteSubrange(kept, left_out);
  rest(entries->Add(), fmt::format("and {} more", left_out));
}

// The payloads of an error, put back one by one, the most useful first.
class Shortener {
 public:
  Shortener(const absl::Status& from, absl::Status* to, std::size_t room)
      : from_(from), to_(*to), room_(room) {}

  void Run() {
    // A third for values: calls that help and lists want room as well.
    Each<google::rpc::ErrorInfo>(
        [&](auto* info) { *info = Shortened(*info, std::max(room_ / 3, kMaxValueBytes)); });
    Each<v1::NextActions>([&](auto* next) {
      while (next->actions_size() > 0 && next->ByteSizeLong() > room_ / 2) {
        next->mutable_actions()->RemoveLast();
      }
    });
    Each<google::rpc::RetryInfo>([](auto*) {});
    Each<google::rpc::BadRequest>([&](auto* bad) {
      ShortenList(room_, bad->mutable_field_violations(),
                  [](auto* entry, const std::string& words) { entry->set_description(words); });
    });
    Each<google::rpc::PreconditionFailure>([&](auto* failure) {
      ShortenList(room_, failure->mutable_violations(),
                  [](auto* entry, const std::string& words) { entry->set_description(words); });
    });
  }

 private:
  template <typename M, typename Edit>
  void Each(const Edit& edit) {
    const std::string url = "type.googleapis.com/" + M::descriptor()->full_name();
    const auto payload = from_.GetPayload(ToAbsl(url));
    M message;
    if (!payload.has_value() || !Unpack(*payload, &message)) return;
    edit(&message);
    Put(ToAbsl(url), message, &room_, &to_);
  }

  const absl::Status& from_;
  absl::Status& to_;
  std::size_t room_;
};

std::size_t PayloadBytes(const absl::Status& status) {
  std::size_t bytes = 0;
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    bytes += url.size() + payload.size();
  });
  return bytes;
}

}  // namespace

std::string Findings(std::string_view what, const std::vector<std::string>& findings) {
  if (findings.size() == 1) return fmt::format("{}: {}", what, findings.front());
  std::string text(what);
  text += ':';
  for (const auto& finding : findings) {
    text += "\n  ";
    // One of several lines stays together.
    for (const char c : finding) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
  }
  return text;
}

std::string FirstLines(std::string_view text, std::size_t max_bytes) {
  if (HeaderBytes(text) <= max_bytes) return std::string(text);
  const auto lines_after = [&](std::size_t at) {
    return static_cast<std::size_t>(
               std::count(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), '\n')) +
           1;
  };
  std::size_t end = std::min(text.find('\n'), text.size());
  std::string shown = CutTo(text.substr(0, end), max_bytes - std::min(max_bytes, kRestBytes));
  while (end < text.size()) {
    const std::size_t next = std::min(text.find('\n', end + 1), text.size());
    const std::string_view line = text.substr(end, next - end);
    if (HeaderBytes(shown) + HeaderBytes(line) + kRestBytes > max_bytes) {
      return shown + fmt::format("\nand {} more lines", lines_after(end + 1));
    }
    shown += line;
    end = next;
  }
  return shown;
}

absl::Status ShortStatus(const absl::Status& status, std::size_t max_message,
                         std::size_t max_payloads) {
  const bool fits =
      HeaderBytes(Message(status)) <= max_message && PayloadBytes(status) <= max_payloads;
  if (status.ok() || fits) return status;
  absl::Status cut(status.code(), ToAbsl(FirstLines(Message(status), max_message)));
  if (PayloadBytes(status) <= max_payloads) {
    status.ForEachPayload(
        [&](absl::string_view url, const absl::Cord& payload) { cut.SetPayload(url, payload); });
    return cut;
  }
  Shortener(status, &cut, max_payloads).Run();
  return cut;
}

}  // namespace dmgr
