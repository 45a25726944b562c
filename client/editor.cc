#include "client/editor.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/files.h"

namespace dmgr::client {
namespace {

// The program with its options, as words.
std::vector<std::string> EditorCommand() {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);
    std::istringstream in(value == nullptr ? "" : value);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (!words.empty()) return words;
  }
  return {"vi"};
}

Error Failed(const std::string& program, const std::string& why) {
  return Error(absl::StatusCode::kFailedPrecondition, "EDITOR_FAILED",
               "the editor {} cannot be used: {}", program, why)
      .Remedy("set EDITOR, or give the file: --file FILE");
}

}  // namespace

absl::StatusOr<EditedFile> EditedFile::Create(const std::string& text) {
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  std::string path = (error ? "/tmp" : folder.string()) + "/dmgrctl-XXXXXX.yaml";
  const int fd = mkstemps(path.data(), 5);
  if (fd < 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "FILE_UNWRITABLE", "cannot make {}: {}",
                 path, std::strerror(errno))
        .Remedy("set TMPDIR to a folder with room, or give the file: --file FILE");
  }
  close(fd);
  EditedFile file(path);
  if (WriteFileAtomically(path, text, 0600).ok()) return file;
  return Error(absl::StatusCode::kFailedPrecondition, "FILE_UNWRITABLE", "cannot write {}", path)
      .Remedy("set TMPDIR to a folder with room, or give the file: --file FILE");
}

EditedFile::EditedFile(EditedFile&& other) noexcept : path_(std::exchange(other.path_, "")) {}

EditedFile::~EditedFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

absl::Status EditedFile::Edit() const {
  std::vector<std::string> words = EditorCommand();
  words.push_back(path_);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (error != 0) return Failed(words[0], std::strerror(error));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Failed(words[0], std::strerror(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return Failed(words[0], "it ended with an error");
}

}  // namespace dmgr::client
