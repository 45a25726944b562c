#include "client/topology/reader.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "client/topology/keys.h"
#include "common/numbers.h"
#include "dmgr/v1/access.pb.h"

namespace dmgr::client {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::size_t kMaxNodes = 200000;
constexpr std::size_t kMaxNodeBytes = std::size_t{4} << 20;
constexpr int kMaxDepth = 16;
constexpr double kMaxInteger = 9007199254740992.0;  // Up to here a double is exact.

// Not in quotes, so that it may be a number, a boolean or nothing.
bool IsPlain(const YAML::Node& node) { return node.IsScalar() && node.Tag() == "?"; }

bool IsNothing(const YAML::Node& node) {
  return !node.IsDefined() || node.IsNull() || (IsPlain(node) && node.Scalar().empty());
}

std::string_view Kind(const YAML::Node& node) {
  if (IsNothing(node)) return "nothing";
  if (node.IsMap()) return "a table";
  if (node.IsSequence()) return "a list";
  return IsPlain(node) ? "a value" : "a text in quotes";
}

std::string Shown(const std::string& text) {
  constexpr std::size_t kShown = 60;
  std::string shown;
  for (char c : text.substr(0, kShown)) shown += c >= ' ' && c <= '~' ? c : '?';
  return "\"" + shown + (text.size() > kShown ? "...\"" : "\"");
}

// Whether a key that dmgr does not support says only what is so anyway.
bool ChangesNothing(const YAML::Node& value, const UnsupportedKey& key) {
  if (IsNothing(value)) return true;
  if (!value.IsScalar()) return value.size() == 0;
  const std::string& text = value.Scalar();
  return text.empty() || text == "false" || text == "0" ||
         (!key.no_change.empty() && text == key.no_change);
}

template <typename Number>
std::errc ReadAll(const std::string& text, Number* number) {
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(begin, end, *number);
  return at == end ? error : std::errc::invalid_argument;
}

template <typename Number>
bool ParseNumber(const std::string& text, Number* number) {
  return ReadAll(text, number) == std::errc();
}

// The words of YAML 1.2.
std::optional<bool> ParseBool(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

// As YAML writes infinity and what is not a number, or too large for a number.
bool IsNotFinite(const std::string& text) {
  std::string_view bare = text;
  if (!bare.empty() && (bare[0] == '-' || bare[0] == '+')) bare.remove_prefix(1);
  for (std::string_view name : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}) {
    if (bare == name) return true;
  }
  double number = 0;
  return ReadAll(text, &number) == std::errc::result_out_of_range;
}

}  // namespace

void Reader::Report(const YAML::Node& node, std::string text) {
  mistakes_->push_back({node.Mark().line + 1, std::move(text)});
}

bool Reader::Spend(const YAML::Node& node) {
  ++nodes_;
  if (node.IsScalar()) bytes_ += node.Scalar().size();
  if (nodes_ <= kMaxNodes && bytes_ <= kMaxNodeBytes) return true;
  if (!spent_) Report(node, "the file is too large once its aliases are expanded");
  spent_ = true;
  return false;
}

void Reader::ReadMessage(const YAML::Node& node, const std::string& what, Message* message) {
  if (IsNothing(node)) return;
  if (!node.IsMap()) {
    Report(node, fmt::format("{} must be a table of keys and values, and is {}", what, Kind(node)));
    return;
  }
  ReadEntries(
      node, what,
      [this, message](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
        ReadEntry(key, key_node, value, message);
      });
}

// Calls entry for every key that is a word and stands there once.
void Reader::ReadEntries(const YAML::Node& node, const std::string& what, const Entry& entry) {
  std::unordered_map<std::string, int> lines;
  for (const auto& pair : node) {
    if (!Spend(pair.first)) return;
    if (!pair.first.IsScalar()) {
      Report(pair.first, fmt::format("a key of {} is {}", what, Kind(pair.first)));
      continue;
    }
    const std::string& key = pair.first.Scalar();
    const auto [seen, first] = lines.emplace(key, pair.first.Mark().line + 1);
    if (!first) {
      Report(pair.first,
             fmt::format("{} is given twice; first in line {}", Shown(key), seen->second));
    } else {
      entry(key, pair.first, pair.second);
    }
  }
}

