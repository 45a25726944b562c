#include "client/output/prefixed.h"

#include <algorithm>
#include <vector>

#include "common/utf8.h"
#include "dmgr/v1/topology.pb.h"

namespace dmgr::client {
namespace {

// A line that is longer is shown in parts.
constexpr std::size_t kMaxLine = 1U << 20;

}  // namespace

std::string Harmless(std::string_view text) {
  std::string harmless(text);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = Utf8Length(text.substr(i));
    const std::string_view sequence = text.substr(i, std::max<std::size_t>(length, 1));
    const bool layout = sequence == "\n" || sequence == "\t";
    if (length == 0 || (IsControl(sequence) && !layout)) {
      harmless.replace(i, sequence.size(), sequence.size(), '?');
    }
    i += sequence.size();
  }
  return harmless;
}

void MakeHarmless(google::protobuf::Message* message) {
  using google::protobuf::FieldDescriptor;
  // It is edited and sent back, so it stays as it is; YAML escapes what would act.
  if (message->GetDescriptor() == v1::Topology::descriptor()) return;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool is_text = field->type() == FieldDescriptor::TYPE_STRING;
    if (!is_text && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      is_text
          ? reflection.SetString(message, field, Harmless(reflection.GetString(*message, field)))
          : MakeHarmless(reflection.MutableMessage(message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
      is_text ? reflection.SetRepeatedString(
                    message, field, i, Harmless(reflection.GetRepeatedString(*message, field, i)))
              : MakeHarmless(reflection.MutableRepeatedMessage(message, field, i));
    }
  }
}

void Prefixed::Put(std::string_view text) {
  *out_ << prefix_ << (harmless_ ? Harmless(text) : std::string(text));
}

void Prefixed::Take(std::string_view data) {
  if (prefix_.empty()) {
    Put(data);
    out_->flush();
    return;
  }
  while (!data.empty()) {
    const std::size_t newline = data.find('\n');
    begun_ += data.substr(0, newline);
    if (newline == std::string_view::npos) {
      if (begun_.size() > kMaxLine) End();
      break;
    }
    Put(begun_);
    *out_ << '\n';
    begun_.clear();
    data.remove_prefix(newline + 1);
  }
  out_->flush();
}

void Prefixed::End() {
  if (begun_.empty()) return;
  Put(begun_);
  *out_ << '\n' << std::flush;
  begun_.clear();
}

}  // namespace dmgr::client
