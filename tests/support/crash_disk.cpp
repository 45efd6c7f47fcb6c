#include "support/crash_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "support/crash_disk_node.hpp"

namespace fluxgate::testing {

CrashDisk::CrashDisk() : root_(std::make_shared<Node>()) {
  root_->is_directory = true;
}
CrashDisk::~CrashDisk() = default;

// ---- Counting, cutting, failing -----------------------------------------------------------------

CrashDisk::Verdict CrashDisk::begin(DiskStep step, const void* file) {
  ++steps_;
  if (steps_ == cut_at_) {
    // A sync under way has promised nothing yet; of any other step a part may survive.
    if (step == DiskStep::sync || step == DiskStep::sync_names) {
      cut_ = image();
    } else {
      cuts_behind_ = true;
    }
  }
  if (fault_at_ == 0 || steps_ < fault_at_) return {};
  const bool passes = fault_.error == ENOSPC && (step == DiskStep::read || step == DiskStep::look);
  bool fails = steps_ == fault_at_ || fault_.lasts == DiskFault::Lasts::for_ever;
  if (!fails && fault_.lasts == DiskFault::Lasts::on_this_file) {
    fails = file == failed_file_ && first_failed_ == step;
  }
  if (!fails || passes) return {};
  if (failures_++ == 0) {
    first_failed_ = step;
    failed_file_ = file;
  }
  if (step == DiskStep::sync || step == DiskStep::sync_names) ++failed_syncs_;
  return {fault_.error, fault_.is_done, fault_.is_partial};
}

void CrashDisk::end() {
  if (std::exchange(cuts_behind_, false)) cut_ = image();
}

void CrashDisk::cut_at(std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  cut_at_ = steps_ + nth;
}

bool CrashDisk::is_cut() const {
  const std::lock_guard lock(mutex_);
  return cut_.has_value();
}

void CrashDisk::set_fault(const DiskFault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  fault_at_ = fault.nth == 0 ? 0 : steps_ + fault.nth;
  failures_ = 0;
  first_failed_.reset();
  failed_file_ = nullptr;
}

std::uint64_t CrashDisk::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}
std::optional<DiskStep> CrashDisk::first_failed() const {
  const std::lock_guard lock(mutex_);
  return first_failed_;
}
std::uint64_t CrashDisk::failed_syncs() const {
  const std::lock_guard lock(mutex_);
  return failed_syncs_;
}
std::uint64_t CrashDisk::steps() const {
  const std::lock_guard lock(mutex_);
  return steps_;
}

// ---- Names --------------------------------------------------------------------------------------

int CrashDisk::find(const std::string& path, Place* place) const {
  *place = {root_, "", root_};
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (place->node == nullptr) return ENOENT;
    if (!place->node->is_directory) return ENOTDIR;
    place->directory = place->node;
    place->name = name;
    const auto found = place->directory->names.find(name);
    place->node = found == place->directory->names.end() ? nullptr : found->second;
  }
  return 0;
}

void CrashDisk::change_name(Node& directory, std::vector<std::pair<std::string, NodePtr>> changes) {
  for (const auto& [name, node] : changes) {
    if (node == nullptr) {
      directory.names.erase(name);
    } else {
      directory.names[name] = node;
    }
  }
  directory.pending.push_back({++changes_, std::move(changes)});
}

int CrashDisk::open(const std::string& path, Open how, NodePtr* node) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  const bool makes = place.node == nullptr && how != Open::existing;
  const bool changes = makes || how == Open::empty;
  const Verdict verdict = begin(changes ? DiskStep::name : DiskStep::look, place.node.get());
  if (verdict.error != 0 && !verdict.is_done) {
    end();
    return verdict.error;
  }
  if (place.node == nullptr && !makes) {
    end();
    return ENOENT;
  }
  if (place.node != nullptr && place.node->is_directory) {
    end();
    return EISDIR;
  }
  if (makes) {
    place.node = std::make_shared<Node>();
    change_name(*place.directory, {{place.name, place.node}});
  } else if (how == Open::empty) {
    place.node->resize(0);
  }
  end();
  *node = place.node;
  return verdict.error;
}

int CrashDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  Place source;
  Place target;
  if (const int error = find(from, &source)) return error;
  if (const int error = find(to, &target)) return error;
  if (source.node == nullptr) return ENOENT;
  if (source.directory != target.directory) return EXDEV;  // nobody here does
  const Verdict verdict = begin(DiskStep::name, source.directory.get());
  if (verdict.error == 0 || verdict.is_done) {
    change_name(*source.directory, {{source.name, nullptr}, {target.name, source.node}});
  }
  end();
  return verdict.error;
}

int CrashDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  if (place.node == nullptr) return ENOENT;
  if (place.node->is_directory && !place.node->names.empty()) return ENOTEMPTY;
  const Verdict verdict = begin(DiskStep::name, place.directory.get());
  if (verdict.error == 0 || verdict.is_done) change_name(*place.directory, {{place.name, nullptr}});
  end();
  return verdict.error;
}

