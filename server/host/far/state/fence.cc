#include "server/host/far/state/fence.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "server/host/far/base/failure.h"
#include "server/host/far/base/programs.h"
#include "server/host/far/state/cluster_record.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/processes.h"

namespace dmgr::far {
namespace {

constexpr char kFenceDir[] = "/var/lib/dmgr/fence";
constexpr milliseconds kKillTimeout{10000};
constexpr milliseconds kKillPoll{10};
// For account programs to be done.
constexpr milliseconds kPatience{5000};
// For one that begins at the same time to be done with it.
constexpr milliseconds kTurnTimeout{2000};
constexpr std::size_t kMaxOwnerRecord = 4096;
// Whose fences are kept: none of their dmgrd can be so late that it would come after as many
// others.
constexpr std::size_t kMaxGone = 32;

// A far end that was here.
struct Record {
  std::uint64_t epoch = 0;
  std::uint64_t start_number = 0;
  pid_t pid = 0;
  std::uint64_t start_time = 0;
  std::string boot;

  bool NewerThan(const hv1::Begin& begin) const {
    return std::tuple(epoch, start_number) > std::tuple(begin.epoch(), begin.start_number());
  }
};

std::string RecordText(const Record& record) {
  return "epoch " + std::to_string(record.epoch) + "\nstart_number " +
         std::to_string(record.start_number) + "\npid " + std::to_string(record.pid) +
         "\nstart_time " + std::to_string(record.start_time) + "\nboot " + record.boot + "\n";
}

std::optional<Record> ParseRecord(const std::string& text) {
  Record record;
  char boot[64] = "";
  unsigned long long epoch = 0;
  unsigned long long start_number = 0;
  unsigned long long start_time = 0;
  const int fields =
      std::sscanf(text.c_str(), "epoch %llu\nstart_number %llu\npid %d\nstart_time %llu\nboot %63s",
                  &epoch, &start_number, &record.pid, &start_time, boot);
  if (fields != 5) return std::nullopt;
  record.epoch = epoch;
  record.start_number = start_number;
  record.start_time = start_time;
  record.boot = boot;
  return record;
}

// Records have no suffix.
bool IsRecordName(const std::string& name) { return name.find('.') == std::string::npos; }

struct Member {
  std::uint64_t start_time = 0;
  bool to_be_done = false;
};
using Family = std::map<pid_t, Member>;

// Adds the processes of the far end's session and what it and they started. What an account program
// started belongs to its work.
void AddFamily(const Record& record, Family* family) {
  const std::vector<Process> all = AllProcesses();
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& process : all) {
      if (process.pid == getpid()) continue;
      const auto parent = family->find(process.parent);
      if (process.session != record.pid && parent == family->end()) continue;
      const bool to_be_done =
          IsAccountProgram(process.name) || (parent != family->end() && parent->second.to_be_done);
      Member& member = (*family)[process.pid];
      if (member.start_time != process.start_time) {
        member = Member{process.start_time, to_be_done};
        grown = true;
      } else if (to_be_done && !member.to_be_done) {
        member.to_be_done = true;
        grown = true;
      }
    }
  }
}

class Ender {
 public:
  Ender(const Call* call, const Record& record) : call_(call), record_(record) {}

  // Kills it and its children, and waits until they are gone.
  void Run() {
    if (record_.boot != BootId() || record_.pid <= 1) return;
    const Process now = FindProcess(record_.pid);
    // The number belongs to another process now, and so does a session of that number.
    if (now.pid != 0 && now.start_time != record_.start_time) return;
    if (now.pid != 0) {
      const std::string program = ProgramName(record_.pid);
      if (!program.empty() && program.rfind("dmgr-host", 0) != 0) return;
      family_.emplace(record_.pid, Member{record_.start_time, false});
    }
    const auto patience = Clock::now() + kPatience;
    const auto deadline = Clock::now() + kKillTimeout;
    while (true) {
      AddFamily(record_, &family_);
      if (!KillAll(/*patient=*/Clock::now() < patience)) return;
      if (Clock::now() >= deadline) ThrowStuck();
      call_->Sleep(kKillPoll);
    }
  }

