#include "http/waiting_room_page.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <kainjow/mustache.hpp>
#include <map>
#include <optional>
#include <utility>

#include "http/json_write.hpp"
#include "http/pages.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {
namespace {

namespace mustache = kainjow::mustache;

constexpr std::array<std::string_view, room_state_count> state_names{
    "waiting", "admitted", "sold_out", "expired", "bought", "busy", "closed", "unknown", "gone"};

// What differs from person to person. While a page is compiled, a slot stands in it as its letter
// between two marks, which no template and no text may have.
constexpr char mark = '\x01';
enum class Slot : char {
  product = 'a',
  user,
  ticket,
  pass,
  order_id,
  place,
  ahead,
  ahead_count,
  wait,
  units,
  from,
  moved,
  refresh_seconds,
  refresh_url,
  again_url,
  reload,
  notice,
  end,
};
constexpr auto first_slot = static_cast<char>(Slot::product);
constexpr std::size_t slot_count = static_cast<std::size_t>(Slot::end) - first_slot;
constexpr std::array<const char*, slot_count> slot_names{
    "product",         "user",        "ticket",    "pass",   "order_id", "place",
    "ahead",           "ahead_count", "wait",      "units",  "from",     "moved",
    "refresh_seconds", "refresh_url", "again_url", "reload", "notice"};

std::string marked(Slot slot) {
  return {mark, static_cast<char>(slot), mark};
}

bool is_one_of(RoomState state, std::initializer_list<RoomState> states) noexcept {
  return std::find(states.begin(), states.end(), state) != states.end();
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
}

// All texts of a language, for the script.
std::string texts_json(const RoomLanguage& language) {
  std::string json = "{";
  for (const auto& [key, forms] : language.texts()) {
    if (json.size() > 1) json += ',';
    append_json_string(json, key);
    json += ':';
    if (forms.size() == 1) {
      append_json_string(json, forms.begin()->second);
      continue;
    }
    char before = '{';
    for (const auto& [form, text] : forms) {
      json += std::exchange(before, ',');
      append_json_string(json, form);
      json += ':';
      append_json_string(json, text);
    }
    json += '}';
  }
  return json + "}";
}

mustache::data object_of(const std::map<std::string, std::string, std::less<>>& values) {
  mustache::data object;
  for (const auto& [key, value] : values) object.set(key, value);
  return object;
}

// What a template sees whoever it is for.
mustache::data data_of(const RoomTexts& texts, const RoomLanguage& language) {
  mustache::data data;
  data.set("language", language.tag());
  data.set("texts", texts_json(language));
  data.set("colors", object_of(texts.colors));
  data.set("colors_dark", object_of(texts.colors_dark));
  mustache::data plain;
  for (const auto& [key, forms] : language.texts()) plain.set(key, language.text(key));
  data.set("text", plain);
  for (std::size_t i = 0; i < slot_names.size(); ++i) {
    data.set(slot_names[i], marked(static_cast<Slot>(first_slot + i)));
  }
  return data;
}

void set_state(mustache::data& data, const RoomLanguage& language, RoomState state) {
  const std::string name(state_names[static_cast<std::size_t>(state)]);
  using enum RoomState;
  data.set("state", name);
  for (std::size_t i = 0; i < room_state_count; ++i) {
    const bool is_state = static_cast<std::size_t>(state) == i;
    data.set("is_" + std::string(state_names[i]), is_state);
  }
  data.set("refreshes", is_one_of(state, {waiting, admitted, sold_out, busy, closed, gone}));
  data.set("reloads", is_one_of(state, {busy, closed, gone}));
  std::string title = language.text("title_" + name);
  replace_all(title, "{n}", marked(Slot::place));
  replace_all(title, "{product}", marked(Slot::product));
  data.set("title", title);
  data.set("heading", language.text("heading_" + name));
  data.set("lead", language.text("lead_" + name));
}

Error template_problem(std::string_view what) {
  return {ErrorCode::invalid_argument, "waiting-room-template: " + std::string(what)};
}

// The policy knows one plain element of each kind.
std::optional<Error> check_element(std::string_view html, std::string_view tag) {
  const std::string open = "<" + std::string(tag);
  std::size_t count = 0;
  for (std::size_t at = 0; at + open.size() <= html.size(); ++at) {
    const std::string_view rest = html.substr(at, open.size() + 1);
    const bool is_it = std::equal(open.begin(), open.end(), rest.begin(), [](char a, char b) {
      return a == b || (b >= 'A' && b <= 'Z' && a == b + ('a' - 'A'));
    });
    if (!is_it) continue;
    if (rest != open + ">") return template_problem(open + "> must be written so");
    if (++count > 1) return template_problem("has more than one " + open + ">");
  }
  const std::size_t begin = html.find(open + ">");
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = html.find("</" + std::string(tag) + ">", begin);
  if (end == std::string_view::npos) return template_problem(open + "> has no end");
  if (html.substr(begin, end - begin).find(mark) != std::string_view::npos) {
    return template_problem("a value differs from person to person and so cannot stand in " + open +
                            ">");
  }
  return std::nullopt;
}

void unify_line_ends(std::string& html) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '\r' && i + 1 < html.size() && html[i + 1] == '\n') continue;
    html[kept++] = html[i] == '\r' ? '\n' : html[i];
  }
  html.resize(kept);
}

