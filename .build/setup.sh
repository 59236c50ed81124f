#!/usr/bin/env bash
# What examples/run.sh and tests/run.sh share: the repository's root, installing Debian or Ubuntu packages, and finding an OpenCL device.
# Sourced, not run.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Runs a command as root: as it is, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "Installing packages needs root: run this as root, or install sudo."
  fi
}

is_installed() {
  dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'
}

# Installs those of the named packages that are missing, and says which.
install_packages() {
  local missing=()
  local package
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if [ "${#missing[@]}" -eq 0 ]; then
    return
  fi
  printf 'Installing: %s\n' "${missing[*]}"
  as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "${missing[@]}" >/dev/null
}

require_dotnet() {
  command -v dotnet >/dev/null || fail "The .NET 10 SDK is missing: https://dotnet.microsoft.com/download"
  dotnet --list-sdks | grep -q '^1[0-9]\.' || fail "The .NET SDK is older than 10: https://dotnet.microsoft.com/download"
}

# Whether any OpenCL driver is registered; the loader lists a platform for each .icd file.
has_opencl_driver() {
  compgen -G '/etc/OpenCL/vendors/*.icd' >/dev/null || [ -n "${OCL_ICD_VENDORS:-}${OCL_ICD_FILENAMES:-}" ]
}

has_opencl_loader() {
  ldconfig -p 2>/dev/null | grep -q 'libOpenCL\.so\.1'
}

# Where no OpenCL driver is there, installs one that runs on the CPU. An existing installation is left alone.
require_opencl() {
  if has_opencl_driver && has_opencl_loader; then
    return
  fi
  command -v apt-get >/dev/null || fail "No OpenCL driver is installed. On this system, install your GPU's OpenCL driver or PoCL (portablecl.org), then run this again."
  local packages=()
  has_opencl_loader || packages+=(ocl-icd-libopencl1)
  has_opencl_driver || packages+=(pocl-opencl-icd)
  install_packages "${packages[@]}"
}
