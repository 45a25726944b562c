// A dmgrd that asks for whatever it likes, of a far end whose host is an empty directory.
//
// In the fuzzer's own process: what starts programs, reaches the network, waits for more, or ends
// processes is left out, and the process is nobody's before the first request.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "server/host/far/dispatch.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

namespace fs = std::filesystem;
namespace hv1 = far::hv1;
using hv1::ToHost;

constexpr char kCluster[] = "0a0a0a0a-0000-4000-8000-00000000000a";
constexpr uid_t kNobody = 65534;

// What goes wrong here must not be able to harm the machine.
void BecomeNobody() {
  if (geteuid() != 0) return;
  Must(unshare(CLONE_NEWNET) == 0 && setgroups(0, nullptr) == 0 &&
           setresgid(kNobody, kNobody, kNobody) == 0 && setresuid(kNobody, kNobody, kNobody) == 0,
       "cannot become nobody");
  // LeakSanitizer looks at its own process.
  prctl(PR_SET_DUMPABLE, 1);
}

bool IsTried(const ToHost& request) {
  switch (request.body_case()) {
    case ToHost::kReachPorts:
    case ToHost::kRunProgram:
    case ToHost::kStreamLogs:
    case ToHost::kReceiveRelease:
    case ToHost::kStoreFile:
      return false;
    case ToHost::kBegin:
      return request.begin().mode() != hv1::Begin::MODE_CHANGE;
    case ToHost::kBatch:
      for (const auto& part : request.batch().requests()) {
        if (!IsTried(part)) return false;
      }
      return true;
    default:
      return true;
  }
}

// A host of its own for one input.
class Host {
 public:
  Host() : dir_((fs::temp_directory_path() / "dmgr-fuzz-XXXXXX").string()) {
    Must(mkdtemp(dir_.data()) != nullptr, "no directory");
    for (const char* dir : {"/etc", "/var/lib/dmgr", "/dm/a"}) fs::create_directories(dir_ + dir);
  }
  ~Host() {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const std::string& dir() const { return dir_; }

 private:
  std::string dir_;
};

void Begin(unsigned mode, far::Session* session) {
  session->begin.emplace();
  session->begin->set_mode(mode % 2 == 0 ? hv1::Begin::MODE_CHANGE : hv1::Begin::MODE_READ);
  session->begin->set_cluster_uuid(kCluster);
  session->begin->set_epoch(7);
  session->begin->set_start_number(1);
}

}  // namespace

void FuzzFar(std::string_view input) {
  static const bool kIsNobody = (BecomeNobody(), true);
  (void)kIsNobody;
  static auto* const kOutput = new far::Output(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const unsigned mode = TakeByte(&input);
  ToHost request;
  if (!request.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  if (!IsTried(request)) return;
  const Host host;
  const far::Tree tree(host.dir());
  far::Programs programs(&tree);
  far::ChunkQueue chunks;
  far::Session session;
  if (mode % 4 != 3) Begin(mode, &session);
  // Twice: a step may be run again.
  for (int turn = 0; turn < 2; ++turn) {
    far::Call call(request.id(), kOutput, &chunks);
    far::Context context{tree, programs, session, call};
    const hv1::FromHost reply = far::Answer(context, request);
    Must(reply.id() == request.id(), "an answer to another request");
    Must(reply.body_case() != hv1::FromHost::BODY_NOT_SET, "an answer that says nothing");
    hv1::FromHost same;
    Must(same.ParseFromString(reply.SerializeAsString()), "an answer that cannot be read");
  }
}

}  // namespace dmgr::fuzz
