#include "http/room_texts.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "http/ascii.hpp"
#include "http/pages.hpp"

namespace fluxgate::http {
namespace {

namespace dom = simdjson::dom;
using Colors = std::map<std::string, std::string, std::less<>>;

constexpr std::array<std::string_view, 6> plural_forms{"zero", "one",  "two",
                                                       "few",  "many", "other"};
constexpr std::size_t color_bytes_max = 64;
constexpr std::uint64_t million = 1'000'000;

Error problem(std::string_view place, std::string_view what) {
  std::string message = "waiting-room-texts";
  if (!place.empty()) message.append(": ").append(place);
  return {ErrorCode::invalid_argument, message.append(": ").append(what)};
}

// Plural category of a whole number (CLDR 42). Languages we do not know are taken for English.
std::string_view category(std::string_view tag, std::uint64_t n) noexcept {
  const std::string_view language = tag.substr(0, tag.find('-'));
  if (language == "ja" || language == "zh" || language == "ko") return "other";
  const bool has_many = language == "fr" || language == "es" || language == "it";
  if (has_many && n != 0 && n % million == 0) return "many";
  if (n == 1 || (language == "fr" && n == 0)) return "one";
  return "other";
}

// What may stand in a style sheet: neither the end of a declaration nor of the element.
bool is_color(std::string_view text) noexcept {
  static constexpr std::string_view marks = "#(),.%/ -";
  return !text.empty() && text.size() <= color_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  marks.find(c) != std::string_view::npos;
         });
}

// Language tags go into a header and an attribute.
bool is_tag(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return lower_case(c) >= 'a' && lower_case(c) <= 'z'; };
  if (text.size() < 2 || text.size() > 35) return false;
  const std::string_view language = text.substr(0, text.find('-'));
  if (!std::all_of(language.begin(), language.end(), is_letter)) return false;
  for (std::string_view rest = text;;) {
    const std::size_t hyphen = rest.find('-');
    const std::string_view part = rest.substr(0, hyphen);
    const bool is_part =
        !part.empty() && part.size() <= 8 && std::all_of(part.begin(), part.end(), [&](char c) {
          return is_letter(c) || (c >= '0' && c <= '9');
        });
    if (!is_part) return false;
    if (hyphen == std::string_view::npos) return true;
    rest.remove_prefix(hyphen + 1);
  }
}

bool is_same_tag(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_case(x) == lower_case(y); });
}

// Texts are for people; control characters also mark the slots of a compiled page.
bool is_text(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
}

Result<void> read_colors(dom::object from, std::string_view place, bool is_built_in, Colors& to) {
  for (const auto [key, value] : from) {
    const std::string here = std::string(place).append(".").append(key);
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || !is_color(text)) {
      return problem(here, "must be a CSS colour");
    }
    if (!is_built_in && to.find(key) == to.end()) return problem(here, "unknown key");
    to.insert_or_assign(std::string(key), std::string(text));
  }
  return {};
}

Result<RoomLanguage::Forms> read_forms(dom::element value, std::string_view place) {
  std::string_view text;
  RoomLanguage::Forms forms;
  if (value.get(text) == simdjson::SUCCESS) {
    if (!is_text(text)) return problem(place, "must have no control characters");
    forms.emplace("other", text);
    return forms;
  }
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return problem(place, "must be text");
  for (const auto [form, element] : object) {
    const bool is_form =
        std::find(plural_forms.begin(), plural_forms.end(), form) != plural_forms.end();
    if (!is_form || element.get(text) != simdjson::SUCCESS || !is_text(text)) {
      return problem(place, "must have texts named zero, one, two, few, many and other");
    }
    forms.insert_or_assign(std::string(form), std::string(text));
  }
  if (forms.find("other") == forms.end()) return problem(place, "has no form \"other\"");
  return forms;
}

// `built_in`: the texts that are there, to show which have a number; null: these are they.
Result<void> read_language(dom::object from, const RoomLanguage::Texts* built_in,
                           RoomLanguage& to) {
  for (const auto [key, value] : from) {
    const std::string here = to.tag() + "." + std::string(key);
    if (built_in != nullptr) {
      const auto known = built_in->find(key);
      if (known == built_in->end()) return problem(here, "unknown key");
      const bool has_number = known->second.size() > 1;
      if (!has_number && value.is_object()) return problem(here, "has no number, so one text only");
    }
    Result<RoomLanguage::Forms> forms = read_forms(value, here);
    if (!forms) return forms.error();
    to.texts().insert_or_assign(std::string(key), *std::move(forms));
  }
  return {};
}

