#include "server/render/quoting.h"

#include <re2/re2.h>

#include <algorithm>

#include "common/error.h"
#include "common/utf8.h"

namespace dmgr::render {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// Scripts. Quotes may span lines.
class ShellTracker : public QuoteTracker {
 public:
  void Feed(char c) override {
    const char before = previous_;
    previous_ = c;
    if (state_ == kComment) {
      if (c == '\n') state_ = kPlain;
    } else if (state_ == kSingle) {
      if (c == '\'') state_ = kPlain;
    } else if (escaped_) {
      escaped_ = false;
      // An escaped line break joins the lines.
      previous_ = c == '\n' ? before_escape_ : 'x';
    } else if (c == '\\') {
      escaped_ = true;
      before_escape_ = before;
    } else if (state_ == kPlain) {
      FeedPlain(before, c);
    } else {
      FeedDouble(before, c);
    }
  }
  bool InQuotes() const override { return state_ == kDouble && !braces_; }
  int State() const override { return state_ * 4 + (escaped_ ? 2 : 0) + (braces_ ? 1 : 0); }
  void End() override {
    if (state_ == kSingle || state_ == kDouble) Refuse("a quote is not closed");
  }

 private:
  enum { kPlain, kSingle, kDouble, kComment };

  void FeedPlain(char before, char c) {
    if (c == '\'' && before == '$') {
      Refuse("$'...' is not allowed in a template: use double quotes");
    } else if (c == '<' && before == '<') {
      Refuse("here-documents are not allowed in a template");
    } else if (c == '\'') {
      state_ = kSingle;
    } else if (c == '"') {
      state_ = kDouble;
    } else if (c == '#' &&
               std::string_view(" \t\n;&|()<>").find(before) != std::string_view::npos) {
      state_ = kComment;
    }
  }
  void FeedDouble(char before, char c) {
    if (c == '`' || (c == '(' && before == '$')) {
      Refuse("commands inside double quotes are not allowed in a template");
    } else if (c == '{' && before == '$') {
      braces_ = true;
    } else if (c == '"') {
      if (braces_) Refuse("a double quote inside ${...} is not allowed in a template");
      state_ = kPlain;
    } else if (c == '}') {
      braces_ = false;
    }
  }

  int state_ = kPlain;
  bool escaped_ = false;
  bool braces_ = false;  // Inside "${".
  char previous_ = '\n';
  char before_escape_ = '\n';
};

// Formats whose quotes end on their line.
class LineTracker : public QuoteTracker {
 public:
  void Feed(char c) override {
    if (c != '\n') {
      FeedInLine(c);
      return;
    }
    EndLine();
    BeginLine();
  }
  void End() override { EndLine(); }

 protected:
  virtual void FeedInLine(char c) = 0;
  virtual void BeginLine() = 0;
  virtual void EndLine() = 0;
};

class YamlTracker : public LineTracker {
 public:
  bool InQuotes() const override { return state_ == kDouble; }
  int State() const override { return state_ * 2 + (escaped_ ? 1 : 0); }

 protected:
  void FeedInLine(char c) override {
    const char before = previous_;
    previous_ = c;
    const bool token_start =
        before == '\n' || IsBlank(before) || before == '[' || before == '{' || before == ',';
    if (escaped_) {
      escaped_ = false;
    } else if (state_ == kDouble) {
      if (c == '\\') escaped_ = true;
      if (c == '"') state_ = kPlain;
    } else if (state_ == kSingle) {
      if (c == '\'') state_ = kPlain;
    } else if (state_ == kPlain && token_start) {
      if (c == '"') state_ = kDouble;
      if (c == '\'') state_ = kSingle;
      if (c == '#') state_ = kComment;
    }
  }
  void BeginLine() override {
    state_ = kPlain;
    escaped_ = false;
    previous_ = '\n';
  }
  void EndLine() override {
    if (state_ == kDouble || state_ == kSingle) Refuse("a quote is not closed on its line");
  }

 private:
  enum { kPlain, kSingle, kDouble, kComment };
  int state_ = kPlain;
  bool escaped_ = false;
  char previous_ = '\n';
};

// INI as Grafana reads it: a value that begins with a backtick ends at the line's last one.
class IniTracker : public LineTracker {
 public:
  bool InQuotes() const override { return state_ == kQuoted; }
  int State() const override { return state_; }

 protected:
  void FeedInLine(char c) override {
    if (!IsBlank(c)) last_ = c;
    if (state_ == kQuoted) {
      ++quoted_length_;
    } else if (IsBlank(c)) {
      return;
    } else if (state_ == kStart) {
      state_ = c == '#' || c == ';' || c == '[' ? kOther : kKey;
    } else if (state_ == kKey) {
      if (c == '=' || c == ':') state_ = kValueStart;
    } else if (state_ == kValueStart) {
      state_ = c == '`' ? kQuoted : kOther;
      quoted_length_ = 0;
    }
  }
  void BeginLine() override { state_ = kStart; }
  void EndLine() override {
    if (state_ == kQuoted && (quoted_length_ == 0 || last_ != '`')) {
      Refuse("a value that begins with a backtick must end the line with one");
    }
  }

