// The languages of the page. Private to this room.
#ifndef DMGR_SERVER_PAGE_WORDS_H_
#define DMGR_SERVER_PAGE_WORDS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace dmgr::page {

enum class Language { kEnglish, kChinese };

// "en" or "zh", also as a part of HTML.
const char* CodeOf(Language language);
// Of "zh", "zh-CN" and so on; nullopt for what is neither.
std::optional<Language> ParseLanguage(std::string_view code);
// What a browser wants most of those that there are, by its Accept-Language; English otherwise.
Language WantedLanguage(std::string_view accept_language);

// All words of the page, by their names in the templates.
const std::map<std::string, std::string>& WordsIn(Language language);
// A word of the API's enums, such as "rolled-back", for people; itself when it is not known.
std::string Translated(Language language, const std::string& word);

}  // namespace dmgr::page

#endif  // DMGR_SERVER_PAGE_WORDS_H_
