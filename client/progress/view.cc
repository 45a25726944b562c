#include "client/progress/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/output/format.h"

namespace dmgr::client {
namespace {

constexpr int kBarColumns = 24;
constexpr int kMaxHostLines = 12;

std::string StateWord(v1::OperationState state) {
  return Word(v1::OperationState_Name(state), "OPERATION_STATE_");
}

double Seconds(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  if (from.seconds() == 0) return 0;
  return static_cast<double>(to.seconds() - from.seconds()) +
         static_cast<double>(to.nanos() - from.nanos()) / 1e9;
}

// Share of the steps that have ended, those that move bytes by their bytes.
double Share(const v1::Operation& operation) {
  if (operation.steps_size() == 0) return 0;
  double done = 0;
  for (const auto& step : operation.steps()) {
    if (step.state() == v1::STEP_STATE_SUCCEEDED || step.state() == v1::STEP_STATE_SKIPPED) {
      done += 1;
    } else if (step.bytes_total() > 0) {
      done += std::min(
          1.0, static_cast<double>(step.bytes_done()) / static_cast<double>(step.bytes_total()));
    }
  }
  return done / operation.steps_size();
}

std::string Cut(const std::string& text, int columns) {
  const auto limit = static_cast<std::size_t>(std::max(columns, 10));
  return text.size() <= limit ? text : text.substr(0, limit - 3) + "...";
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

std::string View::Label(const v1::OperationStep& step) const {
  return fmt::format("{:<12} {}", step.host().empty() ? "dmgrd" : step.host(), step.title());
}

void View::Apply(const v1::OperationEvent& event) {
  operation_.set_last_sequence(event.sequence());
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
    if (auto* step = Find(event.step_progress().step_id())) {
      step->set_bytes_done(event.step_progress().bytes_done());
      step->set_bytes_total(event.step_progress().bytes_total());
    }
  } else if (event.has_log()) {
    const auto* step = Find(event.log().step_id());
    const std::string host = step == nullptr || step->host().empty() ? "dmgrd" : step->host();
    Line(fmt::format("{:<12} {}: {}", host,
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
      const double took = Seconds(step->start_time(), time);
      std::string moved;
      if (step->bytes_done() > 0) moved = ", " + Bytes(step->bytes_done());
      Line(fmt::format("{}: done ({:.1f} s{})", Label(*step), took, moved));
      break;
    }
    case v1::STEP_STATE_FAILED:
      Line(fmt::format("{}: FAILED: {}", Label(*step), change.error().message()));
      break;
    default:
      break;
  }
}

void View::Clear() {
  if (drawn_lines_ == 0) return;
  // Up to the first line of the block, then clear to the end of the screen.
  terminal_->err() << fmt::format("\x1b[{}F\x1b[J", drawn_lines_) << std::flush;
  drawn_lines_ = 0;
}

void View::Line(const std::string& text) {
  Clear();
  (terminal_->live() ? terminal_->err() : terminal_->out()) << text << "\n" << std::flush;
}

std::vector<std::string> View::LiveLines() const {
  const double share = Share(operation_);
  const int filled = static_cast<int>(share * kBarColumns);
  std::vector<std::string> lines = {fmt::format("[{:#<{}}{:.<{}}] {:3.0f} %  {}", "", filled, "",
                                                kBarColumns - filled, share * 100,
                                                StateWord(operation_.state()))};
  for (const auto& step : operation_.steps()) {
    if (step.state() != v1::STEP_STATE_RUNNING) continue;
    std::string line = "  " + Label(step);
    if (step.bytes_total() > 0 && step.bytes_done() > 0) {
      line += fmt::format("  {} of {}", Bytes(step.bytes_done()), Bytes(step.bytes_total()));
    }
    if (static_cast<int>(lines.size()) > kMaxHostLines) {
      lines.emplace_back("  ...");
      break;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

void View::Draw() {
  if (!terminal_->live()) return;
  Clear();
  const int columns = terminal_->Width() - 1;
  for (const auto& line : LiveLines()) {
    terminal_->err() << Cut(line, columns) << "\n";
    ++drawn_lines_;
  }
  terminal_->err() << std::flush;
}

void View::End() {
  Clear();
  const double took = Seconds(operation_.start_time(), operation_.end_time());
  Line(fmt::format("operation {}: {} after {:.1f} s", operation_.operation_id(),
                   StateWord(operation_.state()), took));
}

}  // namespace dmgr::client