 private:
  enum { kStart, kKey, kValueStart, kQuoted, kOther };
  int state_ = kStart;
  int quoted_length_ = 0;
  char last_ = '\0';
};

// systemd units. Quotes mean something in Exec lines only.
class UnitTracker : public LineTracker {
 public:
  bool InQuotes() const override { return state_ == kDouble; }
  int State() const override { return state_ * 2 + (escaped_ ? 1 : 0); }

 protected:
  void FeedInLine(char c) override {
    if (state_ == kKey) {
      if (c == '=') state_ = key_.starts_with("Exec") ? kExec : kOther;
      key_ += c;
    } else if (escaped_) {
      escaped_ = false;
    } else if (state_ != kOther && c == '\\') {
      escaped_ = true;
    } else if (state_ == kExec) {
      if (c == '"') state_ = kDouble;
      if (c == '\'') Refuse("single quotes are not allowed in an Exec line of a template");
    } else if (state_ == kDouble && c == '"') {
      state_ = kExec;
    }
  }
  void BeginLine() override {
    state_ = kKey;
    key_.clear();
    escaped_ = false;
  }
  void EndLine() override {
    if (state_ == kDouble) Refuse("a quote is not closed on its line");
    if (escaped_) Refuse("an Exec line of a template must not go on in the next");
  }

 private:
  enum { kKey, kExec, kDouble, kOther };
  int state_ = kKey;
  bool escaped_ = false;
  std::string key_;
};

bool IsPlain(unsigned char c) {
  return std::isalnum(c) != 0 ||
         std::string_view("._/@:+-").find(static_cast<char>(c)) != std::string_view::npos;
}

// Whether a YAML reader takes all of it as it is, between double quotes: it ends lines at three
// characters beyond ASCII as well, and refuses a whole file for others.
bool IsYamlText(std::string_view value) {
  constexpr std::string_view kRefused[] = {"\u2028", "\u2029", "\ufeff", "\ufffe", "\uffff"};
  while (!value.empty()) {
    const std::size_t length = Utf8Length(value);
    if (length == 0) return false;
    const std::string_view sequence = value.substr(0, length);
    if (IsControl(sequence) || std::ranges::find(kRefused, sequence) != std::end(kRefused)) {
      return false;
    }
    value.remove_prefix(length);
  }
  return true;
}

absl::Status Unfit(std::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "VALUE_UNFIT", "{}", why);
}

// Puts before before each character of which.
std::string WithBefore(const std::string& value, std::string_view which, char before) {
  std::string text;
  for (const char c : value) {
    if (which.find(c) != std::string_view::npos) text += before;
    text += c;
  }
  return text;
}

}  // namespace

std::unique_ptr<QuoteTracker> QuoteTracker::Create(Kind kind) {
  switch (kind) {
    case Kind::kShell:
      return std::make_unique<ShellTracker>();
    case Kind::kIni:
      return std::make_unique<IniTracker>();
    case Kind::kYaml:
      return std::make_unique<YamlTracker>();
    case Kind::kUnit:
      return std::make_unique<UnitTracker>();
  }
  return nullptr;
}

absl::StatusOr<std::string> Escape(Kind kind, bool quoted, const std::string& value) {
  const bool has_control = std::any_of(value.begin(), value.end(),
                                       [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (has_control) return Unfit("its value has a line break or another control character");
  if (!quoted) {
    if (std::all_of(value.begin(), value.end(), IsPlain)) return value;
    return Unfit("its value has characters that need quotes, and the template has none there");
  }
  switch (kind) {
    case Kind::kShell:
      return WithBefore(value, "\\\"$`", '\\');
    case Kind::kYaml:
      // Grafana replaces $NAME in its provisioning files.
      if (value.find('$') != std::string::npos) return Unfit("its value has a dollar sign");
      if (!IsYamlText(value)) return Unfit("its value has a character that YAML does not take");
      return WithBefore(value, "\\\"", '\\');
    case Kind::kUnit: {
      const std::string text = WithBefore(value, "\\\"", '\\');
      return WithBefore(WithBefore(text, "%", '%'), "$", '$');
    }
    case Kind::kIni: {
      // The two things that Grafana replaces even between backticks.
      static const re2::RE2 kReplaced(R"(%\([^)]*\)s|\$(__\w+)?\{[^}]*\})", re2::RE2::Latin1);
      if (re2::RE2::PartialMatch(value, kReplaced)) {
        return Unfit("its value has a %(...)s, ${...} or $__...{...}, which Grafana replaces");
      }
      return value;
    }
  }
  return Unfit("unknown kind of file");
}

}  // namespace dmgr::render
