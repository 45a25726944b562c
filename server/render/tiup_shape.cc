#include "server/render/tiup_shape.h"

#include "absl/strings/ascii.h"

namespace dmgr::render {
namespace {

bool IsOfAName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
}

}  // namespace

std::string InTiupShape(std::string_view text, std::string_view program, std::string_view folder) {
  constexpr std::string_view kBin = "bin/";
  const std::string path = std::string(kBin).append(program);
  std::string shaped;
  std::size_t done = 0;
  for (std::size_t at = text.find(path); at != std::string_view::npos;
       at = text.find(path, at + path.size())) {
    const std::size_t end = at + path.size();
    const bool begins = at == 0 || !IsOfAName(text[at - 1]);
    const bool ends = end == text.size() || (!IsOfAName(text[end]) && text[end] != '/');
    if (!begins || !ends) continue;
    shaped.append(text, done, at + kBin.size() - done).append(folder).append("/").append(program);
    done = end;
  }
  return shaped.append(text.substr(done));
}

}  // namespace dmgr::render