void Reader::ReadEntry(const std::string& key, const YAML::Node& key_node, const YAML::Node& value,
                       Message* message) {
  const auto& section = *message->GetDescriptor();
  if (const FieldDescriptor* field = FindField(section, key); field != nullptr) {
    if (field->containing_type() != &section) {
      const FieldDescriptor* placement = section.FindFieldByName("placement");
      message = message->GetReflection()->MutableMessage(message, placement);
    }
    ReadField(value, message, *field);
    return;
  }
  if (const UnsupportedKey* known = FindUnsupported(section, key); known != nullptr) {
    if (ChangesNothing(value, *known)) return;
    std::string text = fmt::format("{} {}", key, known->why);
    if (notes_ == nullptr || known->hinders) return Report(key_node, std::move(text));
    notes_->push_back({key_node.Mark().line + 1, std::move(text)});
    return;
  }
  if (key == "<<") {
    Report(key_node, "merge keys (<<) are not supported; write the keys out");
    return;
  }
  const std::string nearest = Nearest(section, key);
  Report(key_node, fmt::format("unknown key {}{}", Shown(key),
                               nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

void Reader::ReadField(const YAML::Node& value, Message* message, const FieldDescriptor& field) {
  if (!Spend(value) || IsNothing(value)) return;
  const Reflection& reflection = *message->GetReflection();
  as_written_ = !IsDmConfig(field);
  if (field.is_repeated()) return ReadList(value, message, field);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return ReadInto(value, field.name(), reflection.MutableMessage(message, &field));
  }
  if (!value.IsScalar()) {
    return Report(value, fmt::format("{} must be one value, and is {}", field.name(), Kind(value)));
  }
  ReadScalar(value, message, field);
}

void Reader::ReadScalar(const YAML::Node& value, Message* message, const FieldDescriptor& field) {
  const Reflection& reflection = *message->GetReflection();
  const std::string& text = value.Scalar();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    return reflection.SetString(message, &field, text);
  }
  const char* quotes = IsPlain(value) ? "" : " in quotes";
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    // In all the spellings of YAML 1.1, as TiUP reads them.
    bool parsed = false;
    if (IsPlain(value) && YAML::convert<bool>::decode(value, parsed)) {
      return reflection.SetBool(message, &field, parsed);
    }
    return Report(value, fmt::format("{} must be true or false, and is {}{}", field.name(),
                                     Shown(text), quotes));
  }
  std::uint32_t number = 0;
  if (!IsPlain(value) || !ParseNumber(text, &number)) {
    return Report(value, fmt::format("{} must be a whole number, and is {}{}", field.name(),
                                     Shown(text), quotes));
  }
  // The API would take it for a key that is not there.
  if (number == 0 && !field.has_presence()) {
    return Report(value, fmt::format("{} cannot be 0", field.name()));
  }
  reflection.SetUInt32(message, &field, number);
}

void Reader::ReadInto(const YAML::Node& value, const std::string& what, Message* message) {
  if (auto* config = dynamic_cast<Struct*>(message); config != nullptr) {
    return ReadStruct(value, what, 1, config);
  }
  ReadMessage(value, what, message);
}

void Reader::ReadList(const YAML::Node& value, Message* message, const FieldDescriptor& field) {
  if (!value.IsSequence()) {
    return Report(value, fmt::format("{} must be a list, and is {}", field.name(), Kind(value)));
  }
  // What is never shown stays when it is left out: an empty word says that nothing shall be left.
  if (value.size() == 0 && field.cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
      field.options().GetExtension(v1::sensitive)) {
    message->GetReflection()->AddString(message, &field, "");
  }
  int index = 0;
  for (const YAML::Node& element : value) {
    if (!Spend(element)) return;
    const std::string what = fmt::format("{}[{}]", field.name(), index++);
    if (IsNothing(element)) {
      Report(element, what + " is empty");
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (!element.IsScalar()) {
        Report(element, fmt::format("{} must be one value, and is {}", what, Kind(element)));
      } else {
        message->GetReflection()->AddString(message, &field, element.Scalar());
      }
    } else {
      ReadInto(element, what, message->GetReflection()->AddMessage(message, &field));
    }
  }
}

void Reader::ReadStruct(const YAML::Node& node, const std::string& what, int depth,
                        Struct* result) {
  if (!node.IsMap()) {
    return Report(
        node, fmt::format("{} must be a table of keys and values, and is {}", what, Kind(node)));
  }
  if (depth > kMaxDepth) {
    return Report(node, fmt::format("{} is nested more than {} levels deep", what, kMaxDepth));
  }
  ReadEntries(node, what, [&](const std::string& key, const YAML::Node&, const YAML::Node& value) {
    ReadValue(value, key, depth, &(*result->mutable_fields())[key]);
  });
}

void Reader::ReadValue(const YAML::Node& node, const std::string& what, int depth, Value* result) {
  if (!Spend(node)) return;
  if (node.IsMap()) return ReadStruct(node, what, depth + 1, result->mutable_struct_value());
  if (node.IsSequence()) {
    if (depth >= kMaxDepth) {
      return Report(node, fmt::format("{} is nested more than {} levels deep", what, kMaxDepth));
    }
    auto* list = result->mutable_list_value();
    for (const YAML::Node& element : node) ReadValue(element, what, depth + 1, list->add_values());
    return;
  }
  const std::string text = IsNothing(node) ? "" : node.Scalar();
  if (IsNothing(node)) {
    result->set_null_value(google::protobuf::NULL_VALUE);
  } else if (const auto boolean = ParseBool(text); IsPlain(node) && boolean.has_value()) {
    result->set_bool_value(*boolean);
  } else if (IsPlain(node)) {
    ReadNumber(node, what, result);
  } else {
    result->set_string_value(text);
  }
}

// A plain word: a number when it reads like one, else text.
void Reader::ReadNumber(const YAML::Node& node, const std::string& what, Value* result) {
  const std::string& text = node.Scalar();
  double number = 0;
  // from_chars also takes "inf" and "nan", which YAML writes otherwise.
  const bool digits = text.find_first_of("0123456789") != std::string::npos;
  if (IsNotFinite(text)) {
    return Report(node, fmt::format("{} must be a finite number: {}", what, Shown(text)));
  }
  if (!digits || !ParseNumber(text, &number)) return result->set_string_value(text);
  if (as_written_ && IsOddNumber(text)) return result->set_string_value(text);
  if (std::abs(number) > kMaxInteger && text.find_first_of(".eE") == std::string::npos) {
    return Report(node, fmt::format("{} is too large for a whole number: {}", what, Shown(text)));
  }
  result->set_number_value(number);
}

}  // namespace dmgr::client
