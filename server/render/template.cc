#include "server/render/template.h"

#include <algorithm>
#include <exception>
#include <kainjow/mustache.hpp>

#include "common/error.h"

namespace dmgr::render {
namespace {

namespace mustache = kainjow::mustache;

// Before the name of a variable that stands between quotes; no name of the contract begins with it.
constexpr char kQuotedMark = '"';

bool IsName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
  });
}

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Reads a template once: finds what is wrong with it, and marks the variables between quotes.
class Compiler {
 public:
  Compiler(const std::string& path, Kind kind, const std::string& text, const Values& values,
           std::vector<std::string>* problems)
      : path_(path),
        text_(text),
        values_(values),
        problems_(problems),
        tracker_(QuoteTracker::Create(kind)) {}

  // The template for kainjow; of no use when there are problems.
  std::string Run() {
    while (position_ < text_.size() && !stopped_) {
      if (text_.compare(position_, 2, "{{") == 0) {
        ReadTag();
      } else {
        FeedText(text_[position_++]);
      }
    }
    if (stopped_) return {};
    tracker_->End();
    CheckTracker();
    if (!sections_.empty()) Stop("the section {{{{#{}}}}} is not closed", sections_.back().name);
    return std::move(out_);
  }

 private:
  struct Section {
    std::string name;
    const List* list = nullptr;  // Its fields can be asked for.
    int quote_state = 0;
  };

  template <typename... Args>
  void Problem(fmt::format_string<Args...> format, Args&&... args) {
    problems_->push_back(fmt::format("{} line {}: {}", path_, line_,
                                     fmt::format(format, std::forward<Args>(args)...)));
  }
  template <typename... Args>
  void Stop(fmt::format_string<Args...> format, Args&&... args) {
    Problem(format, std::forward<Args>(args)...);
    stopped_ = true;
  }

  void CheckTracker() {
    if (!tracker_->problem().empty()) Stop("{}", tracker_->problem());
  }

  void FeedText(char c) {
    tracker_->Feed(c);
    CheckTracker();
    out_ += c;
    if (c == '\n') ++line_;
  }

  void ReadTag() {
    const auto end = text_.find("}}", position_ + 2);
    if (end == std::string::npos) return Stop("a tag is not closed");
    const std::string_view inside =
        Trim(std::string_view(text_).substr(position_ + 2, end - position_ - 2));
    const int lines =
        static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(position_),
                                    text_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    position_ = end + 2;
    if (inside.empty()) return Stop("an empty tag");
    const char sigil = inside[0];
    const std::string name(IsName(inside) ? inside : Trim(inside.substr(1)));
    if (sigil == '{' || sigil == '&') {
      Stop("{{{{{}}}}}: values without escaping are not allowed", inside);
    } else if (sigil == '>' || sigil == '=') {
      Stop("{{{{{}}}}}: partials and other delimiters are not allowed", inside);
    } else if (sigil == '!') {
      // Left out.
    } else if (!IsName(name)) {
      Stop("{{{{{}}}}}: a name has lower case letters, digits and _ only", inside);
    } else if (sigil == '#' || sigil == '^') {
      BeginSection(sigil, name);
    } else if (sigil == '/') {
      EndSection(name);
    } else {
      AddVariable(name);
    }
    line_ += lines;
  }

  void BeginSection(char sigil, const std::string& name) {
    if (sections_.size() == kMaxSectionDepth) return Stop("sections are nested too deeply");
    Section section{name, nullptr, tracker_->State()};
    if (auto list = values_.lists.find(name); list != values_.lists.end()) {
      if (sigil == '#') {
        section.list = &list->second;
        const bool nested = std::any_of(sections_.begin(), sections_.end(),
                                        [](const Section& s) { return s.list != nullptr; });
        if (nested) return Stop("the list {} is inside of another", name);
      }
    } else if (auto it = values_.variables.find(name);
               it == values_.variables.end() || !it->second.optional) {
      Problem("there is no section {}", name);
    }
    sections_.push_back(section);
    DropLineOfTag();
    out_ += fmt::format("{{{{{}{}}}}}", sigil, name);
  }

  void EndSection(const std::string& name) {
    if (sections_.empty() || sections_.back().name != name) {
      return Stop("{{{{/{}}}}} closes nothing", name);
    }
    if (sections_.back().quote_state != tracker_->State()) {
      Problem("the section {} begins inside and ends outside of quotes, or the reverse", name);
    }
    sections_.pop_back();
    DropLineOfTag();
    out_ += fmt::format("{{{{/{}}}}}", name);
  }