 private:
  // False when none is left. patient: but for account programs.
  bool KillAll(bool patient) {
    bool any = false;
    // First the far end itself, so that it starts nothing new.
    if (IsAlive(record_.pid, record_.start_time)) kill(record_.pid, SIGKILL);
    for (const auto& [pid, member] : family_) {
      if (!IsAlive(pid, member.start_time)) continue;
      any = true;
      if (!patient || !member.to_be_done) kill(pid, SIGKILL);
    }
    return any;
  }

  [[noreturn]] void ThrowStuck() const {
    std::string names;
    for (const auto& [pid, member] : family_) {
      if (!IsAlive(pid, member.start_time)) continue;
      const Process process = FindProcess(pid);
      names += (names.empty() ? "" : ", ") + process.name + " (pid " + std::to_string(pid) +
               ", state " + std::string(1, process.state) + ")";
    }
    throw Failed(hv1::Failure::KIND_PREDECESSOR_STUCK,
                 "an older far end of this cluster does not end although it was killed: " + names);
  }

  const Call* const call_;
  const Record& record_;
  Family family_;
};

class Fence {
 public:
  Fence(Context* context, const hv1::Begin& begin)
      : context_(*context), begin_(begin), dir_(MakeRootDir(context->tree, kFenceDir, 0700)) {}

  Fd Take() {
    const Fd turn = TakeTurn();
    if (const auto last = Read(begin_.cluster_uuid())) {
      Check(*last);
      Ender(&context_.call, *last).Run();
    }
    Fd alive = Lock(begin_.cluster_uuid() + ".alive", kKillTimeout);
    if (!alive.ok()) {
      throw Failed(hv1::Failure::KIND_PREDECESSOR_STUCK,
                   "another far end of this cluster lives and is not in the record; end it: "
                   "fuser " +
                       PathOf(begin_.cluster_uuid() + ".alive"));
    }
    Write(begin_.cluster_uuid());
    return alive;
  }

 private:
  static std::string PathOf(const std::string& name) { return std::string(kFenceDir) + "/" + name; }
  Entry EntryOf(const std::string& name) const {
    return Entry{Fd(fcntl(dir_.get(), F_DUPFD_CLOEXEC, 3)), name, PathOf(name)};
  }

  // One that was removed meanwhile is not what the next one would lock.
  Fd Lock(const std::string& name, milliseconds timeout) const {
    while (true) {
      Fd lock = LockFile(context_.call, dir_.get(), name, timeout);
      struct stat info = {};
      if (!lock.ok() || (fstat(lock.get(), &info) == 0 && info.st_nlink > 0)) return lock;
    }
  }

  void Check(const Record& record) const {
    if (!record.NewerThan(begin_)) return;
    throw Failed(
        hv1::Failure::KIND_STALE_EPOCH,
        "a newer far end of this cluster has been here: epoch " + std::to_string(record.epoch) +
            " start " + std::to_string(record.start_number) + ", this one has " +
            std::to_string(begin_.epoch()) + " start " + std::to_string(begin_.start_number()));
  }

  // One at a time begins. One that holds its turn too long is ended, if it is not a newer one.
  Fd TakeTurn() {
    const std::string name = begin_.cluster_uuid() + ".turn";
    Fd turn = Lock(name, kTurnTimeout);
    if (!turn.ok()) {
      if (const auto holder = Read(begin_.cluster_uuid() + ".begins")) {
        Check(*holder);
        Ender(&context_.call, *holder).Run();
      }
      turn = Lock(name, kKillTimeout);
    }
    if (!turn.ok()) {
      throw Failed(
          hv1::Failure::KIND_PREDECESSOR_STUCK,
          "another far end of this cluster begins and does not end; end it: fuser " + PathOf(name));
    }
    Write(begin_.cluster_uuid() + ".begins");
    return turn;
  }