RoomLanguage& language_of(RoomTexts& texts, std::string_view tag) {
  auto& all = texts.languages;
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const RoomLanguage& one) { return is_same_tag(one.tag(), tag); });
  if (found != all.end()) return *found;
  all.emplace_back(std::string(tag), all.empty() ? RoomLanguage::Texts() : all.front().texts());
  return all.back();
}

Result<void> read_all(std::string_view json, bool is_built_in, RoomTexts& texts) {
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return problem("", std::string("not JSON: ") + simdjson::error_message(error));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return problem("", "must be an object");
  // A copy: the shop's own may change it.
  const RoomLanguage::Texts english =
      is_built_in ? RoomLanguage::Texts() : texts.languages.front().texts();
  for (const auto [key, value] : object) {
    dom::object part;
    const bool has_colors = key == "colors" || key == "colors_dark";
    if (!has_colors && !is_tag(key)) return problem(key, "unknown key");
    if (value.get(part) != simdjson::SUCCESS) return problem(key, "must be an object");
    const Result<void> read =
        has_colors ? read_colors(part, key, is_built_in,
                                 key == "colors" ? texts.colors : texts.colors_dark)
                   : read_language(part, is_built_in ? nullptr : &english, language_of(texts, key));
    if (!read) return read;
  }
  return {};
}

// The next element of a comma-separated list, without spaces.
std::string_view next_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = trimmed(list.substr(0, comma));
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return element;
}

// Thousandths of "q=0.8"; anything else counts as 0, that is, as not wanted.
int quality(std::string_view text) noexcept {
  if (!text.starts_with("q=") && !text.starts_with("Q=")) return 0;
  text.remove_prefix(2);
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int thousandths = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return 0;
  int digit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, digit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    thousandths += (text[i] - '0') * digit;
  }
  return std::min(thousandths, 1000);
}

}  // namespace

const std::string& RoomLanguage::text(std::string_view key) const {
  const auto found = texts_.find(key);
  FLUXGATE_CHECK(found != texts_.end());
  return found->second.find("other")->second;
}

std::string RoomLanguage::with_number(std::string_view key, std::uint64_t n) const {
  const auto found = texts_.find(key);
  FLUXGATE_CHECK(found != texts_.end());
  const Forms& forms = found->second;
  const auto form = forms.find(category(tag_, n));
  std::string text = form != forms.end() ? form->second : forms.find("other")->second;
  if (const std::size_t hole = text.find("{n}"); hole != std::string::npos) {
    text.replace(hole, 3, grouped(n));
  }
  return text;
}

std::string RoomLanguage::grouped(std::uint64_t n) const {
  const std::string digits = std::to_string(n);
  if (digits.size() < 5) return digits;
  const std::string& separator = text("thousands");
  std::string result;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) result += separator;
    result += digits[i];
  }
  return result;
}

// The same steps as in the page's script.
std::string RoomLanguage::duration(std::uint64_t seconds) const {
  if (seconds <= 5) return text("wait_moment");
  if (seconds <= 55) return with_number("wait_seconds", (seconds + 4) / 5 * 5);
  if (seconds <= 5400) return with_number("wait_minutes", (seconds + 59) / 60);
  return with_number("wait_hours", (seconds + 1800) / 3600);
}

Result<RoomTexts> RoomTexts::make(std::string_view own) {
  RoomTexts texts;
  const Result<void> built_in = read_all(waiting_room_texts_source(), true, texts);
  FLUXGATE_CHECK(built_in && !texts.languages.empty());
  if (own.empty()) return texts;
  if (const Result<void> read = read_all(own, false, texts); !read) return read.error();
  return texts;
}

const RoomLanguage& RoomTexts::choose(std::string_view accept_language) const noexcept {
  const RoomLanguage* best = &languages.front();
  int best_quality = 0;
  while (!accept_language.empty()) {
    std::string_view range = next_element(accept_language);
    int wanted = 1000;
    if (const std::size_t semicolon = range.find(';'); semicolon != std::string_view::npos) {
      std::string_view parameter = range.substr(semicolon + 1);
      wanted = quality(next_element(parameter));
      range = trimmed(range.substr(0, semicolon));
    }
    if (wanted <= best_quality) continue;  // of two alike the first
    if (range == "*") {
      best = &languages.front();
      best_quality = wanted;
      continue;
    }
    while (!range.empty()) {
      const auto found =
          std::find_if(languages.begin(), languages.end(),
                       [&](const RoomLanguage& one) { return is_same_tag(one.tag(), range); });
      if (found != languages.end()) {
        best = &*found;
        best_quality = wanted;
        break;
      }
      const std::size_t dash = range.rfind('-');
      range = range.substr(0, dash == std::string_view::npos ? 0 : dash);
    }
  }
  return *best;
}

}  // namespace fluxgate::http
