// The user's own editor.
#ifndef DMGR_CLIENT_EDITOR_H_
#define DMGR_CLIENT_EDITOR_H_

#include <string>

#include "absl/status/statusor.h"

namespace dmgr::client {

// A file for the user to edit, readable by nobody else, removed with the object.
class EditedFile {
 public:
  static absl::StatusOr<EditedFile> Create(const std::string& text);
  EditedFile(EditedFile&& other) noexcept;
  EditedFile& operator=(EditedFile&&) = delete;
  ~EditedFile();

  // Runs $VISUAL, $EDITOR or vi on it, until that ends.
  absl::Status Edit() const;
  const std::string& path() const { return path_; }

 private:
  explicit EditedFile(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

}  // namespace dmgr::client

#endif  // DMGR_CLIENT_EDITOR_H_
