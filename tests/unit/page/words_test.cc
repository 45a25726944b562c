// In which language a page is, and what a form says.
#include "server/page/words.h"

#include <catch2/catch.hpp>

#include "common/enum_words.h"
#include "dmgr/v1/cluster_service.pb.h"
#include "dmgr/v1/operation_service.pb.h"
#include "dmgr/v1/task_service.pb.h"
#include "server/page/http.h"

namespace dmgr::page {
namespace {

TEST_CASE("a browser gets the language that it wants most of those that there are", "[page]") {
  const auto is_chinese = [](const char* accepted) {
    return WantedLanguage(accepted) == Language::kChinese;
  };
  CHECK(is_chinese("zh-CN,zh;q=0.9,en;q=0.8"));
  CHECK(is_chinese("fr, en;q=0.2, zh;q=0.5"));
  CHECK(is_chinese("ZH"));
  CHECK_FALSE(is_chinese(""));
  CHECK_FALSE(is_chinese("en-US,zh;q=0.9"));
  CHECK_FALSE(is_chinese("en,zh"));
  CHECK_FALSE(is_chinese("fr"));
  CHECK_FALSE(is_chinese("zh;q=0"));
  CHECK_FALSE(is_chinese("zh;q=much"));
  CHECK_FALSE(is_chinese("zhx"));
  CHECK(ParseLanguage("zh") == Language::kChinese);
  CHECK_FALSE(ParseLanguage("").has_value());
  CHECK_FALSE(ParseLanguage("zh<script>").has_value());
}

TEST_CASE("every word is there in both languages", "[page]") {
  const auto& english = WordsIn(Language::kEnglish);
  const auto& chinese = WordsIn(Language::kChinese);
  CHECK(english.size() > 30);
  CHECK(english.size() == chinese.size());
  for (const auto& [name, text] : english) {
    INFO(name);
    CHECK_FALSE(text.empty());
    CHECK_FALSE(chinese.at(name).empty());
  }
  CHECK(Translated(Language::kEnglish, "rolling-back") == "rolling back");
  CHECK(Translated(Language::kChinese, "rolling-back") == "回滚中");
  CHECK(Translated(Language::kChinese, "of-a-later-version") == "of-a-later-version");
}

// Every value of an enum but the one that says nothing.
void CheckTranslated(const google::protobuf::EnumDescriptor* values) {
  for (int i = 0; i < values->value_count(); ++i) {
    const std::string word = EnumWord(values, values->value(i)->number());
    INFO(values->value(i)->name());
    if (!word.empty()) CHECK(Translated(Language::kChinese, word) != word);
  }
}

TEST_CASE(
    "what an operation does, and how it, a step, a cluster and a task are, is said in Chinese",
    "[page]") {
  CheckTranslated(v1::OperationKind_descriptor());
  CheckTranslated(v1::OperationState_descriptor());
  CheckTranslated(v1::StepState_descriptor());
  CheckTranslated(v1::ClusterState_descriptor());
  CheckTranslated(v1::TaskStage_descriptor());
  CheckTranslated(v1::TaskUnit_descriptor());
}

TEST_CASE("a form is read as browsers send it", "[page]") {
  const auto fields = ParseForm("user=a+b&password=p%26%3D%2b%E4%B8%AD&empty=&none");
  CHECK(fields.size() == 3);
  CHECK(fields.at("user").text() == "a b");
  CHECK(fields.at("password").text() == "p&=+中");
  CHECK(fields.at("empty").empty());
  CHECK(ParseForm("").empty());
}

}  // namespace
}  // namespace dmgr::page
