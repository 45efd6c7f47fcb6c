#include "http/room_texts.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace fluxgate::http {
namespace {

RoomTexts must_make(std::string_view own = {}) {
  Result<RoomTexts> texts = RoomTexts::make(own);
  if (!texts) FAIL(texts.error().message);
  return *std::move(texts);
}

std::string message_of(std::string_view own) {
  const Result<RoomTexts> texts = RoomTexts::make(own);
  REQUIRE_FALSE(texts.has_value());
  REQUIRE(texts.error().code == ErrorCode::invalid_argument);
  return texts.error().message;
}

}  // namespace

TEST_CASE("RoomTexts: Accept-Language → the best language there is", "[http][unit]") {
  struct Case {
    const char* header;
    const char* chosen;
  };
  const RoomTexts texts = must_make();
  for (const Case& each : std::vector<Case>{{"", "en"},
                                            {"de", "de"},
                                            {"DE-at", "de"},
                                            {"fr-CA,fr;q=0.9,en;q=0.8", "fr"},
                                            {"nl, es;q=0.7, ja;q=0.8", "ja"},
                                            {"de;q=0.5 , fr ; q=0.6", "fr"},
                                            {"de;q=0.5,es;q=0.5", "de"},
                                            {"de;q=0, es;q=0.001", "es"},
                                            {"nl, *;q=0.5, de;q=0.4", "en"},
                                            {"de;q=1.000, fr;q=1", "de"},
                                            {"fr;q=x, de;q=0.1", "de"},
                                            {"zh-Hant-TW, es-419;q=0.2", "es"},
                                            {",,;q=1,;;,-,ja", "ja"},
                                            {"d, deu, e", "en"},
                                            {"*", "en"}}) {
    INFO(each.header);
    CHECK(texts.choose(each.header).tag() == each.chosen);
  }
}

TEST_CASE("RoomTexts: every language → every text, with the same holes", "[http][unit]") {
  const auto holes = [](const std::string& text) {
    std::set<std::string> found;
    for (const char* hole : {"{n}", "{product}"}) {
      if (text.find(hole) != std::string::npos) found.insert(hole);
    }
    return found;
  };
  const RoomTexts texts = must_make();
  REQUIRE(texts.languages.size() == 5);
  const RoomLanguage& english = texts.languages.front();
  REQUIRE(english.tag() == "en");
  for (const RoomLanguage& language : texts.languages) {
    for (const auto& [key, forms] : english.texts()) {
      INFO(language.tag() << "." << key);
      CHECK_FALSE(language.text(key).empty());
      CHECK(holes(language.text(key)) == holes(english.text(key)));
    }
    CHECK(language.texts().size() == english.texts().size());
  }
}

TEST_CASE("RoomLanguage: a number → the plural form of the language", "[http][unit]") {
  struct Case {
    const char* language;
    std::uint64_t n;
    const char* text;
  };
  const RoomTexts texts = must_make();
  for (const Case& each : std::vector<Case>{{"en", 0, "0 people"},
                                            {"en", 1, "1 person"},
                                            {"en", 2, "2 people"},
                                            {"en", 1'000'000, "1,000,000 people"},
                                            {"de", 0, "0 Personen"},
                                            {"de", 1, "1 Person"},
                                            {"de", 21, "21 Personen"},
                                            {"fr", 0, "0 personne"},
                                            {"fr", 1, "1 personne"},
                                            {"fr", 2, "2 personnes"},
                                            {"fr", 12345, "12\u202f345 personnes"},
                                            {"fr", 2'000'000, "2\u202f000\u202f000 de personnes"},
                                            {"es", 0, "0 personas"},
                                            {"es", 1, "1 persona"},
                                            {"es", 1'000'000, "1.000.000 de personas"},
                                            {"es", 1'000'001, "1.000.001 personas"},
                                            {"ja", 0, "0人"},
                                            {"ja", 1, "1人"},
                                            {"ja", 1234, "1234人"}}) {
    const RoomLanguage& language = texts.choose(each.language);
    REQUIRE(language.tag() == each.language);
    CHECK(language.with_number("ahead", each.n) == each.text);
  }
}

