#include "http/pages.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "http/ascii.hpp"

namespace fluxgate::http {
namespace {

// What is between <tag> and </tag>; empty if there is none.
std::string_view element(std::string_view html, std::string_view tag) {
  const std::string open = "<" + std::string(tag) + ">";
  const std::string close = "</" + std::string(tag) + ">";
  const std::size_t begin = html.find(open);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = html.find(close, begin);
  FLUXGATE_CHECK(end != std::string_view::npos);
  return html.substr(begin + open.size(), end - begin - open.size());
}

bool has_form(std::string_view html) {
  constexpr std::string_view tag = "<form";
  return std::search(html.begin(), html.end(), tag.begin(), tag.end(),
                     [](char a, char b) { return lower_case(a) == b; }) != html.end();
}

std::string source_of(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  ::crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()),
                       text.size());
  std::array<char,
             sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)>
      encoded{};
  ::sodium_bin2base64(encoded.data(), encoded.size(), hash.data(), hash.size(),
                      sodium_base64_VARIANT_ORIGINAL);
  return "'sha256-" + std::string(encoded.data()) + "'";
}

}  // namespace

std::string page_headers(std::string_view html) {
  std::string policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action ";
  policy += has_form(html) ? "'self'" : "'none'";
  if (const auto style = element(html, "style"); !style.empty()) {
    policy += "; style-src " + source_of(style);
  }
  if (const auto script = element(html, "script"); !script.empty()) {
    policy += "; script-src " + source_of(script) + "; connect-src 'self'";
  }
  return "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
         "Content-Security-Policy: " +
         policy + "\r\n";
}

Page make_page(std::string_view html) {
  return {std::string(html), "Cache-Control: no-cache\r\n" + page_headers(html)};
}

}  // namespace fluxgate::http
