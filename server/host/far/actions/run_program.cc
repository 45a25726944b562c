#include <sys/stat.h>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/accounts.h"

namespace dmgr::far {
namespace {

constexpr const char* kByHandPath[] = {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                       "/usr/bin/",        "/sbin/",          "/bin/"};

// The path of a program by its name; empty when there is none.
std::string Located(const Tree& tree, const std::string& name) {
  for (const char* dir : kByHandPath) {
    const std::string path = tree.Real(dir + name);
    struct stat info = {};
    if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0) {
      return path;
    }
  }
  return {};
}

ProgramOptions OptionsFor(Context& context, const hv1::RunProgram& request) {
  const User user = GetUser(context, request.user());
  if (context.tree.login() != nullptr && user.id != context.tree.root().user) {
    throw BadRequest("without root nothing runs as " + user.name);
  }
  ProgramOptions options;
  options.timeout = milliseconds(request.timeout_ms());
  options.run_as = RunAs{user.id, user.group, GroupsOf(context.tree, user.name)};
  options.directory = context.tree.Real(user.home.empty() ? "/" : user.home);
  options.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         "HOME=" + user.home,
                         "USER=" + user.name,
                         "LOGNAME=" + user.name,
                         "SHELL=/bin/sh",
                         "LANG=C.UTF-8"};
  const std::string& name = request.arguments(0);
  if (name.find('/') == std::string::npos) {
    options.path = Located(context.tree, name);
  } else {
    options.path = name.front() == '/' ? context.tree.Real(name) : name;
  }
  if (options.path.empty()) {
    throw Failed(hv1::Failure::KIND_NOT_FOUND, "the host has no program " + name, name);
  }
  return options;
}

}  // namespace

hv1::ProgramEnded DoRunProgram(Context& context, const hv1::RunProgram& request) {
  const std::vector<std::string> words(request.arguments().begin(), request.arguments().end());
  if (words.empty() || words[0].empty()) throw BadRequest("no program is named");
  for (const auto& word : words) {
    if (word.find('\0') != std::string::npos) throw BadRequest("an argument has a zero byte");
  }
  Call& call = context.call;
  Listener listener;
  listener.take = [&](int output, std::string_view data) {
    call.Stream(static_cast<std::uint32_t>(output), data);
  };
  listener.room = [&] { return call.Room(); };
  const ProgramEnd end =
      context.programs.Follow(call, words, OptionsFor(context, request), listener);
  hv1::ProgramEnded ended;
  ended.set_exit_status(end.exit_status);
  ended.set_timed_out(end.timed_out);
  return ended;
}

}  // namespace dmgr::far
