#include "server/instances/redact.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_replace.h"
#include "common/error.h"
#include "dmgr/v1/access.pb.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::instances {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kHidden[] = "***";
constexpr std::size_t kShortest = 6;

re2::RE2::Options Bytes() {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  return options;
}

// What the names of secrets have in them.
constexpr char kNames[] =
    "(?:password|passwd|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|"
    "service[_-]?key|routing[_-]?key|auth[_-]?key|webhook|api_url|authorization)";

// A line that is a key and its value: all of that goes, but for a comma at its end.
const re2::RE2& SecretLine() {
  static const re2::RE2 kLine(std::string(R"re((?im)^([ \t]*(?:- )*["']?[a-z0-9_.-]*)re") + kNames +
                                  R"re([a-z0-9_.-]*["']?[ \t]*[:=][ \t]*)[^\s,].*?(,?)$)re",
                              Bytes());
  return kLine;
}

// The same anywhere, such as "\"password\":\"x\"" in a line of a log, where quotes may be escaped.
const re2::RE2& NamedSecret() {
  static const re2::RE2 kNamed(
      std::string(R"re((?i)([a-z0-9_.-]*)re") + kNames +
          R"re([a-z0-9_.-]*\\*["']?[ \t]*[:=][ \t]*))re" +
          R"re((?:\\+"[^"]*"|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;}\])"'\\][^\n,;}\])"'\\]*))re",
      Bytes());
  return kNamed;
}

const re2::RE2& PrivateKey() {
  static const re2::RE2 kKey(
      R"((?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z))",
      Bytes());
  return kKey;
}

// "://user:password@".
const re2::RE2& UrlPassword() {
  static const re2::RE2 kUrl(R"((://[^\s/:@"']*:)[^\s/@"']+@)", Bytes());
  return kUrl;
}

// Not the value that a field has, but what it is called.
bool IsName(const FieldDescriptor& field) {
  const auto* message = field.containing_type();
  return (message->options().map_entry() && field.number() == 1) ||
         (message == v1::LocalFile::descriptor() && field.name() == "name");
}

// all: they are in a message that is sensitive as a whole.
void Collect(const Message& message, bool all, std::vector<std::string>* texts) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    const bool wanted = all || field->options().GetExtension(v1::sensitive);
    const int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Collect(field->is_repeated() ? reflection->GetRepeatedMessage(message, field, i)
                                     : reflection->GetMessage(message, field),
                wanted, texts);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && wanted &&
                 !IsName(*field)) {
        texts->push_back(field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                              : reflection->GetString(message, field));
      }
    }
  }
}

std::string KeyOfLine(const std::string& line) {
  static const re2::RE2 kSection(R"(\s*\[\[?[A-Za-z0-9_.-]{1,60}\]\]?\s*)", Bytes());
  static const re2::RE2 kKey(R"((\s*(?:- )*["']?[A-Za-z_][A-Za-z0-9_.-]{0,39}["']?\s*[:=]).*)",
                             Bytes());
  std::string key;
  if (re2::RE2::FullMatch(line, kSection)) return line;
  if (re2::RE2::FullMatch(line, kKey, &key)) {
    return key.size() >= line.size() ? line : key + " " + kHidden;
  }
  const bool blank = line.find_first_not_of(" \t\r") == std::string::npos;
  return blank ? line : line.substr(0, line.find_first_not_of(" \t")) + kHidden;
}

}  // namespace

std::vector<std::string> SensitiveTexts(const Message& message) {
  std::vector<std::string> texts;
  Collect(message, /*all=*/false, &texts);
  return texts;
}

Redactor::Redactor(std::vector<std::string> known) : known_(std::move(known)) {
  std::erase_if(known_, [](const std::string& one) {
    return one.size() < kShortest || one.find('\n') != std::string::npos;
  });
  std::ranges::sort(known_, [](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  known_.erase(std::unique(known_.begin(), known_.end()), known_.end());
}

std::string Redactor::Clean(std::string text) const {
  for (const auto& secret : known_) {
    if (text.find(secret) == std::string::npos) continue;
    text = absl::StrReplaceAll(text, {{secret, kHidden}});
  }
  re2::RE2::GlobalReplace(&text, PrivateKey(), kHidden);
  re2::RE2::GlobalReplace(&text, SecretLine(), std::string(R"(\1)") + kHidden + R"(\2)");
  re2::RE2::GlobalReplace(&text, NamedSecret(), std::string(R"(\1)") + kHidden);
  re2::RE2::GlobalReplace(&text, UrlPassword(), std::string(R"(\1)") + kHidden + "@");
  return text;
}

std::string Redactor::KeysOnly(const std::string& text) const {
  std::string whole = text;
  re2::RE2::GlobalReplace(&whole, PrivateKey(), kHidden);
  std::string keys;
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = std::min(whole.find('\n', at), whole.size());
    keys += KeyOfLine(whole.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return Clean(keys);
}

}  // namespace dmgr::instances
