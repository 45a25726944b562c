#include "client/topology/settings.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "client/topology/keys.h"
#include "client/topology/topology.h"
#include "common/components/secrets.h"
#include "common/error.h"

namespace dmgr::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Struct;

constexpr char kExample[] = "server_configs.worker.keepalive-ttl=60";

struct Key {
  std::string name;
  // Which element of a list; empty: it is none.
  std::string element;
};

absl::Status BadSetting(const std::string& setting, const std::string& why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_SETTING", "--set {}: {}", setting, why)
      .Remedy(fmt::format("write it as {}", kExample));
}

// Nothing when a bracket is not closed, or a key has no name. Dots in brackets are of a host.
std::optional<std::vector<Key>> KeysOfPath(const std::string& path) {
  std::vector<Key> keys(1);
  bool inside = false;
  for (const char c : path) {
    if (c == '[' && !inside) {
      inside = true;
    } else if (c == ']' && inside) {
      inside = false;
    } else if (inside) {
      keys.back().element += c;
    } else if (c == '.') {
      keys.emplace_back();
    } else {
      keys.back().name += c;
    }
  }
  const bool named =
      std::all_of(keys.begin(), keys.end(), [](const Key& key) { return !key.name.empty(); });
  if (inside || !named) return std::nullopt;
  return keys;
}

// A topology file that says this one thing.
std::string AsFile(const std::vector<Key>& keys, const std::string& value) {
  std::string text;
  std::string indent;
  for (const Key& key : keys) {
    text += fmt::format("{}\"{}\":", indent, key.name);
    if (&key == &keys.back()) break;
    text += '\n';
    indent += "  ";
    if (key.element.empty()) continue;
    text += indent + "-\n";
    indent += "  ";
  }
  return text + " " + value + "\n";
}

std::string TextOf(const Message& message, const char* name) {
  const auto* field = FindField(*message.GetDescriptor(), name);
  if (field == nullptr) return "";
  const Message* owner = &message;
  if (field->containing_type() != message.GetDescriptor()) {
    const auto* placement = message.GetDescriptor()->FindFieldByName("placement");
    owner = &message.GetReflection()->GetMessage(message, placement);
  }
  const auto* reflection = owner->GetReflection();
  return field->cpp_type() == FieldDescriptor::CPPTYPE_STRING
             ? reflection->GetString(*owner, field)
             : std::to_string(reflection->GetUInt32(*owner, field));
}

bool IsCalled(const Message& server, const std::string& word) {
  const std::string host = TextOf(server, "host");
  return word == host || word == TextOf(server, "name") ||
         word == host + ":" + TextOf(server, "port") ||
         word == host + ":" + TextOf(server, "web_port");
}

// The element that the words name; nullptr: none, or several.
Message* FindElement(Message* message, const FieldDescriptor* field, const std::string& word) {
  const auto* reflection = message->GetReflection();
  const int size = reflection->FieldSize(*message, field);
  int index = -1;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), index);
  if (parsed.ec == std::errc() && parsed.ptr == word.data() + word.size()) {
    return index < size ? reflection->MutableRepeatedMessage(message, field, index) : nullptr;
  }
  Message* found = nullptr;
  for (int i = 0; i < size; ++i) {
    Message* element = reflection->MutableRepeatedMessage(message, field, i);
    if (!IsCalled(*element, word)) continue;
    if (found != nullptr) return nullptr;
    found = element;
  }
  return found;
}

// A table takes what the other has; tables in both are merged.
void MergeTables(const Struct& from, Struct* into) {
  for (const auto& [key, value] : from.fields()) {
    auto& old = (*into->mutable_fields())[key];
    if (value.has_struct_value() && old.has_struct_value()) {
      MergeTables(value.struct_value(), old.mutable_struct_value());
    } else {
      old = value;
    }
  }
}

// Gives `into` the field as `from` has it, also when that is the default.
void CopyField(Message* from, const FieldDescriptor* field, Message* into) {
  const std::unique_ptr<Message> only(from->New());
  from->GetReflection()->SwapFields(from, only.get(), {field});
  into->GetReflection()->ClearField(into, field);
  into->MergeFrom(*only);
}

// Takes the one thing that `from` says, along the keys.
absl::Status Take(const std::string& setting, const std::vector<Key>& keys, Message* from,
                  Message* into) {
  for (const Key& key : keys) {
    const FieldDescriptor* field = FindField(*into->GetDescriptor(), key.name);
    if (field == nullptr) return BadSetting(setting, key.name + " is no key there");
    if (field->containing_type() != into->GetDescriptor()) {
      const auto* placement = into->GetDescriptor()->FindFieldByName("placement");
      from = from->GetReflection()->MutableMessage(from, placement);
      into = into->GetReflection()->MutableMessage(into, placement);
    }
    const bool is_list = field->is_repeated() && !field->is_map() &&
                         field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (is_list && !key.element.empty()) {
      Message* element = FindElement(into, field, key.element);
      if (element == nullptr) {
        return BadSetting(setting, fmt::format("{} has no single [{}]", key.name, key.element));
      }
      from = from->GetReflection()->MutableRepeatedMessage(from, field, 0);
      into = element;
      continue;
    }
    if (&key == &keys.back() || field->is_repeated() ||
        field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      CopyField(from, field, into);
      return absl::OkStatus();
    }
    from = from->GetReflection()->MutableMessage(from, field);
    into = into->GetReflection()->MutableMessage(into, field);
    if (auto* table = dynamic_cast<Struct*>(into); table != nullptr) {
      MergeTables(dynamic_cast<const Struct&>(*from), table);
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplySetting(const std::string& setting, v1::Topology* topology) {
  if (setting.find('\n') != std::string::npos) return BadSetting(setting, "has several lines");
  const auto equal = setting.find('=');
  if (equal == std::string::npos) return BadSetting(setting, "has no =");
  const std::string path = setting.substr(0, equal);
  if (components::IsGrafanaSecret(path) && equal + 1 < setting.size()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_SETTING",
                 "--set {}: the value is a secret, and whoever is on this machine reads arguments",
                 path)
        .Remedy("write it into the topology, with --file or an editor");
  }
  const auto keys = KeysOfPath(path);
  if (!keys.has_value()) return BadSetting(setting, "the path cannot be read");
  ASSIGN_OR_RETURN(v1::Topology said,
                   ParseTopology(AsFile(*keys, setting.substr(equal + 1)), "--set " + setting));
  return Take(setting, *keys, &said, topology);
}

}  // namespace dmgr::client