int CrashDisk::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  if (place.node != nullptr) return EEXIST;
  const Verdict verdict = begin(DiskStep::name, place.directory.get());
  if (verdict.error == 0 || verdict.is_done) {
    auto made = std::make_shared<Node>();
    made->is_directory = true;
    change_name(*place.directory, {{place.name, made}});
  }
  end();
  return verdict.error;
}

int CrashDisk::sync_names(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  if (place.node == nullptr) return ENOENT;
  const Verdict verdict = begin(DiskStep::sync_names, place.node.get());
  if (verdict.error == 0 || verdict.is_done) {
    place.node->durable_names = place.node->names;
    place.node->pending.clear();
    journaled_ = changes_;
  }
  end();
  return verdict.error;
}

int CrashDisk::names(const std::string& path, std::vector<std::string>* names) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  if (place.node == nullptr) return ENOENT;
  const Verdict verdict = begin(DiskStep::look, place.node.get());
  end();
  if (verdict.error != 0) return verdict.error;
  names->clear();
  for (const auto& [name, node] : place.node->names) names->push_back(name);
  return 0;
}

int CrashDisk::look(const std::string& path, bool* is_directory, std::size_t* bytes) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (const int error = find(path, &place)) return error;
  const Verdict verdict = begin(DiskStep::look, place.node.get());
  end();
  if (verdict.error != 0) return verdict.error;
  if (place.node == nullptr) return ENOENT;
  *is_directory = place.node->is_directory;
  *bytes = place.node->bytes.size();
  return 0;
}

int CrashDisk::lock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return locks_.insert(path).second ? 0 : EWOULDBLOCK;
}

int CrashDisk::unlock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  locks_.erase(path);
  return 0;
}

// ---- Bytes --------------------------------------------------------------------------------------

int CrashDisk::read(Node& node, std::size_t offset, std::size_t size, char* to, std::size_t* got) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = begin(DiskStep::read, &node);
  end();
  if (verdict.error != 0) return verdict.error;
  *got = offset >= node.bytes.size() ? 0 : std::min(size, node.bytes.size() - offset);
  if (*got != 0) std::memcpy(to, node.bytes.data() + offset, *got);
  return 0;
}

int CrashDisk::write(Node& node, std::size_t offset, std::string_view bytes, std::size_t* written) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = begin(DiskStep::write, &node);
  *written = bytes.size();
  if (verdict.error != 0 && !verdict.is_done) *written = verdict.is_partial ? bytes.size() / 2 : 0;
  node.write(offset, bytes.substr(0, *written));
  end();
  return verdict.error;
}

int CrashDisk::truncate(Node& node, std::size_t size) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = begin(DiskStep::write, &node);
  if (verdict.error == 0 || verdict.is_done) node.resize(size);
  end();
  return verdict.error;
}

int CrashDisk::sync(Node& node) {
  const std::lock_guard lock(mutex_);
  const Verdict verdict = begin(DiskStep::sync, &node);
  if (verdict.error == 0 || verdict.is_done) {
    node.sync();
    journaled_ = changes_;
  } else {
    node.drop_unsynced();
  }
  end();
  return verdict.error;
}

// ---- Images -------------------------------------------------------------------------------------

CrashDisk::Image CrashDisk::image() const {
  return {clone_tree(root_), journaled_, changes_};
}

std::unique_ptr<CrashDisk> CrashDisk::after_cut(std::mt19937_64& random,
                                                const Survival& survival) const {
  const std::lock_guard lock(mutex_);
  const Image left = cut_ ? *cut_ : image();
  auto disk = std::make_unique<CrashDisk>();
  const std::uint64_t unsure = left.changes - left.journaled;
  const std::uint64_t journaled = left.journaled + (unsure == 0 ? 0 : random() % (unsure + 1));
  disk->root_ = surviving_tree(left.root, random, survival, journaled);
  return disk;
}

std::unique_ptr<CrashDisk> CrashDisk::copy() const {
  const std::lock_guard lock(mutex_);
  auto disk = std::make_unique<CrashDisk>();
  disk->root_ = clone_tree(root_);
  disk->changes_ = changes_;
  disk->journaled_ = journaled_;
  disk->steps_ = steps_;
  disk->cut_at_ = cut_at_;
  disk->cut_ = cut_;
  disk->fault_ = fault_;
  disk->fault_at_ = fault_at_;
  disk->failures_ = failures_;
  disk->first_failed_ = first_failed_;
  return disk;
}

std::vector<std::string> CrashDisk::files() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  list_files(*root_, "", &paths);
  return paths;
}

std::string CrashDisk::content(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  Place place;
  if (find(path, &place) != 0 || place.node == nullptr) throw std::runtime_error("no " + path);
  return place.node->bytes;
}

void CrashDisk::damage(const std::string& path, std::string content) {
  const std::lock_guard lock(mutex_);
  Place place;
  if (find(path, &place) != 0 || place.node == nullptr) throw std::runtime_error("no " + path);
  place.node->bytes = std::move(content);
  place.node->sync();
  place.node->durable = place.node->bytes;
}

}  // namespace fluxgate::testing
