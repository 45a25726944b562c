#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <memory>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/journal_entries.h"
#include "server/host/far/system/log_file.h"

namespace dmgr::far {
namespace {

constexpr int kMaxSources = 1000;
constexpr std::size_t kBatch = 32U << 10;
// Of the last lines of a source, which are kept until all is known.
constexpr std::size_t kMaxKept = 4U << 20;
constexpr milliseconds kLook{200};
// A follower ends when it is told to.
constexpr milliseconds kNoLimit = std::chrono::hours(24 * 3650);

// From the lines of one source to what is sent of them.
class LineStream {
 public:
  LineStream(Call* call, std::uint32_t source, const re2::RE2* pattern, std::uint64_t last)
      : call_(call), source_(source), pattern_(pattern), last_(last) {}

  void Take(std::string_view line) {
    if (pattern_ != nullptr &&
        !re2::RE2::PartialMatch(re2::StringPiece(line.data(), line.size() - 1), *pattern_)) {
      return;
    }
    if (last_ == 0) return Send(line);
    kept_.emplace_back(line);
    kept_bytes_ += line.size();
    while (kept_.size() > last_ || (kept_bytes_ > kMaxKept && kept_.size() > 1)) {
      kept_bytes_ -= kept_.front().size();
      kept_.pop_front();
    }
  }
  // What was kept goes, and from now on each line goes at once.
  void LetGo() {
    last_ = 0;
    for (const auto& line : kept_) Send(line);
    kept_.clear();
    Flush();
  }
  void Flush() {
    call_->Stream(source_, batch_);
    batch_.clear();
  }

 private:
  void Send(std::string_view line) {
    batch_ += line;
    if (batch_.size() >= kBatch) Flush();
  }

  Call* const call_;
  const std::uint32_t source_;
  const re2::RE2* const pattern_;
  // So many lines are kept at most; 0: none.
  std::uint64_t last_;
  std::deque<std::string> kept_;
  std::size_t kept_bytes_ = 0;
  std::string batch_;
};

class LogReader {
 public:
  LogReader(Context* context, const hv1::StreamLogs& request);
  void Run();

 private:
  struct File {
    LogFile file;
    LineStream* lines;
  };

  void ReadFiles();
  void FollowFiles();
  // Has journalctl say what there is, or go on after that.
  void ReadJournal(bool follow);
  void TakeEntry(const JournalEntry& entry);

  Context& context_;
  const hv1::StreamLogs& request_;
  std::unique_ptr<re2::RE2> pattern_;
  std::vector<std::unique_ptr<LineStream>> streams_;
  std::vector<File> files_;
  std::vector<std::string> units_;
  std::vector<LineStream*> of_units_;
  std::string cursor_;
};

LogReader::LogReader(Context* context, const hv1::StreamLogs& request)
    : context_(*context), request_(request) {
  if (request.sources_size() > kMaxSources) throw BadRequest("too many logs at once");
  if (!request.pattern().empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    pattern_ = std::make_unique<re2::RE2>(request.pattern(), options);
    if (!pattern_->ok()) throw BadRequest("not a pattern: " + pattern_->error());
  }
  for (int i = 0; i < request.sources_size(); ++i) {
    const auto& source = request.sources(i);
    // Of a file without a pattern the last lines are found from its end.
    const bool keep = source.has_unit() || pattern_ != nullptr;
    streams_.push_back(std::make_unique<LineStream>(&context_.call, static_cast<std::uint32_t>(i),
                                                    pattern_.get(),
                                                    keep ? request.tail_lines() : 0));
    if (source.has_unit()) {
      CheckUnit(source.unit());
      units_.push_back(source.unit());
      of_units_.push_back(streams_.back().get());
    } else {
      files_.push_back({LogFile(&context_.tree, source.path()), streams_.back().get()});
    }
  }
  if (!context_.programs.Has("journalctl")) units_.clear();
}

void LogReader::ReadFiles() {
  for (auto& [file, lines] : files_) {
    const auto take = [stream = lines](std::string_view line) { stream->Take(line); };
    file.Begin(context_.call, request_.since_ms(), pattern_ == nullptr ? request_.tail_lines() : 0);
    file.Read(context_.call, take);
    if (!request_.follow()) file.Finish(take);
    lines->LetGo();
  }
}

void LogReader::FollowFiles() {
  for (auto& [file, lines] : files_) {
    file.Follow(context_.call, [stream = lines](std::string_view line) { stream->Take(line); });
    lines->Flush();
  }
}

void LogReader::TakeEntry(const JournalEntry& entry) {
  cursor_ = entry.cursor;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (units_[i] != entry.about_unit && units_[i] != entry.from_unit) continue;
    const std::string text = entry.Text();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at) + 1;
      of_units_[i]->Take(std::string_view(text).substr(at, end - at));
      at = end;
    }
    return;
  }
}

void LogReader::ReadJournal(bool follow) {
  std::vector<std::string> words = JournalWords(units_);
  if (follow) words.emplace_back("-f");
  if (follow && !cursor_.empty()) {
    words.push_back("--after-cursor=" + cursor_);
  } else if (!follow && request_.since_ms() != 0) {
    words.push_back("--since=@" + std::to_string(request_.since_ms() / 1000));
  }
  // All that is new, or all that there is: of which the last lines are kept.
  words.emplace_back("-n");
  words.emplace_back(follow && cursor_.empty() ? "0" : "all");
  JournalParser parser;
  Listener listener;
  listener.take = [&](int output, std::string_view data) {
    if (output == 1) parser.Feed(data, [this](const JournalEntry& entry) { TakeEntry(entry); });
  };
  if (follow) {
    listener.tick_every = kLook;
    listener.tick = [this] {
      for (auto* lines : of_units_) lines->Flush();
      FollowFiles();
    };
  }
  ProgramOptions options;
  options.timeout = kNoLimit;
  context_.programs.Follow(context_.call, words, options, listener);
}

void LogReader::Run() {
  ReadFiles();
  if (!units_.empty()) ReadJournal(/*follow=*/false);
  for (auto* lines : of_units_) lines->LetGo();
  if (!request_.follow()) return;
  while (true) {
    // It ends when its journal is rotated away under it, too.
    if (!units_.empty()) ReadJournal(/*follow=*/true);
    context_.call.Sleep(kLook);
    FollowFiles();
  }
}

}  // namespace

void DoStreamLogs(Context& context, const hv1::StreamLogs& request) {
  LogReader(&context, request).Run();
}

}  // namespace dmgr::far
