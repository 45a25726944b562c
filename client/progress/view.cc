#include "client/progress/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/output/format.h"
#include "client/output/tables.h"
#include "common/steady_time.h"

namespace dmgr::client {
namespace {

constexpr int kBarColumns = 12;
constexpr std::size_t kMaxHostLines = 12;
// Of a title that is cut, so much stays in any case.
constexpr int kLeastTitle = 10;

std::string StateWord(v1::OperationState state) {
  return Word(v1::OperationState_Name(state), "OPERATION_STATE_");
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

double SecondsBetween(const google::protobuf::Timestamp& from,
                      const google::protobuf::Timestamp& to) {
  return from.seconds() == 0 ? 0 : absl::ToDoubleSeconds(ToTime(to) - ToTime(from));
}

bool IsDone(const v1::OperationStep& step) {
  return step.state() == v1::STEP_STATE_SUCCEEDED || step.state() == v1::STEP_STATE_SKIPPED;
}

// What was there already counts as moved once its step is done.
std::uint64_t BytesOf(const v1::OperationStep& step) {
  return IsDone(step) ? step.bytes_total() : std::min(step.bytes_done(), step.bytes_total());
}

std::string HostOf(const v1::OperationStep& step) {
  return step.host().empty() ? "dmgrd" : step.host();
}

// A host at work.
struct HostWork {
  int steps = 0;
  int done = 0;
  int running = 0;
  const v1::OperationStep* first = nullptr;
};

std::string HostLine(const std::string& host, const HostWork& work, int width) {
  const std::string begin = fmt::format("  {:<12} {:>2}/{:<2} ", host, work.done, work.steps);
  std::string end;
  if (work.first->bytes_total() > 0 && work.first->bytes_done() > 0) {
    end += fmt::format("  {} of {}", Bytes(work.first->bytes_done()),
                       Bytes(work.first->bytes_total()));
  }
  if (work.running > 1) end += fmt::format("  (+{} more)", work.running - 1);
  const int room = width - static_cast<int>(begin.size() + end.size());
  return begin + Cut(work.first->title(), std::max(room, kLeastTitle)) + end;
}

}  // namespace

void View::Begin(const v1::Operation& operation) {
  const bool first = operation_.operation_id().empty();
  operation_ = operation;
  index_.clear();
  for (int i = 0; i < operation_.steps_size(); ++i) index_[operation_.steps(i).step_id()] = i;
  if (first) {
    Line(fmt::format("operation {}: {} {}", operation.operation_id(),
                     Word(v1::OperationKind_Name(operation.kind()), "OPERATION_KIND_"),
                     operation.cluster_name()));
  }
  Draw();
}

v1::OperationStep* View::Find(const std::string& step_id) {
  auto it = index_.find(step_id);
  return it == index_.end() ? nullptr : operation_.mutable_steps(it->second);
}

void View::Apply(const v1::OperationEvent& event) {
  operation_.set_last_sequence(event.sequence());
  operation_.set_progress_percent(event.progress_percent());
  if (event.has_operation_state()) {
    operation_.set_state(event.operation_state().state());
    *operation_.mutable_error() = event.operation_state().error();
    if (operation_.state() == v1::OPERATION_STATE_RUNNING) {
      *operation_.mutable_start_time() = event.time();
    }
    *operation_.mutable_end_time() = event.time();
  } else if (event.has_step_state()) {
    ApplyStep(event.step_state(), event.time());
  } else if (event.has_step_progress()) {
    ApplyProgress(event.step_progress(), event.time());
  } else if (event.has_log()) {
    const auto* step = Find(event.log().step_id());
    Line(fmt::format("{:<12} {}: {}", step == nullptr ? "dmgrd" : HostOf(*step),
                     Word(v1::LogLine::Level_Name(event.log().level()), "LEVEL_"),
                     event.log().text()));
  }
  Draw();
}

void View::ApplyStep(const v1::StepStateChanged& change, const google::protobuf::Timestamp& time) {
  auto* step = Find(change.step_id());
  if (step == nullptr) return;
  step->set_state(change.state());
  step->set_attempts(change.attempt());
  switch (change.state()) {
    case v1::STEP_STATE_RUNNING:
      *step->mutable_start_time() = time;
      step->set_bytes_done(0);
      break;
    case v1::STEP_STATE_SUCCEEDED: {
      *step->mutable_end_time() = time;
      const double took = SecondsBetween(step->start_time(), time);
      std::string moved;
      if (step->bytes_done() > 0) moved = ", " + Bytes(step->bytes_done());
      StepLine(*step, fmt::format("done ({:.1f} s{})", took, moved));
      break;
    }
    case v1::STEP_STATE_FAILED: {
      // The rest, such as a log's last lines, is printed once, with the operation's error.
      const std::string& message = change.error().message();
      StepLine(*step, terminal_->Paint(Terminal::kRed, "FAILED") + ": " +
                          message.substr(0, message.find('\n')));
      break;
    }
    case v1::STEP_STATE_UNDONE:
      StepLine(*step, "undone");
      break;
    default:
      break;
  }
}

void View::ApplyProgress(const v1::StepProgress& progress,
                         const google::protobuf::Timestamp& time) {
  auto* step = Find(progress.step_id());
  if (step == nullptr) return;
  if (progress.bytes_done() > step->bytes_done()) {
    // The rate begins where the first bytes do.
    if (moved_ == 0) meter_.Add(ToTime(step->start_time()), 0);
    moved_ += progress.bytes_done() - step->bytes_done();
    meter_.Add(ToTime(time), moved_);
  }
  step->set_bytes_done(progress.bytes_done());
  step->set_bytes_total(progress.bytes_total());
}

void View::Clear() {
  if (terminal_->live()) block_.Clear();
}

void View::Line(const std::string& text) {
  if (terminal_->live()) {
    block_.Above(text, LiveLines());
  } else {
    terminal_->out() << text << "\n" << std::flush;
  }
}

void View::StepLine(const v1::OperationStep& step, const std::string& what) {
  const std::string host = fmt::format("{:<12} ", HostOf(step));
  std::string title = step.title();
  if (terminal_->live()) {
    const int room = terminal_->Width() - 1 - static_cast<int>(host.size() + what.size() + 2);
    // A line that is too long in any case keeps all it says.
    if (room >= kLeastTitle) title = Cut(title, room);
  }
  Line(host + title + ": " + what);
}

// "[######......]  50 %  4/8 steps  30 MiB of 60 MiB  10 MiB/s  3s left"
std::string View::Summary() const {
  std::uint64_t bytes = 0, total = 0;
  int ended = 0;
  for (const auto& step : operation_.steps()) {
    bytes += BytesOf(step);
    total += step.bytes_total();
    if (IsDone(step)) ++ended;
  }
  const double percent = std::clamp(operation_.progress_percent(), 0.0, 100.0);
  const int filled = static_cast<int>(percent / 100 * kBarColumns);
  std::string line = fmt::format("[{:#<{}}{:.<{}}] {:3.0f} %  {}/{} steps", "", filled, "",
                                 kBarColumns - filled, percent, ended, operation_.steps_size());
  if (bytes == 0 || bytes == total) return line + "  " + StateWord(operation_.state());
  line += fmt::format("  {} of {}", Bytes(bytes), Bytes(total));
  const double rate = meter_.BytesPerSecond();
  if (rate >= 1) {
    line += fmt::format("  {}/s  {} left", Bytes(static_cast<std::uint64_t>(rate)),
                        Span(static_cast<std::int64_t>(static_cast<double>(total - bytes) / rate)));
  }
  return line;
}

std::vector<std::string> View::LiveLines() const {
  std::vector<std::string> lines = {Summary()};
  std::vector<std::string> order;
  std::map<std::string, HostWork> hosts;
  for (const auto& step : operation_.steps()) {
    HostWork& work = hosts[HostOf(step)];
    ++work.steps;
    if (IsDone(step)) ++work.done;
    if (step.state() != v1::STEP_STATE_RUNNING) continue;
    if (work.running++ > 0) continue;
    work.first = &step;
    order.push_back(HostOf(step));
  }
  // One row for the summary, one below the block.
  const int rows = std::max(1, terminal_->Height() - 2);
  const std::size_t most = std::min(kMaxHostLines, static_cast<std::size_t>(rows));
  for (const auto& host : order) {
    if (lines.size() == most && order.size() > most) {
      lines.push_back(fmt::format("  ... and {} more hosts", order.size() + 1 - most));
      break;
    }
    lines.push_back(HostLine(host, hosts.at(host), terminal_->Width() - 1));
  }
  return lines;
}

void View::Draw() {
  if (!terminal_->live()) return;
  shown_ = SteadyNow() >= next_draw_;
  if (!shown_) return;
  next_draw_ = SteadyNow() + pause_;
  block_.Draw(LiveLines());
}

void View::Tick() {
  if (!shown_ || terminal_->Resized()) Draw();
}

void View::End() {
  Clear();
  const double took = SecondsBetween(operation_.start_time(), operation_.end_time());
  const std::string text = fmt::format("operation {}: {} after {:.1f} s", operation_.operation_id(),
                                       StateWord(operation_.state()), took);
  (terminal_->live() ? terminal_->err() : terminal_->out())
      << SkippedText(operation_) << text << "\n"
      << std::flush;
}

}  // namespace dmgr::client
