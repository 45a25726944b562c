// YAML as this room takes it: a tree that knows where its parts lie in the text. Private to this
// room.
#ifndef DMGR_SERVER_MIGRATIONS_DOCUMENT_H_
#define DMGR_SERVER_MIGRATIONS_DOCUMENT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace dmgr::migrations {

struct Node {
  enum class Kind { kNothing, kScalar, kList, kMap };
  Kind kind = Kind::kNothing;
  // Of a value in a map.
  std::string key{};
  std::size_t key_position = 0;
  int key_column = 0;
  int line = 0;
  // Where its text begins.
  std::size_t position = 0;
  // Of a list or map that is written in brackets.
  bool is_flow = false;
  // Of a scalar.
  std::string text{};
  // Of a list or map.
  std::vector<Node> children{};

  // The value of a key; nullptr when it is not there, or is nothing.
  const Node* Find(std::string_view name) const;
};

// What is wrong, with its line.
class Mistakes {
 public:
  void Add(int line, std::string text) { all_.push_back({line, std::move(text)}); }
  bool empty() const { return all_.empty(); }
  // INVALID_ARGUMENT, CONFIG_INVALID: "the configuration of a {what} ...". OK when there is none.
  absl::Status ToStatus(std::string_view what) const;

 private:
  struct Mistake {
    int line;
    std::string text;
  };
  std::vector<Mistake> all_;
};

// The map that a text is; nullopt once a mistake is told.
std::optional<Node> ReadDocument(const std::string& yaml, Mistakes* mistakes);

// Tells of each key that is not among these.
void CheckKeys(const Node& map, std::string_view where, const std::vector<std::string>& known,
               Mistakes* mistakes);

// A text of one line that must be there, under a key of a map; "" once a mistake is told.
std::string RequireText(const Node& map, std::string_view where, std::string_view key,
                        Mistakes* mistakes);

// Tells of what is no name: one word of 1 to 64 bytes, without slashes.
void CheckName(const Node& map, std::string_view key, Mistakes* mistakes);

// A value in the text that is a secret, not an empty one.
struct SecretValue {
  // Keys and numbers from the top to it.
  std::string path;
  // The key at the top.
  std::string top;
  int line = 0;
  // What of the text stands for it.
  std::size_t begin = 0;
  std::size_t end = 0;
  // Begins with a space when it follows a colon directly.
  bool follows_colon = false;
  // As it can be written again on one line.
  std::string written;
  bool is_hidden = false;
};
// All of them; tells of those that are written in a way that hides where they end.
std::vector<SecretValue> SecretsOf(const std::string& yaml, const Node& root, Mistakes* mistakes);

// A value in double quotes.
std::string Quoted(std::string_view value);

// Bytes as DM takes them: a list of numbers on one line.
std::string ByteList(std::string_view bytes);

// What of the text a scalar on one line takes; nullopt when it is written in another way.
std::optional<std::size_t> EndOfScalar(const std::string& yaml, const Node& scalar);

}  // namespace dmgr::migrations

#endif  // DMGR_SERVER_MIGRATIONS_DOCUMENT_H_
