#include "http/pages.hpp"

#include <sodium.h>

#include <array>

#include "base/check.hpp"

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

Page make_page(std::string_view html) {
  Page page;
  page.body = html;
  std::string policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'";
  if (const auto style = element(html, "style"); !style.empty()) {
    policy += "; style-src " + source_of(style);
  }
  if (const auto script = element(html, "script"); !script.empty()) {
    policy += "; script-src " + source_of(script) + "; connect-src 'self'";
  }
  page.headers =
      "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\n"
      "Referrer-Policy: no-referrer\r\nContent-Security-Policy: " +
      policy + "\r\n";
  return page;
}

}  // namespace fluxgate::http
