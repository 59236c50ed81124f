# shellcheck shell=bash
# How a machine gets what the repository's scripts need. To be sourced. Messages go to standard error, so that a
# script's own output can be redirected.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$*"
  exit 1
}

require_dotnet() {
  local version
  version=$(cd / && dotnet --version 2>/dev/null) ||
    fail "The .NET 10 SDK is needed: see https://dotnet.microsoft.com/download"
  [ "${version%%.*}" -ge 10 ] ||
    fail "The .NET 10 SDK is needed, this machine has $version: see https://dotnet.microsoft.com/download"
}

# as_root COMMAND...: runs a command as root, through sudo where the user is not.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

can_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; }
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages REASON PACKAGE...: installs those that are missing and says so. Nothing that is installed is
# upgraded, and apt gives up rather than remove a package.
install_packages() {
  local reason=$1 package
  shift
  local missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done

  if [ ${#missing[@]} -eq 0 ]; then
    return 0
  fi

  if ! can_install; then
    say "Not installed, for want of apt-get or of root's rights: ${missing[*]} ($reason)."
    return 1
  fi

  say "Installing with apt-get: ${missing[*]} ($reason)."
  refresh_package_lists
  local log
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends --no-upgrade --no-remove "${missing[@]}" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    say "Not installed: ${missing[*]} ($reason)."
    return 1
  fi

  rm -f "$log"
}

# Fetches the lists of packages, once a run. Stale lists may still do, so a failure is not the end.
refresh_package_lists() {
  if [ -z "${package_lists_are_fresh:-}" ]; then
    package_lists_are_fresh=yes
    as_root apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1 || say "apt-get update failed; going on with the lists that are there."
  fi
}

# has_driver NAME: whether an OpenCL driver with NAME in its library's name is registered with the loader.
has_driver() {
  grep -qirs --include='*.icd' -- "$1" "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"
}

# install_driver REASON PACKAGE: installs an OpenCL driver, and a loader where there is none.
install_driver() {
  local loader=()
  if ! /sbin/ldconfig -p 2>/dev/null | grep -q 'libOpenCL\.so\.1 '; then
    loader=(ocl-icd-libopencl1)
  fi

  install_packages "$@" "${loader[@]}"
}