  std::optional<Record> Read(const std::string& name) const {
    const Entry entry = EntryOf(name);
    const auto text = ReadFile(entry, kMaxOwnerRecord);
    if (!text.has_value()) return std::nullopt;
    const auto record = ParseRecord(*text);
    if (!record.has_value()) throw SystemFailure("cannot understand", entry.path, EIO);
    return record;
  }

  void Write(const std::string& name) {
    Record record;
    record.epoch = begin_.epoch();
    record.start_number = begin_.start_number();
    record.pid = getpid();
    record.start_time = FindProcess(record.pid).start_time;
    record.boot = BootId();
    // Only who has the turn writes: the name may be the same each time.
    Session session;
    session.begin = begin_;
    const Entry entry = EntryOf(name);
    RemoveTemporaries(session, entry.dir.get(), kFenceDir);
    WriteFile(session, entry, RecordText(record), 0600, context_.tree.root());
    SyncDir(entry.dir.get(), kFenceDir);
  }

  Context& context_;
  const hv1::Begin& begin_;
  const Fd dir_;
};

// When a far end of the cluster began here last; the name of its record is the cluster's.
struct Gone {
  time_t last = 0;
  std::string cluster;
};

// Clusters without a record on the host, newest first, but for the one that leaves.
std::vector<Gone> GoneClusters(const Context& context, int dir) {
  std::map<std::string, time_t> last;
  for (const auto& name : List(dir, kFenceDir)) {
    struct stat info = {};
    if (fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    time_t& newest = last[name.substr(0, name.find('.'))];
    newest = std::max(newest, info.st_mtime);
  }
  std::vector<Gone> gone;
  for (const auto& [cluster, time] : last) {
    const auto record = context.tree.FindEntry(ClusterRecordPath(cluster));
    const bool is_there = record.has_value() && record->Stat().has_value();
    if (!is_there && cluster != context.session.cluster()) gone.push_back({time, cluster});
  }
  std::sort(gone.begin(), gone.end(), [](const Gone& a, const Gone& b) { return a.last > b.last; });
  return gone;
}

}  // namespace

void ForgetOldFences(const Context& context) {
  const Walked walked = context.tree.Walk(kFenceDir);
  if (walked.end != Walked::End::kThere) return;
  const int dir = walked.dir.get();
  const std::vector<Gone> gone = GoneClusters(context, dir);
  for (std::size_t i = kMaxGone; i < gone.size(); ++i) {
    const std::string& cluster = gone[i].cluster;
    const Fd turn = LockFile(context.call, dir, cluster + ".turn", milliseconds(0));
    const Fd alive = LockFile(context.call, dir, cluster + ".alive", milliseconds(0));
    // One lives, or begins.
    if (!turn.ok() || !alive.ok()) continue;
    for (const char* suffix : {"", ".begins", ".alive", ".turn"}) {
      unlinkat(dir, (cluster + suffix).c_str(), 0);
    }
  }
  SyncDir(dir, kFenceDir);
}

Fd TakeFence(Context& context, const hv1::Begin& begin) { return Fence(&context, begin).Take(); }

std::uint64_t HighestEpoch(const Tree& tree) {
  Walked walked = tree.Walk(kFenceDir);
  if (walked.end != Walked::End::kThere) return 0;
  std::uint64_t highest = 0;
  for (const auto& name : List(walked.dir.get(), kFenceDir)) {
    if (!IsRecordName(name)) continue;
    const Entry entry{Fd(fcntl(walked.dir.get(), F_DUPFD_CLOEXEC, 3)), name,
                      std::string(kFenceDir) + "/" + name};
    const auto text = ReadFile(entry, kMaxOwnerRecord);
    const auto record = text.has_value() ? ParseRecord(*text) : std::nullopt;
    if (record.has_value()) highest = std::max(highest, record->epoch);
  }
  return highest;
}

}  // namespace dmgr::far
