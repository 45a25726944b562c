// Templates of a package, which anybody may have written, and values in them.
#include <yaml-cpp/yaml.h>

#include "server/render/template.h"
#include "tests/fuzz/targets.h"

namespace dmgr::fuzz {
namespace {

using render::Kind;

std::string Rendered(Kind kind, const std::string& text, const std::string& value,
                     std::vector<std::string>* problems) {
  render::Values values;
  values.variables["x"] = {.value = value};
  values.variables["o"] = {.value = value, .optional = true};
  values.lists["l"] = {.fields = {"f"}, .items = {{{"f", value}}, {{"f", "2"}}}};
  return render::RenderTemplate("t", kind, text, values, problems);
}

// What stands between the two texts, which are all else.
std::string Between(const std::string& text, std::string_view before, std::string_view after) {
  Must(text.size() >= before.size() + after.size() && text.starts_with(before) &&
           text.ends_with(after),
       "a value has changed what stands around it");
  return text.substr(before.size(), text.size() - before.size() - after.size());
}

// Between double quotes, as a shell reads it.
std::string OfShell(const std::string& text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Must(std::string_view("\"$`").find(text[i]) == std::string_view::npos, "a shell sees more");
    if (text[i] == '\\') {
      Must(++i < text.size() && std::string_view("\"$`\\").find(text[i]) != std::string_view::npos,
           "a backslash is one to a shell");
    }
    value += text[i];
  }
  return value;
}

// The same, in an Exec line, as systemd reads it.
std::string OfUnit(const std::string& text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    Must(text[i] != '"', "systemd sees the end of a quote");
    if (text[i] == '\\') {
      Must(++i < text.size() && (text[i] == '\\' || text[i] == '"'), "systemd sees an escape");
    } else if (text[i] == '%' || text[i] == '$') {
      Must(i + 1 < text.size() && text[i + 1] == text[i], "systemd sees a variable");
      ++i;
    }
    value += text[i];
  }
  return value;
}

// A value that passes is read as it was.
void CheckValue(const std::string& value) {
  std::vector<std::string> problems;
  const std::string shell = Rendered(Kind::kShell, "a \"{{x}}\" b", value, &problems);
  if (problems.empty()) Must(OfShell(Between(shell, "a \"", "\" b")) == value, "not the value");
  problems.clear();
  const std::string unit = Rendered(Kind::kUnit, "ExecStart=/a \"{{x}}\" b", value, &problems);
  if (problems.empty()) {
    Must(OfUnit(Between(unit, "ExecStart=/a \"", "\" b")) == value, "not the value");
  }
  problems.clear();
  const std::string yaml = Rendered(Kind::kYaml, "k: \"{{x}}\"\nn: 1\n", value, &problems);
  if (problems.empty()) {
    const auto read = YAML::Load(yaml);
    Must(read.size() == 2 && read["k"].as<std::string>() == value && read["n"].as<int>() == 1,
         "not the value");
  }
  problems.clear();
  const std::string ini = Rendered(Kind::kIni, "k = `{{x}}`\nn = 1\n", value, &problems);
  if (problems.empty()) Must(Between(ini, "k = `", "`\nn = 1\n") == value, "not the value");
}

}  // namespace

void FuzzTemplates(std::string_view input) {
  const auto kind = static_cast<Kind>(TakeByte(&input) % 4);
  const std::string value = TakeUntil(&input, '\0');
  CheckValue(value);
  std::vector<std::string> problems;
  const std::string text(input);
  const std::string rendered = Rendered(kind, text, value, &problems);
  Must(problems.empty() || rendered.empty(), "a template with problems is rendered");
  render::AsksFor(text, "x");
}

}  // namespace dmgr::fuzz
