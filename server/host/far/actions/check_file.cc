#include <algorithm>
#include <string>
#include <vector>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/state/release_store.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {
namespace {

constexpr milliseconds kTimeout{30000};
// The error of a call takes about so much.
constexpr std::size_t kShownBytes = 900;
constexpr std::size_t kLineBytes = 300;

std::string Trimmed(const std::string& line) {
  constexpr char kBlank[] = " \t\r";
  const auto begin = line.find_first_not_of(kBlank);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlank) + 1 - begin);
}

// Says only what is looked at, or what is right.
bool IsProgress(const std::string& line) {
  return line.rfind("Checking ", 0) == 0 || line.rfind("SUCCESS", 0) == 0 ||
         line.rfind("Found:", 0) == 0 || line.rfind("- ", 0) == 0 || line == "FAILED:" ||
         line.find("failed to validate ") != std::string::npos;
}

// What is wrong, each once: behind the first, which is the reason, the others on lines of their
// own. All that was said when none of it seems to be wrong.
std::string Wrongs(const std::string& output) {
  constexpr char kFailed[] = "FAILED: ";
  std::vector<std::string> all;
  std::vector<std::string> wrong;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    std::string line = Trimmed(output.substr(at, end - at)).substr(0, kLineBytes);
    at = end + 1;
    if (line.rfind(kFailed, 0) == 0) line.erase(0, sizeof(kFailed) - 1);
    if (line.empty() || std::find(all.begin(), all.end(), line) != all.end()) continue;
    all.push_back(line);
    if (!IsProgress(line)) wrong.push_back(std::move(line));
  }
  std::string words;
  for (const auto& line : wrong.empty() ? all : wrong) {
    if (words.size() + line.size() > kShownBytes) return words + "\n  ...";
    words += (words.empty() ? "" : "\n  ") + line;
  }
  return words;
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
                argv[0] + " refuses " + request.path() + ": " + Wrongs(said), request.path());
  failed.WithProgram(argv[0], result.exit_status);
  failed.WithOutput(said);
  throw failed;
}

}  // namespace dmgr::far
