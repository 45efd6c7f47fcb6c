# How the scripts configure and compile. Sourced by scripts; the current folder is the repository.

# compile_jobs: as many compilers at once as there are cores and memory for. The largest source
# files (Beast under the sanitizers) take about 2 GiB each.
compile_jobs() {
  local cores gibibytes
  cores=$(nproc)
  gibibytes=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
  local jobs=$((gibibytes / 2 < cores ? gibibytes / 2 : cores))
  echo $((jobs > 0 ? jobs : 1))
}

# configure_tree FOLDER CMAKE-ARGUMENT...: makes what Ninja reads. Quick the second time.
configure_tree() {
  local folder=$1
  shift
  local first=()
  if [[ ! -e $folder/CMakeCache.txt ]]; then
    first+=(-G Ninja)  # a folder configured by hand keeps its own generator
    if command -v ccache >/dev/null; then
      first+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    fi
  fi
  export CCACHE_DIR=${CCACHE_DIR:-$PWD/.cache/ccache}
  # What a cache may hold from a run by hand; who wants it says so in "$@", which beats it.
  local reset=(-DFLUXGATE_SANITIZE= -DFLUXGATE_PLANT_BUG=)
  cmake -S . -B "$folder" "${first[@]}" "${reset[@]}" "$@" -Wno-dev --log-level=NOTICE
}

# build_tree FOLDER CMAKE-ARGUMENT...: configures and compiles. Quick if nothing has changed.
build_tree() {
  configure_tree "$@"
  cmake --build "$1" --parallel "$(compile_jobs)"
}
