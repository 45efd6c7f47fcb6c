# Which Debian packages fluxgate needs, and how the missing ones get here. Sourced by scripts.

# What compiles the libraries and the server (scripts/cmake/dependencies.cmake asks for them).
# The scripts build with Ninja; make is for `cmake -B build` by hand.
build_packages=(
  g++ cmake ninja-build make pkg-config
  libboost1.81-dev librocksdb-dev libsimdjson-dev libfmt-dev libsodium-dev libxxhash-dev
  libcli11-dev libtomlplusplus-dev libspdlog-dev libkainjow-mustache-dev
)

# What the tests and benchmarks need beyond that. strace makes storage fail for a test; mount and
# the tools of file systems are for tests that cut the power; clang-format-14 is the one whose
# layout the repository has.
test_packages=(
  catch2 libbenchmark-dev python3 strace clang-format-14 patch mount e2fsprogs xfsprogs
)

# The proxies of tests/proxies, some 20 MB; apache2-bin is the program without the service.
proxy_services=(nginx haproxy varnish)
test_packages+=("${proxy_services[@]}" apache2-bin)

# What scripts/fuzz needs: libFuzzer is part of Clang's runtime. Nothing else is built with it.
fuzz_packages=(clang-14 libclang-rt-14-dev)

# What tests/browser needs, unless it is here from elsewhere: Node.js of others brings its own npm,
# with which Debian's cannot be installed.
command -v node >/dev/null || test_packages+=(nodejs)
command -v npm >/dev/null || test_packages+=(npm)
command -v chromium >/dev/null || test_packages+=(chromium)

# install_missing PACKAGE...: installs those that are not installed; quick if none is missing.
# Without root and sudo it prints the line to run and ends the script with 1.
install_missing() {
  if ! command -v dpkg-query >/dev/null; then
    echo "No dpkg-query here: the packages are not checked. Debian 12 would need: $*" >&2
    return
  fi
  local package installed missing=()
  # Names it does not know make it fail; what it does know it prints all the same.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$installed" || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing, and neither root nor sudo is here to install them. Run:" >&2
      echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -q)
  "${as_root[@]}" "${quiet[@]}" update
  install_without_services "${missing[@]}"
}

# install_without_services PACKAGE...: the tests start the programs they need by themselves, so none
# of the packages may start a service, now or with the machine. Uses install_missing's `as_root` and
# `quiet`.
install_without_services() {
  local policy=/usr/sbin/policy-rc.d own_policy=no result=0 service
  if [[ ! -e $policy ]]; then
    own_policy=yes
    # Also if this is interrupted: no package could ever start a service again.
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" "${quiet[@]}" install -y --no-install-recommends "$@" || result=$?
  if [[ $own_policy == yes ]]; then
    "${as_root[@]}" rm "$policy"
    trap - EXIT
  fi
  for service in "${proxy_services[@]}"; do
    # One that was here before is its owner's affair.
    if [[ " $* " == *" $service "* ]] && command -v systemctl >/dev/null; then
      "${as_root[@]}" systemctl --quiet disable "$service" || true
    fi
  done
  return "$result"
}
