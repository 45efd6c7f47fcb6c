#pragma once

#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>

#include "fluxgate/error.hpp"

namespace fluxgate {

/// A value, or the Error that says why there is none.
///
/// Member names are those of std::expected (C++23), which can replace this type one day. There are
/// no monadic chains: write the `if`.
///
/// Threads:  as `T`; distinct objects are independent.
/// Errors:   reading the value of an error, or the error of a value, aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return *const_cast<Result*>(this)->pointer(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return pointer(); }
  const T* operator->() const { return const_cast<Result*>(this)->pointer(); }
  T& value() & { return *pointer(); }

  [[nodiscard]] const Error& error() const {
    if (has_value()) std::abort();
    return *std::get_if<1>(&state_);
  }

 private:
  T* pointer() {
    if (!has_value()) std::abort();
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// Success, or the Error that says why not. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] const Error& error() const {
    if (has_value()) std::abort();
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace fluxgate
