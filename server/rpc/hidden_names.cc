#include "server/rpc/hidden_names.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/message.h>

#include <cctype>
#include <string_view>
#include <vector>

#include "common/error.h"

namespace dmgr::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using AnyDetail = google::protobuf::Message;

constexpr std::string_view kBefore = "cluster ";
constexpr std::string_view kInstead = "another cluster";

bool IsOfName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
}

// From a place on, the name that stands there and goes on no further; a period, or a dash, that
// ends a sentence is none of it.
bool StandsAt(const std::string& text, std::size_t at, const std::string& name) {
  if (text.compare(at, name.size(), name) != 0) return false;
  std::size_t end = at + name.size();
  while (end < text.size() && (text[end] == '.' || text[end] == '-')) ++end;
  return end == text.size() || !IsOfName(text[end]);
}

// The longest one.
std::string NameAt(const std::set<std::string>& names, const std::string& text, std::size_t at) {
  std::string longest;
  for (const std::string& name : names) {
    if (name.size() > longest.size() && StandsAt(text, at, name)) longest = name;
  }
  return longest;
}

// An entry of a map: one that says which cluster is meant, or a text.
void RewriteEntry(const std::set<std::string>& names, const FieldDescriptor& value,
                  AnyDetail* entry) {
  const auto* key = entry->GetDescriptor()->map_key();
  const auto& reflection = *entry->GetReflection();
  const std::string of = reflection.GetString(*entry, key);
  const std::string text = reflection.GetString(*entry, &value);
  const bool is_name = (of == "cluster" || of == "cluster_name") && names.contains(text);
  reflection.SetString(entry, &value, is_name ? std::string(kInstead) : WithoutNames(names, text));
}

void Rewrite(const std::set<std::string>& names, AnyDetail* message) {
  const auto& type = *message->GetDescriptor();
  if (type.options().map_entry()) return RewriteEntry(names, *type.map_value(), message);
  std::vector<const FieldDescriptor*> fields;
  const auto& reflection = *message->GetReflection();
  reflection.ListFields(*message, &fields);
  for (const auto* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(*message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Rewrite(names, field->is_repeated() ? reflection.MutableRepeatedMessage(message, field, i)
                                            : reflection.MutableMessage(message, field));
      } else if (field->type() != FieldDescriptor::TYPE_STRING) {
        continue;
      } else if (field->is_repeated()) {
        reflection.SetRepeatedString(
            message, field, i,
            WithoutNames(names, reflection.GetRepeatedString(*message, field, i)));
      } else {
        reflection.SetString(message, field,
                             WithoutNames(names, reflection.GetString(*message, field)));
      }
    }
  }
}

// Whether the detail was of this type.
template <typename Detail>
bool RewriteDetail(const std::set<std::string>& names, google::protobuf::Any* any) {
  Detail detail;
  if (!any->UnpackTo(&detail)) return false;
  Rewrite(names, &detail);
  any->PackFrom(detail);
  return true;
}

}  // namespace

std::string WithoutNames(const std::set<std::string>& names, const std::string& text) {
  std::string rewritten;
  for (std::size_t at = 0; at < text.size();) {
    const bool is_word = at == 0 || !IsOfName(text[at - 1]);
    const bool is_before = is_word && text.compare(at, kBefore.size(), kBefore) == 0;
    const std::string name = is_before ? NameAt(names, text, at + kBefore.size()) : "";
    if (name.empty()) {
      rewritten += text[at++];
    } else {
      rewritten += kInstead;
      at += kBefore.size() + name.size();
    }
  }
  return rewritten;
}

absl::Status WithoutNames(const std::set<std::string>& names, const absl::Status& status) {
  if (names.empty()) return status;
  google::rpc::Status proto = ToProto(status);
  proto.set_message(WithoutNames(names, proto.message()));
  for (auto& any : *proto.mutable_details()) {
    if (RewriteDetail<google::rpc::ErrorInfo>(names, &any) ||
        RewriteDetail<google::rpc::BadRequest>(names, &any) ||
        RewriteDetail<google::rpc::PreconditionFailure>(names, &any) ||
        RewriteDetail<v1::NextActions>(names, &any)) {
      continue;
    }
  }
  return FromProto(proto);
}

}  // namespace dmgr::rpc
