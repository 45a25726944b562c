#include <algorithm>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {
namespace {

constexpr milliseconds kTimeout{30000};
constexpr std::size_t kShownBytes = 2000;

// On one line, without blank ones.
std::string Words(const std::string& output) {
  std::string words;
  bool gap = false;
  for (char c : output) {
    if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
      gap = true;
      continue;
    }
    if (gap && !words.empty()) words += ' ';
    gap = false;
    words += c;
  }
  return words.substr(0, kShownBytes);
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void DoCheckFile(Context& context, const hv1::CheckFile& request) {
  CheckHash(request.hash());
  CheckPath(request.path());
  // Not the instance's own copy: its folder belongs to the user, who could put anything there.
  const std::string program = request.store_dir() + "/" + request.hash() + "/" + request.program();
  CheckPath(program);
  const Walked store = context.tree.Walk(request.store_dir());
  if (store.end != Walked::End::kThere || !HasRelease(store.dir.get(), request.hash())) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND,
                 request.store_dir() + " has no complete release " + request.hash(), program);
  }
  const FileOwner owner = OwnerOf(context, request.user(), request.group());
  std::vector<std::string> argv = {NameOf(program)};
  argv.insert(argv.end(), request.arguments().begin(), request.arguments().end());
  argv.push_back(context.tree.Real(request.path()));
  ProgramOptions options;
  options.timeout = kTimeout;
  options.path = context.tree.Real(program);
  options.run_as = RunAs{owner.user, owner.group};
  const ProgramResult result = context.programs.Run(context.call, argv, options);
  if (result.exit_status == 0) return;
  const std::string said = result.out + "\n" + result.err;
  Failed failed(hv1::Failure::KIND_PROGRAM,
                argv[0] + " refuses " + request.path() + ": " + Words(said), request.path());
  failed.WithProgram(argv[0], result.exit_status);
  failed.WithOutput(said);
  throw failed;
}

}  // namespace dmgr::far
