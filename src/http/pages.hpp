#pragma once

#include <string>
#include <string_view>

namespace fluxgate::http {

/// The files under src/http/pages, built into the program; see pages/embed.cmake.
[[nodiscard]] std::string_view home_source() noexcept;
[[nodiscard]] std::string_view waiting_source() noexcept;
/// A mustache template, and its texts as JSON.
[[nodiscard]] std::string_view waiting_room_source() noexcept;
[[nodiscard]] std::string_view waiting_room_texts_source() noexcept;
/// OpenAPI 3.1.
[[nodiscard]] std::string_view openapi_document() noexcept;

/// A page for people and the header lines it is sent with.
struct Page {
  std::string body;
  std::string headers;
};

/// Makes a page of HTML whose one <style> and one <script>, if it has them, are the only ones the
/// browser may use: the Content-Security-Policy names their hashes. It may fetch from this server
/// if it has a script, and nothing else from anywhere.
[[nodiscard]] Page make_page(std::string_view html);

/// The header lines of such a page, but for how long it may be kept. A page that has a form may
/// send it to this server.
[[nodiscard]] std::string page_headers(std::string_view html);

}  // namespace fluxgate::http
