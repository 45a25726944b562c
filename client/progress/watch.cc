#include "client/progress/watch.h"

#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "client/output/format.h"
#include "client/output/next_actions.h"
#include "client/output/prefixed.h"
#include "client/output/tables.h"
#include "client/progress/outage.h"
#include "client/progress/view.h"
#include "common/steady_time.h"
#include "dmgr/v1/operation_service.grpc.pb.h"

namespace dmgr::client {
namespace {

// A live view is drawn at most so often: a slow line is to show the newest.
constexpr absl::Duration kFrame = absl::Milliseconds(80);

// The handler may run in another thread than the one that looks.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);
void OnInterrupt(int /*signal*/) { interrupted = true; }

// Nobody wants to watch any more.
bool IsOver(absl::Time until) { return interrupted || SteadyNow() >= until; }

// While a call waits for events: turns Ctrl-C and the end of the time into its end, and lets the
// view's time go by.
class Attendant {
 public:
  Attendant(grpc::ClientContext* context, View* view, absl::Time until)
      : thread_([this, context, view, until] {
          std::unique_lock<std::mutex> lock(mutex_);
          while (!wake_.wait_for(lock, std::chrono::milliseconds(50), [this] { return done_; })) {
            if (IsOver(until)) return context->TryCancel();
            view->Tick();
          }
        }) {}
  ~Attendant() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Attendant(const Attendant&) = delete;
  Attendant& operator=(const Attendant&) = delete;

  // Held by whoever uses the view.
  std::mutex& mutex() { return mutex_; }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

// One stream, until it ends; counts `after` up and keeps the operation's state.
absl::Status ReadStream(Environment& environment, const std::string& operation_id, absl::Time until,
                        std::uint64_t* after, v1::OperationState* state, View* view) {
  Connection& connection = environment.connection();
  grpc::ClientContext context;
  connection.Prepare(&context, absl::InfiniteDuration());
  Attendant attendant(&context, view, until);
  v1::WatchOperationRequest request;
  request.set_operation_id(operation_id);
  request.set_after_sequence(*after);
  v1::OperationService::Stub stub(connection.channel());
  auto reader = stub.WatchOperation(&context, request);
  v1::WatchOperationResponse message;
  while (reader->Read(&message)) {
    MakeHarmless(&message);
    std::lock_guard<std::mutex> lock(attendant.mutex());
    if (environment.structured()) environment.PrintEvent(message);
    if (message.has_operation()) {
      // A watch from the beginning replays every step: the picture begins with none done.
      v1::Operation operation = message.operation();
      if (*after == 0) {
        for (auto& step : *operation.mutable_steps()) {
          step.set_state(v1::STEP_STATE_PENDING);
          step.set_bytes_done(0);
        }
        operation.set_progress_percent(0);
      }
      *state = operation.state();
      if (!environment.structured()) view->Begin(operation);
    } else {
      *after = message.event().sequence();
      if (message.event().has_operation_state()) *state = message.event().operation_state().state();
      if (!environment.structured()) view->Apply(message.event());
    }
  }
  return connection.Explain(reader->Finish());
}

// "to go on:    " before the command that does.
std::string LabelOf(v1::Action action) {
  switch (action) {
    case v1::ACTION_GET_OPERATION:
      return "its steps:";
    case v1::ACTION_RESUME_OPERATION:
      return "to go on:";
    case v1::ACTION_ROLLBACK_OPERATION:
      return "to undo it:";
    case v1::ACTION_ABANDON_OPERATION:
      return "to leave it:";
    default:
      return "next:";
  }
}

// What failed, and what dmgrd says can be done with the operation as it stands.
void PrintNext(Environment& environment, const v1::Operation& watched) {
  Terminal* terminal = environment.terminal;
  if (watched.state() == v1::OPERATION_STATE_FAILED) {
    PrintError(terminal, FromProto(watched.error()));
  }
  const std::string& id = watched.operation_id();
  terminal->err() << fmt::format(
      "{:<13}{}\n", LabelOf(v1::ACTION_GET_OPERATION),
      CommandOf(MakeNextAction(v1::ACTION_GET_OPERATION, {{"operation_id", id}})));
  v1::GetOperationRequest request;
  request.set_operation_id(id);
  const auto now = environment.Call<v1::GetOperationResponse>(request);
  if (!now.ok()) return;
  for (const auto& action : now->operation().next_actions()) {
    const std::string command = CommandOf(action);
    if (command.empty() || action.action() == v1::ACTION_GET_OPERATION) continue;
    terminal->err() << fmt::format("{:<13}{}\n", LabelOf(action.action()), command);
  }
}

}  // namespace

absl::StatusOr<ExitCode> Watch(Environment& environment, const std::string& operation_id,
                               std::uint64_t after_sequence, v1::OperationState wanted,
                               absl::Time until) {
  interrupted = false;
  auto* previous = std::signal(SIGINT, OnInterrupt);
  Terminal& terminal = *environment.terminal;
  View view(&terminal, kFrame);
  std::uint64_t after = after_sequence;
  v1::OperationState state = v1::OPERATION_STATE_UNSPECIFIED;
  Outage outage(&terminal);
  absl::Status status;
  while (true) {
    const std::uint64_t before = after;
    status = ReadStream(environment, operation_id, until, &after, &state, &view);
    if (IsOver(until) || !absl::IsUnavailable(status)) break;
    if (after != before) outage.Over();
    view.Clear();
    if (!outage.Wait(status, "the operation is safe")) break;
  }
  std::signal(SIGINT, previous);
  view.Clear();
  // What ended in the last moment has ended.
  const bool is_left = interrupted || absl::IsCancelled(status);
  if (is_left) {
    terminal.err() << (interrupted ? "\nno longer watching" : "it has not ended in time")
                   << "; the operation goes on. To see it again:\n"
                   << "  dmgrctl operation watch " << ShellQuoted(operation_id) << "\n";
    return interrupted ? kInterrupted : kFailed;
  }
  RETURN_IF_ERROR(status);
  if (!environment.structured()) view.End();
  if (state == wanted) return kDone;
  if (!environment.structured()) PrintNext(environment, view.operation());
  return kFailed;
}

std::string PlanText(const v1::Operation& operation) {
  std::vector<std::vector<std::string>> rows = {{"STEP", "WHAT", "BYTES", "AFTER"}};
  for (const auto& step : operation.steps()) {
    std::string after = fmt::format("{}", fmt::join(step.depends_on(), ", "));
    if (step.depends_on_size() > 2) after = fmt::format("{} steps", step.depends_on_size());
    rows.push_back({step.step_id(),
                    step.title() + (step.point_of_no_return() ? " (point of no return)" : ""),
                    step.bytes_total() == 0 ? "-" : Bytes(step.bytes_total()), after});
  }
  return fmt::format("plan: {} {}, {} steps; nothing was changed\n",
                     Word(v1::OperationKind_Name(operation.kind()), "OPERATION_KIND_"),
                     operation.cluster_name(), operation.steps_size()) +
         SkippedText(operation) + Table(rows) + DifferencesText(operation);
}

}  // namespace dmgr::client
