// TOML, the language of templates, and what is read of a package.
#include "server/render/toml_config.h"
#include "tests/unit/render/support.h"

namespace dmgr::render {

TEST_CASE("TOML: base, then config; dotted keys fold, types stay") {
  const auto merged =
      MergeToml("conf/dm-master.toml",
                "log-level = \"info\"\nrpc-timeout = \"30s\"\nname = \"sample\"\njoin = \"\"\n",
                Config({{"log-level", String("debug \"quoted\" \\ ")},
                        {"max-txn-ops", Number(4096)},
                        {"rpc-rate-limit", Number(10)},
                        {"experimental.openapi", Bool(true)}}),
                Component::kDmMaster, "v7.5.1");
  REQUIRE(merged.ok());
  CAPTURE(*merged);
  CHECK(merged->find("log-level = \"debug \\\"quoted\\\" \\\\ \"\n") != std::string::npos);
  CHECK(merged->find("rpc-timeout = \"30s\"\n") != std::string::npos);
  CHECK(merged->find("max-txn-ops = 4096\n") != std::string::npos);
  CHECK(merged->find("rpc-rate-limit = 10.0\n") != std::string::npos);
  CHECK(merged->find("[experimental]\n") != std::string::npos);
  CHECK(merged->find("openapi = true") != std::string::npos);
  // Flags of the run script say these.
  CHECK(merged->find("name") == std::string::npos);
  CHECK(merged->find("join") == std::string::npos);
}

TEST_CASE("TOML: what DM would exit at is refused by name and version") {
  const auto failure = [](const std::string& base, Component component, const std::string& version,
                          const google::protobuf::Struct& config = {}) -> std::string {
    const auto merged = MergeToml("conf/x.toml", base, config, component, version);
    if (merged.ok()) return "";
    std::string text(Message(merged.status()));
    const auto violations = FieldViolations(merged.status());
    for (const auto& violation : violations.field_violations()) {
      text += " " + violation.field() + ": " + violation.description();
    }
    return text;
  };
  using Catch::Contains;
  CHECK_THAT(failure("openapi = true", Component::kDmMaster, "v5.3.0"),
             Contains("config.openapi: dm-master has this key from v5.4.0 on, not in v5.3.0"));
  CHECK(failure("openapi = true", Component::kDmMaster, "v5.4.0").empty());
  CHECK_THAT(failure("relay-dir = \"r\"", Component::kDmWorker, "v5.3.0"), Contains("v5.4.0"));
  CHECK_THAT(failure("nosuch = 1", Component::kDmWorker, "v7.5.1"),
             Contains("config.nosuch: dm-worker has no such key"));
  CHECK_THAT(failure("[a.b]\nc = 1", Component::kDmWorker, "v7.5.1"), Contains("config.a.b.c"));
  CHECK(failure("nosuch = 1", Component::kDmWorker, "v10.0.0").empty());
  CHECK_THAT(failure("a = [", Component::kDmWorker, "v7.5.1"), Contains("conf/x.toml line 1"));
  CHECK_THAT(failure("log-level = \"info\"", Component::kDmWorker, "v7.5.1",
                     Config({{"log-level.x", Number(1)}})),
             Contains("log-level has a value already"));
}

TEST_CASE("TOML: a key of a million parts is a problem, not the end of dmgrd") {
  std::string deep = "a";
  for (int i = 0; i < 1'000'000; ++i) deep += ".a";
  CHECK(TomlProblem("conf/x.toml", deep + " = 1\n") ==
        "conf/x.toml line 1: a key has more than 32 parts");
  Fixture f;
  f.package["conf/dm-worker.toml"] = "\n[" + deep + "]\n";
  CHECK(CheckTemplates(f.package) ==
        std::vector<std::string>{"conf/dm-worker.toml line 2: a key has more than 32 parts"});
}

TEST_CASE("templates: an unknown variable or section is named with its line") {
  Fixture f;
  f.package["template/run_dm-worker.sh.tmpl"] =
      "#!/bin/bash\necho \"{{nosuch}}\"\n{{#numa_node}}\n\"{{neither}}\"\n{{/numa_node}}\n";
  const std::string message = f.Failure(Component::kDmWorker);
  CHECK_THAT(message, Catch::Contains("template/run_dm-worker.sh.tmpl line 2: there is no variable "
                                      "nosuch"));
  // Also in a section that is left out.
  CHECK_THAT(message, Catch::Contains("line 4: there is no variable neither"));
  CHECK(CheckTemplates(f.package) ==
        std::vector<std::string>{
            "template/run_dm-worker.sh.tmpl line 2: there is no variable nosuch",
            "template/run_dm-worker.sh.tmpl line 4: there is no variable neither"});
  f.package.erase("template/run_dm-worker.sh.tmpl");
  CHECK_THAT(f.Failure(Component::kDmWorker),
             Catch::Contains("the package has no template/run_dm-worker.sh.tmpl"));
}

TEST_CASE("templates: what could let a value break out is refused") {
  const Values values = WithX("v");
  for (const char* text :
       {"{{{x}}}", "{{&x}}", "{{>x}}", "{{=<% %>=}}", "{{x", "{{}}", "{{ X }}", "{{a.b}}",
        "{{#x}}{{/x}}", "{{/x}}", "{{^nosuch}}{{/nosuch}}", "\"{{x}}", "\"$(echo {{x}})\"",
        "\"`echo {{x}}`\"", "cat <<EOF\n{{x}}\nEOF\n", "echo $'{{x}}'", "\"${a:-\"{{x}}\"}\""}) {
    CAPTURE(text);
    CHECK_FALSE(Problems(Kind::kShell, text, values).empty());
  }
  CHECK_FALSE(Problems(Kind::kYaml, "a: \"{{x}}\nb: c\"\n", values).empty());
  CHECK_FALSE(Problems(Kind::kIni, "a = `{{x}}\n", values).empty());
  CHECK_FALSE(Problems(Kind::kUnit, "ExecStart=/bin/x \"{{x}}\n", values).empty());
  std::string deep;
  Values optional;
  optional.variables["x"] = {.value = "v", .optional = true};
  for (int i = 0; i < 100000; ++i) deep += "{{#x}}";
  CHECK_FALSE(Problems(Kind::kShell, deep, optional).empty());
  CHECK_FALSE(Problems(Kind::kShell, std::string(kMaxTemplateBytes + 1, ' '), values).empty());
  Values lists;
  lists.lists["l"] = {.fields = {"f"}, .items = {{{"f", "1"}}, {{"f", "2"}}}};
  CHECK(RenderText(Kind::kShell, "{{#l}}{{f}}{{/l}}{{^l}}none{{/l}}", lists) == "12");
  CHECK_FALSE(Problems(Kind::kShell, "{{#l}}{{#l}}{{f}}{{/l}}{{/l}}", lists).empty());
  CHECK_FALSE(Problems(Kind::kShell, "{{#l}}{{/l}}{{f}}", lists).empty());
  // A section must not open a quote that the text after it thinks is open.
  CHECK_FALSE(Problems(Kind::kShell, "{{#x}}\"{{/x}}{{x}}{{#x}}\"{{/x}}", optional).empty());
}

TEST_CASE("templates: without quotes only plain values pass") {
  CHECK(RenderText(Kind::kShell, "a={{x}}", WithX("1.2-3_4/5@6:7+8")) == "a=1.2-3_4/5@6:7+8");
  for (const char* value : {"a b", "a;b", "$x", "a'b", "a\"b", "*", "~", "a#b", "(", "<", "a,b"}) {
    for (const Kind kind : {Kind::kShell, Kind::kIni, Kind::kYaml, Kind::kUnit}) {
      CAPTURE(value);
      CHECK_FALSE(Problems(kind, "a = {{x}}", WithX(value)).empty());
    }
    // Single quotes and comments are no quotes to write in.
    CHECK_FALSE(Problems(Kind::kShell, "'{{x}}'", WithX(value)).empty());
    CHECK_FALSE(Problems(Kind::kShell, "# \"{{x}}\"", WithX(value)).empty());
  }
}

TEST_CASE("templates: escapes of each format") {
  CHECK(RenderText(Kind::kShell, "\"{{x}}\"", WithX(R"(a"b\c$d`e)")) == R"("a\"b\\c\$d\`e")");
  CHECK(RenderText(Kind::kYaml, "k: \"{{x}}\"", WithX(R"(a"b\c: #d)")) == R"(k: "a\"b\\c: #d")");
  CHECK_FALSE(Problems(Kind::kYaml, "k: \"{{x}}\"", WithX("$HOME")).empty());
  // Ends of lines to YAML, and what its readers refuse the whole file for.
  for (const char* text :
       {"a\u0085b", "a\u2028b", "\u2029", "\ufeff", "\uffff", "\u009b", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(Problems(Kind::kYaml, "k: \"{{x}}\"", WithX(text)).empty());
  }
  CHECK(RenderText(Kind::kYaml, "k: \"{{x}}\"", WithX("\u00e9\u4e2d")) == "k: \"\u00e9\u4e2d\"");
  CHECK(RenderText(Kind::kUnit, "ExecStart=/bin/sh \"{{x}}\"", WithX(R"(a"b\c%d$e)")) ==
        R"(ExecStart=/bin/sh "a\"b\\c%%d$$e")");
  CHECK_FALSE(Problems(Kind::kUnit, "Description=\"{{x}}\"", WithX("a b")).empty());
  CHECK(RenderText(Kind::kIni, "k = `{{x}}`", WithX("a`b#c")) == "k = `a`b#c`");
}

TEST_CASE("templates: what Grafana replaces in a value is refused, and nothing else") {
  const auto passes = [](const std::string& value) {
    return Problems(Kind::kIni, "k = `{{x}}`", WithX(value)).empty();
  };
  for (const char* value :
       {"%(name)s", "a%()s", "%(a%(b)s", "%(\xff)s", "${HOME}", "${}", "a${\xff}b", "$__env{HOME}",
        "$__file{/etc/passwd}", "$__x_1{}", "$$__env{x}", "%(a)d %(b)s", "${a %(b)s"}) {
    CAPTURE(value);
    CHECK_FALSE(passes(value));
  }
  for (const char* value :
       {"%", "%(", "%(a", "%(a)", "%(a)d", "%s", "%%", "$", "$HOME", "${", "${a", "$__{", "$__{x}",
        "$__env", "$_x{y}", "$__a-b{c}", "a}b{c$", "50% (x)s"}) {
    CAPTURE(value);
    CHECK(passes(value));
  }
}

TEST_CASE("templates: a value may be long") {
  constexpr std::size_t kLength = 200000;
  for (const char* piece : {"x", "%(", "${", "$__a", "%(a)", "$"}) {
    std::string value;
    while (value.size() < kLength) value += piece;
    CAPTURE(piece);
    CHECK(Problems(Kind::kIni, "k = `{{x}}`", WithX(value)).empty());
    CHECK_FALSE(Problems(Kind::kIni, "k = `{{x}}`", WithX(value + "%(a)s")).empty());
  }
}

TEST_CASE("LoadPackageFiles takes texts and leaves programs out") {
  const test::TempDir dir;
  dir.Write("bin/dm-master", "x");
  dir.Write("template/a.tmpl", "t");
  dir.Write("conf/dm-master.toml", "c");
  dir.Write("others/dmctl", "x");
  dir.Write("others/task_basic.yml", "y");
  dir.Write("grafana.tar.gz", "x");
  dir.Write("grafana/bin/grafana-server", "x");
  dir.Write("grafana/homepath/public/a.js", "x");
  dir.Write("grafana/dashboards/dm.json", "{}");
  dir.Write("big", std::string(5U << 20, 'x'));
  fs::create_symlink("/etc/passwd", dir / "conf/link");
  const auto files = LoadPackageFiles(dir.path());
  REQUIRE(files.ok());
  CHECK(*files == PackageFiles{{"template/a.tmpl", "t"},
                               {"conf/dm-master.toml", "c"},
                               {"others/task_basic.yml", "y"},
                               {"grafana/dashboards/dm.json", "{}"}});
  CHECK_FALSE(LoadPackageFiles(dir / "nosuch").ok());
}
}  // namespace dmgr::render
