#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/system/file_rights.h"

namespace dmgr::far {
namespace {

// A file beside its place, gone unless it was put there.
class Draft {
 public:
  Draft(Context* context, const hv1::StoreFile& request)
      : context_(*context), request_(request), user_(GetUser(*context, request.user())) {
    const FileRights rights(context_.tree, user_);
    const std::string dir = context_.tree.Real(ParentOf(request.path()));
    dir_ = Fd(open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!dir_.ok()) throw Refused("enter", ParentOf(request.path()), errno);
    CheckPlace();
    temporary_ =
        ".dmgr-" + std::to_string(getpid()) + "-" + std::to_string(context_.session.next_name++);
    file_ = Fd(openat(dir_.get(), temporary_.c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_.ok()) throw Refused("write", request.path(), errno);
  }
  ~Draft() {
    if (!file_.ok()) return;
    const FileRights rights(context_.tree, user_);
    unlinkat(dir_.get(), temporary_.c_str(), 0);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  void Write(std::string_view data) { WriteAll(file_.get(), data, request_.path()); }
  void PutInPlace() {
    const FileRights rights(context_.tree, user_);
    if (fchmod(file_.get(), request_.mode() & 0777) != 0 || fsync(file_.get()) != 0) {
      throw SystemFailure("cannot write", request_.path(), errno);
    }
    CheckPlace();
    if (renameat(dir_.get(), temporary_.c_str(), dir_.get(), BaseName(request_.path()).c_str()) !=
        0) {
      throw Refused("replace", request_.path(), errno);
    }
    file_ = Fd();
    // With the user's rights its folder may not be readable; the file itself is on the disk.
    const Fd readable(openat(dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (readable.ok()) fsync(readable.get());
  }

 private:
  Failed Refused(const std::string& what, const std::string& path, int error) const {
    return SystemFailure(user_.name + " cannot " + what, path, error);
  }
  // Only a file is replaced: a link may be meant to stay, and so may what is behind it.
  void CheckPlace() const {
    struct stat info = {};
    if (fstatat(dir_.get(), BaseName(request_.path()).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;
      throw Refused("look at", request_.path(), errno);
    }
    if (S_ISREG(info.st_mode)) return;
    throw Conflict(request_.path() + (S_ISDIR(info.st_mode)   ? " is a directory"
                                      : S_ISLNK(info.st_mode) ? " is a link"
                                                              : " is no file"),
                   request_.path());
  }

  Context& context_;
  const hv1::StoreFile& request_;
  const User user_;
  Fd dir_;
  std::string temporary_;
  Fd file_;
};

}  // namespace

void DoStoreFile(Context& context, const hv1::StoreFile& request) {
  CheckPath(request.path());
  if (request.path() == "/") throw BadRequest("/ is no file", request.path());
  Draft draft(&context, request);
  context.call.AcceptChunks();
  std::uint64_t left = request.size();
  for (bool end = false; !end;) {
    const hv1::ReleaseChunk chunk = context.call.NextChunk();
    end = chunk.end();
    if (chunk.data().size() > left || (end && chunk.data().size() != left)) {
      throw Failed(hv1::Failure::KIND_CORRUPT, "what came is not as long as was said",
                   request.path());
    }
    left -= chunk.data().size();
    draft.Write(chunk.data());
  }
  draft.PutInPlace();
}

}  // namespace dmgr::far