TEST_CASE("RoomLanguage: a wait → rounded up, in a unit that fits", "[http][unit]") {
  struct Case {
    std::uint64_t seconds;
    const char* text;
  };
  const RoomTexts texts = must_make();
  for (const Case& each : std::vector<Case>{{0, "a few seconds"},
                                            {5, "a few seconds"},
                                            {6, "10 seconds"},
                                            {55, "55 seconds"},
                                            {56, "1 minute"},
                                            {61, "2 minutes"},
                                            {5400, "90 minutes"},
                                            {5401, "2 hours"},
                                            {360'000, "100 hours"}}) {
    CHECK(texts.languages.front().duration(each.seconds) == each.text);
  }
}

TEST_CASE("RoomTexts: a shop's own → in place of what is built in", "[http][unit]") {
  const RoomTexts texts = must_make(R"json({
    "colors": {"accent": "rgb(1 2 3 / 50%)"},
    "de": {"order_button": "Kaufen"},
    "pt-BR": {
  "order_button" : "Comprar", "ahead" : {
    "one" : "{n} pessoa", "other" : "{n} pessoas"
  }
}
})json");
  CHECK(texts.colors.at("accent") == "rgb(1 2 3 / 50%)");
  CHECK(texts.colors.at("text") == must_make().colors.at("text"));
  CHECK(texts.choose("de").text("order_button") == "Kaufen");
  CHECK(texts.choose("de").text("place_label") == "Ihr Platz in der Schlange");
  const RoomLanguage& portuguese = texts.choose("pt-br");
  CHECK(portuguese.tag() == "pt-BR");
  CHECK(portuguese.text("order_button") == "Comprar");
  CHECK(portuguese.with_number("ahead", 1) == "1 pessoa");
  CHECK(portuguese.with_number("ahead", 2) == "2 pessoas");
  CHECK(portuguese.text("place_label") == "your place in line");
}

TEST_CASE("RoomTexts: a tag in other letters → the same language", "[http][unit]") {
  const RoomTexts texts = must_make(R"({"DE":{"heading_waiting":"Moin"}})");
  CHECK(texts.languages.size() == 5);
  CHECK(texts.choose("de-AT").text("heading_waiting") == "Moin");
}

TEST_CASE("RoomTexts: what cannot be → one line that names it", "[http][unit]") {
  const std::string start = "waiting-room-texts: ";
  CHECK(message_of("{").starts_with(start + "not JSON: "));
  CHECK(message_of("[]") == start + "must be an object");
  CHECK(message_of(R"({"d":{}})") == start + "d: unknown key");
  CHECK(message_of(R"({"d\r\nx":{}})") == start + "d\r\nx: unknown key");
  for (const char* tag : {"pt-", "de--AT", "-de", "d3", "de-abcdefghi"}) {
    CHECK(message_of("{\"" + std::string(tag) + "\":{}}") == start + tag + ": unknown key");
  }
  CHECK(message_of(R"({"de":{"heading_waiting":{"one":"x","other":"y"}}})") ==
        start + "de.heading_waiting: has no number, so one text only");
  CHECK(message_of(R"({"de":1})") == start + "de: must be an object");
  CHECK(message_of(R"({"de":{"buy":"x"}})") == start + "de.buy: unknown key");
  CHECK(message_of(R"({"de":{"ahead":1}})") == start + "de.ahead: must be text");
  CHECK(message_of(R"({"de":{"ahead":"a\u0001"}})") ==
        start + "de.ahead: must have no control characters");
  CHECK(message_of(R"({"de":{"ahead":{"one":"x"}}})") == start + "de.ahead: has no form \"other\"");
  CHECK(message_of(R"({"de":{"ahead":{"other":"x","dual":"y"}}})") ==
        start + "de.ahead: must have texts named zero, one, two, few, many and other");
  CHECK(message_of(R"({"colors":{"accent":"red;}</style>"}})") ==
        start + "colors.accent: must be a CSS colour");
  CHECK(message_of(R"({"colors":{"pink":"red"}})") == start + "colors.pink: unknown key");
  CHECK(message_of(R"({"colors_dark":{"text":1}})") ==
        start + "colors_dark.text: must be a CSS colour");
}

}  // namespace fluxgate::http