std::string refresh_link(const RoomView& view) {
  std::string url = room_link(view.product_id);
  if (view.state == RoomState::waiting) {
    url += "&from=";
    append_number(url, std::max(view.from, view.ahead));
  }
  if (!view.ticket.empty() && view.has_ticket_in_links) {
    append_encoded(url += "&ticket=", view.ticket);
  } else if (view.ticket.empty() && !view.user_id.empty()) {
    append_encoded(url += "&userId=", view.user_id);
  }
  return url;
}

std::string again_link(const RoomView& view) {
  std::string url = room_link(view.product_id);
  if (!view.user_id.empty()) append_encoded(url += "&userId=", view.user_id);
  return url + "&again=1";
}

std::string notice_text(const RoomLanguage& language, RoomNotice notice) {
  switch (notice) {
    case RoomNotice::over_limit:
      return language.text("notice_over_limit");
    case RoomNotice::busy:
      return language.text("notice_busy");
    case RoomNotice::pass:
      return language.text("notice_pass");
    case RoomNotice::none:
      break;
  }
  return {};
}

std::string value_of(char slot, const RoomView& view, const RoomLanguage& language) {
  const std::uint64_t from_first = std::max({view.from, view.ahead, std::uint64_t{1}});
  switch (static_cast<Slot>(slot)) {
    case Slot::product:
      return std::string(view.product_id);
    case Slot::user:
      return std::string(view.user_id);
    case Slot::ticket:
      return std::string(view.ticket);
    case Slot::pass:
      return std::string(view.pass);
    case Slot::order_id:
      return std::string(view.order_id);
    case Slot::place:
      return language.grouped(view.position);
    case Slot::ahead:
      return language.with_number("ahead", view.ahead);
    case Slot::ahead_count:
      return std::to_string(view.ahead);
    case Slot::wait:
      return language.duration(view.wait_seconds);
    case Slot::units:
      return language.grouped(view.units_left);
    case Slot::from:
      return std::to_string(from_first);
    case Slot::moved:
      return std::to_string(from_first - view.ahead);
    case Slot::refresh_seconds:
      return std::to_string(std::max<std::uint64_t>(view.refresh_seconds, 1));
    case Slot::refresh_url:
      return refresh_link(view);
    case Slot::again_url:
      return again_link(view);
    case Slot::reload:
      return language.with_number("reload", std::max<std::uint64_t>(view.refresh_seconds, 1));
    case Slot::notice:
      return notice_text(language, view.notice);
    case Slot::end:
      break;
  }
  return {};
}

}  // namespace

std::string room_link(std::string_view product_id) {
  std::string url = "/waiting-room?productId=";
  append_encoded(url, product_id);
  return url;
}

Result<WaitingRoomPage::Compiled> WaitingRoomPage::compile(const std::string& html) {
  for (const char* tag : {"style", "script"}) {
    if (const auto error = check_element(html, tag)) return *error;
  }
  Compiled compiled;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t at = html.find(mark, begin);
    if (at == std::string::npos) break;
    compiled.pieces.push_back({html.substr(begin, at - begin), html[at + 1]});
    begin = at + 3;
  }
  compiled.pieces.push_back({html.substr(begin), static_cast<char>(Slot::end)});
  return compiled;
}

Result<WaitingRoomPage> WaitingRoomPage::make(const Sources& sources) {
  WaitingRoomPage page;
  Result<RoomTexts> texts = RoomTexts::make(sources.texts);
  if (!texts) return texts.error();
  page.texts_ = *std::move(texts);
  std::string html(sources.html_template.empty() ? waiting_room_source() : sources.html_template);
  if (!simdjson::validate_utf8(html)) return template_problem("must be UTF-8");
  // As browsers do before they compare the hashes of the policy.
  unify_line_ends(html);
  if (html.find(mark) != std::string_view::npos) {
    return template_problem("must have no control characters");
  }
  mustache::mustache parsed{html};
  if (!parsed.is_valid()) return template_problem(parsed.error_message());
  for (const RoomLanguage& language : page.texts_.languages) {
    mustache::data data = data_of(page.texts_, language);
    for (std::size_t state = 0; state < room_state_count; ++state) {
      set_state(data, language, static_cast<RoomState>(state));
      const std::string rendered = parsed.render(data);
      if (!parsed.is_valid()) return template_problem(parsed.error_message());
      Result<Compiled> compiled = compile(rendered);
      if (!compiled) return compiled.error();
      // A person's ticket and pass are in it: nobody keeps it.
      compiled->headers = "Cache-Control: no-store\r\nContent-Language: " + language.tag() +
                          "\r\nVary: Accept-Language, Cookie\r\n" + page_headers(rendered);
      page.compiled_.push_back(*std::move(compiled));
    }
  }
  return page;
}

WaitingRoomPage::Rendered WaitingRoomPage::render(std::string_view accept_language,
                                                  const RoomView& view) const {
  const RoomLanguage& language = texts_.choose(accept_language);
  const auto index = static_cast<std::size_t>(&language - texts_.languages.data());
  const Compiled& compiled =
      compiled_[index * room_state_count + static_cast<std::size_t>(view.state)];
  Rendered rendered{{}, compiled.headers};
  for (const Piece& piece : compiled.pieces) {
    rendered.body += piece.text;
    rendered.body += mustache::html_escape(value_of(piece.slot, view, language));
  }
  return rendered;
}

}  // namespace fluxgate::http
