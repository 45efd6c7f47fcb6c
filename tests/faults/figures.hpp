#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>

namespace fluxgate::testing {

/// What a campaign counted, by name; a name that ends in _max holds a maximum.
class Figures {
 public:
  void add(const std::string& name, std::uint64_t count = 1) { values_[name] += count; }
  void raise(const std::string& name, std::uint64_t value) {
    values_[name] = std::max(values_[name], value);
  }
  void add_all(const Figures& others) {
    for (const auto& [name, value] : others.values_) {
      name.ends_with("_max") ? raise(name, value) : add(name, value);
    }
  }
  [[nodiscard]] std::uint64_t operator[](const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
  }
  /// "name=value name=value"
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const auto& [name, value] : values_) {
      text += (text.empty() ? "" : " ") + name + "=" + std::to_string(value);
    }
    return text;
  }

 private:
  std::map<std::string, std::uint64_t> values_;
};

/// Throws std::runtime_error if what must hold does not.
inline void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace fluxgate::testing
