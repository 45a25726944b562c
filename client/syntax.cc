#include "client/syntax.h"

#include <CLI/CLI.hpp>

#include "client/commands/when.h"
#include "common/error.h"

namespace dmgr::client {

const Option& Option::Required() const {
  option_->check(
      [](const std::string& value) { return value.empty() ? "is empty" : std::string(); });
  return Given();
}

const Option& Option::Given() const {
  option_->required();
  return *this;
}

const Option& Option::File() const {
  option_->check(CLI::ExistingFile);
  return *this;
}

const Option& Option::Folder() const {
  option_->check(CLI::ExistingDirectory);
  return *this;
}

const Option& Option::OneOf(const std::vector<std::string>& words) const {
  option_->check(CLI::IsMember(words));
  return *this;
}

const Option& Option::Between(int least, int most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

const Option& Option::Span() const {
  option_->check([](const std::string& value) {
    const auto span = ParseSpan(value);
    return span.ok() ? std::string() : std::string(Message(span.status()));
  });
  return *this;
}

const Option& Option::List() const {
  option_->delimiter(',');
  return *this;
}

const Option& Option::Excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

Option Syntax::Add(const std::string& names, std::string* value, const std::string& text) const {
  return Option(app_->add_option(names, *value, text));
}

Option Syntax::Add(const std::string& names, int* value, const std::string& text) const {
  return Option(app_->add_option(names, *value, text));
}

Option Syntax::Add(const std::string& names, unsigned* value, const std::string& text) const {
  return Option(app_->add_option(names, *value, text));
}

Option Syntax::Add(const std::string& names, std::vector<std::string>* values,
                   const std::string& text) const {
  auto* option = app_->add_option(names, *values, text);
  if (names.starts_with('-')) {
    // One value each time, or it would eat what follows, and the "--" before a program's words.
    option->expected(1)->allow_extra_args(false);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  return Option(option);
}

Option Syntax::Flag(const std::string& names, bool* value, const std::string& text) const {
  return Option(app_->add_flag(names, *value, text));
}

}  // namespace dmgr::client
