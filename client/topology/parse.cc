#include <algorithm>
#include <exception>

#include "client/topology/mistakes.h"
#include "client/topology/reader.h"
#include "client/topology/topology.h"

namespace dmgr::client {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;

void Read(const std::string& text, v1::Topology* topology, std::vector<Mistake>* mistakes) {
  if (text.size() >= kMaxFileBytes) {
    mistakes->push_back({1, "the file is not a topology: it has 4 MiB or more"});
    return;
  }
  if (const int line = LineThatIsNoText(text); line != 0) {
    mistakes->push_back({line, "the file is not UTF-8 text"});
    return;
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.empty() || documents[0].IsNull()) {
      mistakes->push_back({1, "the file is empty"});
      return;
    }
    if (documents.size() > 1) {
      mistakes->push_back({documents[1].Mark().line + 1, "the file has more than one document"});
    }
    Reader(mistakes).ReadMessage(documents[0], "the file", topology);
  } catch (const YAML::Exception& e) {
    mistakes->push_back({std::max(e.mark.line, 0) + 1, e.msg});
  } catch (const std::exception& e) {
    mistakes->push_back({1, e.what()});
  }
}

}  // namespace

absl::StatusOr<v1::Topology> ParseTopology(const std::string& text, const std::string& file_name) {
  v1::Topology topology;
  std::vector<Mistake> mistakes;
  Read(text, &topology, &mistakes);
  MoveSecrets(&topology);
  if (mistakes.empty()) return topology;

  return BadFile(std::move(mistakes), file_name);
}

}  // namespace dmgr::client
