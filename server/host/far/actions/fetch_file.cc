#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/file_rights.h"

namespace dmgr::far {
namespace {

Fd OpenAs(Context& context, const hv1::FetchFile& request) {
  const User user = GetUser(context, request.user());
  const FileRights rights(context.tree, user);
  Fd file(open(context.tree.Real(request.path()).c_str(),
               O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (file.ok()) return file;
  const int error = errno;
  throw SystemFailure(user.name + " cannot read", request.path(), error);
}

Failed TooBig(const hv1::FetchFile& request) {
  Failed failed(hv1::Failure::KIND_SYSTEM,
                request.path() + " has more than " + std::to_string(request.max_bytes()) + " bytes",
                request.path());
  failed.WithError(EFBIG);
  return failed;
}

}  // namespace

void DoFetchFile(Context& context, const hv1::FetchFile& request) {
  CheckPath(request.path());
  const Fd file = OpenAs(context, request);
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) throw SystemFailure("cannot look at", request.path(), errno);
  if (!S_ISREG(info.st_mode)) {
    throw Conflict(request.path() + (S_ISDIR(info.st_mode) ? " is a directory" : " is no file"),
                   request.path());
  }
  if (static_cast<std::uint64_t>(info.st_size) > request.max_bytes()) throw TooBig(request);
  hv1::FromHost start;
  start.mutable_file_start()->set_size(static_cast<std::uint64_t>(info.st_size));
  start.mutable_file_start()->set_mode(info.st_mode & 0777);
  context.call.Send(std::move(start));
  char buffer[64U << 10];
  for (std::uint64_t sent = 0;;) {
    context.call.CheckCancelled();
    const ssize_t got = read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SystemFailure("cannot read", request.path(), errno);
    if (got == 0) return;
    sent += static_cast<std::uint64_t>(got);
    if (sent > request.max_bytes()) throw TooBig(request);
    context.call.Stream(0, {buffer, static_cast<std::size_t>(got)});
  }
}

}  // namespace dmgr::far
