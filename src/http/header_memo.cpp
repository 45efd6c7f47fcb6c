#include "http/header_memo.hpp"

#include <cstring>

#include "fluxgate/types.hpp"

namespace fluxgate::http {

HeaderMemo::Part HeaderMemo::part_of(std::string_view header, std::string_view view) noexcept {
  if (view.empty()) return {};
  return {static_cast<std::uint16_t>(view.data() - header.data()),
          static_cast<std::uint16_t>(view.size())};
}

std::size_t HeaderMemo::recall(std::string_view input, Request& request) const noexcept {
  if (size_ == 0 || input.size() < size_) return 0;
  const std::size_t key_end = std::size_t{key_.begin} + key_.size;
  if (std::memcmp(input.data(), bytes_.data(), key_.begin) != 0 ||
      std::memcmp(input.data() + key_end, bytes_.data() + key_end, size_ - key_end) != 0) {
    return 0;
  }
  const std::string_view key = view_of(input, key_);
  // Visible characters: no line end, and nothing that is trimmed.
  if (!is_valid_key(key)) return 0;
  request = request_;
  request.target = view_of(input, target_);
  request.host = view_of(input, host_);
  request.content_type = view_of(input, content_type_);
  request.authorization = view_of(input, authorization_);
  request.key = key;
  return size_;
}

void HeaderMemo::remember(std::string_view header, const Request& request) noexcept {
  if (!request.has_key || request.key.empty() || header.size() > bytes_max) return;
  // A browser's; the pages it asks for have no key.
  if (!request.cookie.empty() || !request.accept_language.empty()) return;
  header.copy(bytes_.data(), header.size());
  size_ = header.size();
  target_ = part_of(header, request.target);
  host_ = part_of(header, request.host);
  content_type_ = part_of(header, request.content_type);
  authorization_ = part_of(header, request.authorization);
  key_ = part_of(header, request.key);
  request_ = request;
  // Their places are kept, not the views, which end with the input.
  request_.target = request_.host = request_.content_type = request_.authorization = request_.key =
      request_.body = {};
}

}  // namespace fluxgate::http