  // A section's tag that has its line for itself leaves nothing of the line, as mustache has it;
  // kainjow forgets that for sections that are left out.
  void DropLineOfTag() {
    const auto line_begin = out_.find_last_of('\n') + 1;  // 0 in the first line.
    const auto line_end = std::min(text_.find('\n', position_), text_.size());
    if (!Trim(std::string_view(out_).substr(line_begin)).empty() ||
        !Trim(std::string_view(text_).substr(position_, line_end - position_)).empty()) {
      return;
    }
    out_.resize(line_begin);
    tracker_->Feed('\n');
    position_ = std::min(line_end + 1, text_.size());
    ++line_;
  }

  void AddVariable(const std::string& name) {
    const bool field = std::any_of(sections_.begin(), sections_.end(), [&](const Section& section) {
      return section.list != nullptr &&
             std::count(section.list->fields.begin(), section.list->fields.end(), name) != 0;
    });
    if (!field && values_.variables.count(name) == 0) Problem("there is no variable {}", name);
    const bool quoted = tracker_->InQuotes();
    out_ += fmt::format("{{{{{}{}}}}}", quoted ? std::string(1, kQuotedMark) : "", name);
    // The value stands here; for the tracker it is a letter.
    tracker_->Feed('x');
  }

  const std::string& path_;
  const std::string& text_;
  const Values& values_;
  std::vector<std::string>* problems_;
  std::unique_ptr<QuoteTracker> tracker_;
  std::vector<Section> sections_;
  std::size_t position_ = 0;
  int line_ = 1;
  bool stopped_ = false;
  std::string out_;
};

// Remembers which variable is being written, which kainjow does not tell the escape function.
class Context : public mustache::context<std::string> {
 public:
  explicit Context(const mustache::data* data) : mustache::context<std::string>(data) {}

  const mustache::data* get(const std::string& name) const override {
    quoted_ = name[0] == kQuotedMark;
    name_ = quoted_ ? name.substr(1) : name;
    return mustache::context<std::string>::get(name_);
  }
  const std::string& name() const { return name_; }
  bool quoted() const { return quoted_; }

 private:
  mutable std::string name_;
  mutable bool quoted_ = false;
};

mustache::data ToData(const Values& values) {
  mustache::data data;
  for (const auto& [name, variable] : values.variables) {
    if (variable.optional && variable.value.empty()) {
      data.set(name, mustache::data(false));
    } else {
      data.set(name, mustache::data(variable.value));
    }
  }
  for (const auto& [name, list] : values.lists) {
    mustache::data items(mustache::data::type::list);
    for (const auto& fields : list.items) {
      mustache::data item;
      for (const auto& [field, value] : fields) item.set(field, mustache::data(value));
      items.push_back(item);
    }
    data.set(name, items);
  }
  return data;
}

bool IsChecked(const Values& values, const std::string& name) {
  if (const auto it = values.variables.find(name); it != values.variables.end()) {
    return it->second.checked;
  }
  return std::any_of(values.lists.begin(), values.lists.end(), [&](const auto& entry) {
    const List& list = entry.second;
    return list.checked &&
           std::find(list.fields.begin(), list.fields.end(), name) != list.fields.end();
  });
}

}  // namespace

bool AsksFor(const std::string& text, const std::string& name) {
  for (auto at = text.find("{{"); at != std::string::npos; at = text.find("{{", at + 2)) {
    const auto end = text.find("}}", at);
    if (end == std::string::npos) return false;
    std::string_view tag = Trim(std::string_view(text).substr(at + 2, end - at - 2));
    if (!tag.empty() && tag[0] == '#') tag = Trim(tag.substr(1));
    if (tag == name) return true;
  }
  return false;
}

std::string RenderTemplate(const std::string& path, Kind kind, const std::string& text,
                           const Values& values, std::vector<std::string>* problems) {
  if (text.size() > kMaxTemplateBytes) {
    problems->push_back(fmt::format("{}: longer than {} bytes", path, kMaxTemplateBytes));
    return {};
  }
  const std::size_t known = problems->size();
  const std::string compiled = Compiler(path, kind, text, values, problems).Run();
  if (problems->size() != known) return {};

  const mustache::data data = ToData(values);
  Context context(&data);
  try {
    mustache::mustache program(compiled);
    program.set_custom_escape([&](const std::string& value) -> std::string {
      if (IsChecked(values, context.name())) return value;
      absl::StatusOr<std::string> escaped = Escape(kind, context.quoted(), value);
      if (escaped.ok()) return *std::move(escaped);
      problems->push_back(
          fmt::format("{}: {{{{{}}}}}: {}", path, context.name(), Message(escaped.status())));
      return {};
    });
    std::string rendered = program.is_valid() ? program.render(context) : "";
    if (!program.is_valid()) {
      problems->push_back(fmt::format("{}: {}", path, program.error_message()));
    }
    return problems->size() == known ? rendered : "";
  } catch (const std::exception& e) {
    problems->push_back(fmt::format("{}: {}", path, e.what()));
    return {};
  }
}

}  // namespace dmgr::render
