#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/result.hpp"

namespace fluxgate::http {

/// What the waiting room says in one language.
class RoomLanguage {
 public:
  /// A text's forms by plural category of CLDR (one, many, other, …); a text that has no number in
  /// it has `other` only. There is always `other`.
  using Forms = std::map<std::string, std::string, std::less<>>;
  using Texts = std::map<std::string, Forms, std::less<>>;

  RoomLanguage(std::string tag, Texts texts) : tag_(std::move(tag)), texts_(std::move(texts)) {}

  /// Language tag, as `de` or `pt-BR`.
  [[nodiscard]] const std::string& tag() const noexcept { return tag_; }
  [[nodiscard]] const Texts& texts() const noexcept { return texts_; }
  [[nodiscard]] Texts& texts() noexcept { return texts_; }

  /// The text with its first {n} filled in; the form is the one this language has for `n`.
  [[nodiscard]] std::string with_number(std::string_view key, std::uint64_t n) const;
  [[nodiscard]] const std::string& text(std::string_view key) const;

  /// "1,234,567": grouped from five digits on.
  [[nodiscard]] std::string grouped(std::uint64_t n) const;
  /// A span of time for people: "a few seconds", "12 minutes".
  [[nodiscard]] std::string duration(std::uint64_t seconds) const;

 private:
  std::string tag_;
  Texts texts_;
};

/// All languages and colours of the waiting room.
struct RoomTexts {
  std::vector<RoomLanguage> languages;  ///< never empty; the first is English, the default
  std::map<std::string, std::string, std::less<>> colors;
  std::map<std::string, std::string, std::less<>> colors_dark;

  /// The texts built in (src/http/pages/waiting_room.json), with what `own` has instead. `own` is
  /// JSON of the same form, of which every part may be missing; empty: none. A language that is
  /// not built in speaks English where it has no text.
  ///
  /// Errors: invalid_argument with one line that names the text: no JSON, an unknown key, a value
  ///         that is no text or no colour.
  [[nodiscard]] static Result<RoomTexts> make(std::string_view own);

  /// The language an Accept-Language header asks for (RFC 4647, lookup): the best range for which
  /// there is a language, `fr-CA` taking `fr`; the default if there is none.
  [[nodiscard]] const RoomLanguage& choose(std::string_view accept_language) const noexcept;
};

}  // namespace fluxgate::http
