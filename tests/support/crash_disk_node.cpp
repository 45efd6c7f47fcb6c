#include "support/crash_disk_node.hpp"

#include <algorithm>

namespace fluxgate::testing {
namespace {

using Node = CrashDisk::Node;
using NodePtr = CrashDisk::NodePtr;
using Clones = std::map<const Node*, NodePtr>;

NodePtr clone(const NodePtr& node, Clones& clones) {
  if (node == nullptr) return nullptr;
  NodePtr& made = clones[node.get()];
  if (made != nullptr) return made;
  made = std::make_shared<Node>(*node);
  for (auto& [name, child] : made->names) child = clone(child, clones);
  for (auto& [name, child] : made->durable_names) child = clone(child, clones);
  for (auto& change : made->pending) {
    for (auto& [name, child] : change.names) child = clone(child, clones);
  }
  return made;
}

/// The same content, all of it durable.
NodePtr settled_file(std::string bytes) {
  auto file = std::make_shared<Node>();
  file->bytes = std::move(bytes);
  file->durable = file->bytes;
  return file;
}

}  // namespace

void Node::write(std::size_t offset, std::string_view written) {
  if (written.empty()) return;
  const std::size_t end = offset + written.size();
  if (end > bytes.size()) resize(end);
  bytes.replace(offset, written.size(), written);
  for (std::size_t at = offset / sector_bytes; at * sector_bytes < end; ++at) {
    unsynced[at].push_back(bytes.substr(at * sector_bytes, sector_bytes));
  }
}

void Node::resize(std::size_t size) {
  bytes.resize(size, '\0');
  sizes.push_back(size);
}

void Node::sync() {
  durable.resize(bytes.size(), '\0');
  for (const auto& [at, contents] : unsynced) {
    const std::size_t begin = at * sector_bytes;
    if (begin >= bytes.size()) continue;
    const std::size_t size = std::min(sector_bytes, bytes.size() - begin);
    durable.replace(begin, size, bytes, begin, size);
  }
  unsynced.clear();
  sizes.clear();
}

void Node::drop_unsynced() {
  unsynced.clear();
}

std::string Node::surviving_bytes(std::mt19937_64& random, const Survival& survival) const {
  const auto happens = [&random](unsigned percent) { return random() % 100 < percent; };
  std::size_t size = durable.size();
  if (!sizes.empty() && happens(survival.kept_percent)) {
    size = happens(50) ? sizes.back() : sizes[random() % sizes.size()];
  }
  std::string left = durable;
  left.resize(size, '\0');
  for (const auto& [at, contents] : unsynced) {
    const std::size_t begin = at * sector_bytes;
    if (begin >= size) continue;
    const std::size_t needed = std::min(sector_bytes, size - begin);
    // The first content that can be there: the durable one, unless the file grew with another.
    std::size_t first = 0;
    if (survival.data_comes_first && durable.size() < begin + needed) {
      while (first + 1 < contents.size() && contents[first].size() < needed) ++first;
      left.replace(begin, needed, contents[first], 0, needed);
    }
    if (!happens(survival.kept_percent)) continue;
    const std::size_t later = contents.size() - first;
    const std::string& kept = happens(50) ? contents.back() : contents[first + random() % later];
    std::size_t count = std::min(kept.size(), needed);
    if (happens(survival.torn_percent)) count = random() % (count + 1);
    left.replace(begin, count, kept, 0, count);
  }
  return left;
}

CrashDisk::NodePtr clone_tree(const NodePtr& root) {
  Clones clones;
  return clone(root, clones);
}

CrashDisk::NodePtr surviving_tree(const NodePtr& root, std::mt19937_64& random,
                                  const Survival& survival, std::uint64_t journaled) {
  if (!root->is_directory) return settled_file(root->surviving_bytes(random, survival));
  auto left = std::make_shared<Node>();
  left->is_directory = true;
  std::map<std::string, NodePtr> names = root->durable_names;
  for (const Node::Change& change : root->pending) {
    const bool survives =
        survival.is_journaled ? change.number <= journaled : random() % 100 < survival.kept_percent;
    if (!survives) continue;
    for (const auto& [name, node] : change.names) {
      if (node == nullptr) {
        names.erase(name);
      } else {
        names[name] = node;
      }
    }
  }
  for (const auto& [name, node] : names) {
    Survival own = survival;
    own.data_comes_first |= name.starts_with("MANIFEST-");
    left->names[name] = surviving_tree(node, random, own, journaled);
  }
  left->durable_names = left->names;
  return left;
}

void list_files(const Node& directory, const std::string& path, std::vector<std::string>* paths) {
  for (const auto& [name, node] : directory.names) {
    if (node->is_directory) {
      list_files(*node, path + "/" + name, paths);
    } else {
      paths->push_back(path + "/" + name);
    }
  }
}

}  // namespace fluxgate::testing
