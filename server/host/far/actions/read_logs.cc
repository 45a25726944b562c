#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "server/host/far/actions/actions.h"
#include "server/host/far/base/failure.h"
#include "server/host/far/base/names.h"
#include "server/host/far/system/files.h"
#include "server/host/far/system/journal.h"

namespace dmgr::far {
namespace {

constexpr std::size_t kMaxText = 64U << 10;
constexpr std::size_t kMaxReply = 4U << 20;
constexpr std::uint32_t kMaxLines = 10000;

std::string LastLines(std::string text, std::uint32_t lines) {
  if (text.size() > kMaxText) text.erase(0, text.size() - kMaxText);
  std::size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (std::uint32_t i = 0; i < lines; ++i) {
    const auto newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    if (newline == std::string::npos) return text;
    at = newline;
  }
  return text.substr(at + 1);
}

// Nothing when it is no file.
std::string FileTail(const Tree& tree, const std::string& path, std::uint32_t lines) {
  const auto entry = tree.FindEntry(path);
  if (!entry.has_value()) return {};
  const Fd fd = OpenRegular(*entry);
  struct stat info = {};
  if (!fd.ok() || fstat(fd.get(), &info) != 0) return {};
  std::string text(std::min<std::size_t>(kMaxText, static_cast<std::size_t>(info.st_size)), '\0');
  const ssize_t got =
      pread(fd.get(), text.data(), text.size(), info.st_size - static_cast<off_t>(text.size()));
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return LastLines(std::move(text), lines);
}

void Append(const std::string& name, const std::string& tail, std::string* text) {
  if (tail.empty() || text->size() > kMaxReply) return;
  if (!text->empty()) *text += "\n";
  *text += "==> " + name + " <==\n" + tail;
  if (text->back() != '\n') *text += '\n';
}

}  // namespace

hv1::LogText DoReadLogs(Context& context, const hv1::ReadLogs& request) {
  const std::uint32_t lines = std::min(request.lines(), kMaxLines);
  std::string text;
  for (const auto& path : request.paths()) {
    Append(path, FileTail(context.tree, path, lines), &text);
  }
  for (const auto& unit : request.units()) {
    CheckUnit(unit);
    Append(unit, JournalTail(context, unit, lines), &text);
  }
  hv1::LogText reply;
  reply.set_text(CleanText(text));
  return reply;
}

}  // namespace dmgr::far
