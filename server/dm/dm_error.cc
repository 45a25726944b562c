#include "server/dm/dm_error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "common/error.h"
#include "server/dm/meanings.h"
#include "server/dm/text.h"

namespace dmgr::dm {
namespace {

constexpr std::size_t kMaxText = 64 << 10;
constexpr std::size_t kMaxPart = 2000;
constexpr std::size_t kMaxWord = 40;
// Sources that a message speaks of; the metadata names more.
constexpr std::size_t kShownSources = 3;
constexpr std::size_t kMaxSourceNames = 1000;

constexpr std::string_view kHead = "[code=";
constexpr std::string_view kMessage = ", Message: ";
constexpr std::string_view kRawCause = ", RawCause: ";
constexpr std::string_view kWorkaround = ", Workaround: ";

// The value of `key=`, up to the next colon or bracket, in the head of a text.
std::string_view HeadValue(std::string_view head, std::string_view key) {
  const std::size_t at = head.find(key);
  if (at == std::string_view::npos) return {};
  head.remove_prefix(at + key.size());
  return head.substr(0, head.find_first_of(":]"));
}

// Takes the head off the text when it begins with one, and says whether it did.
bool TakeHead(std::string_view* text, DmError* error) {
  const std::size_t end = text->find(']');
  if (!text->starts_with(kHead) || end == std::string_view::npos) return false;
  const std::string_view head = text->substr(0, end + 1);
  const std::string_view code = HeadValue(head, "code=");
  int value = 0;
  const auto [last, problem] = std::from_chars(code.data(), code.data() + code.size(), value);
  if (problem != std::errc() || last != code.data() + code.size() || value < 0) return false;
  error->code = value;
  error->error_class = CleanLine(HeadValue(head, ":class="), kMaxWord);
  error->scope = CleanLine(HeadValue(head, ":scope="), kMaxWord);
  error->level = CleanLine(HeadValue(head, ":level="), kMaxWord);
  text->remove_prefix(end + 1);
  return true;
}

// Cuts the text before the separator at `at`, and returns what is behind it.
std::string_view CutAt(std::string_view* text, std::size_t at, std::string_view separator) {
  if (at == std::string_view::npos) return {};
  const std::string_view behind = text->substr(at + separator.size());
  *text = text->substr(0, at);
  return behind;
}

Error WithDetails(Error error, const DmError& dm) {
  if (dm.code != 0) error.With("dm_code", std::to_string(dm.code));
  const std::pair<std::string_view, const std::string*> parts[] = {
      {"dm_class", &dm.error_class},
      {"dm_message", &dm.message},
      {"dm_cause", &dm.raw_cause},
      {"dm_workaround", &dm.workaround}};
  for (const auto& [key, value] : parts) {
    if (!value->empty()) error.With(key, *value);
  }
  return error;
}

Error MakeError(const DmError& dm, std::string_view words) {
  const Meaning meaning = MeaningOf(dm);
  Error error = WithDetails(Error(meaning.code, meaning.reason, "{}", words), dm);
  if (!meaning.remedy.empty()) {
    error.Remedy(meaning.remedy);
  } else if (!dm.workaround.empty()) {
    error.Remedy(dm.workaround);
  }
  return error;
}

std::string WordsOf(const SourceError& error) {
  const std::string at = error.worker.empty() ? "" : " on " + error.worker;
  return fmt::format("source {}{}: {}", error.source, at, WordsOf(error.error));
}

}  // namespace

DmError ParseDmError(std::string_view text) {
  text = text.substr(0, kMaxText);
  DmError error;
  // Some callers of DM write their own words before an error.
  const std::size_t head = text.find(kHead);
  const std::string_view before = head == std::string_view::npos ? "" : text.substr(0, head);
  std::string_view rest = text.substr(before.size());
  if (!TakeHead(&rest, &error)) {
    error.message = CleanLine(text, kMaxPart);
    return error;
  }
  // An error in an error comes with the same words: the first cause and the last workaround are
  // nearest to what has happened.
  const std::string_view cause = CutAt(&rest, rest.find(kRawCause), kRawCause);
  std::string_view* last = cause.empty() ? &rest : nullptr;
  std::string_view cause_rest = cause;
  if (last == nullptr) last = &cause_rest;
  error.workaround = CleanLine(CutAt(last, last->rfind(kWorkaround), kWorkaround), kMaxPart);
  error.raw_cause = CleanLine(cause_rest, kMaxPart);
  if (rest.starts_with(kMessage)) rest.remove_prefix(kMessage.size());
  error.message = CleanLine(std::string(before) + std::string(rest), kMaxPart);
  return error;
}

std::string WordsOf(const DmError& error) {
  std::string words = error.message;
  if (!error.raw_cause.empty()) words += (words.empty() ? "" : ": ") + error.raw_cause;
  if (words.empty()) words = "refused without a reason";
  if (error.code != 0) words += fmt::format(" (DM's code {})", error.code);
  return words;
}

absl::Status StatusOfDm(std::string_view what, const DmError& error) {
  return MakeError(error, fmt::format("{}: {}", what, WordsOf(error)));
}

absl::Status StatusOfDm(std::string_view what, const std::vector<SourceError>& errors) {
  std::vector<std::string> shown;
  std::vector<std::string_view> names;
  for (const SourceError& error : errors) {
    if (shown.size() < kShownSources) shown.push_back(WordsOf(error));
    if (names.size() < kMaxSourceNames) names.push_back(error.source);
  }
  const std::size_t hidden = errors.size() - shown.size();
  if (hidden > 0) shown.push_back(fmt::format("and {} more", hidden));
  return MakeError(errors.empty() ? DmError() : errors.front().error,
                   fmt::format("{}: {}", what, fmt::join(shown, "; ")))
      .With("sources", fmt::format("{}", fmt::join(names, ",")));
}

}  // namespace dmgr::dm
