#pragma once

#include <string>
#include <string_view>

namespace fluxgate::http {

/// The value of a cookie in a Cookie header, as it stands there; empty if it is not there. Of two
/// with one name the first counts, which is the one with the longer path (RFC 6265, 5.4).
[[nodiscard]] std::string_view find_cookie(std::string_view header, std::string_view name) noexcept;

/// Name of the cookie that holds a person's ticket for a product. One each, so that a browser can
/// wait for several products at once; ids may have bytes that no cookie's name may.
[[nodiscard]] std::string ticket_cookie_name(std::string_view product_id);

/// The header line that gives it, with its line end. `ticket` is base64url.
///
/// Scripts cannot read it (HttpOnly), other sites' forms and pictures do not send it
/// (SameSite=Lax), and it goes to the waiting room only. It is not Secure, because http://localhost
/// is where a shop tries it out.
[[nodiscard]] std::string ticket_cookie_line(std::string_view product_id, std::string_view ticket);

}  // namespace fluxgate::http
