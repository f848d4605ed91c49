#!/bin/sh
# tools/setup.sh [--bench] - install what building and testing need; does nothing the second time.
#
# Debian 12 has libraft 0.15, which must not be linked: its backports suite has the one we need. The
# suite is added by copying the source the machine already uses, whatever mirror that is.
set -eu
cd "$(dirname "$0")/.."

llvm() {
    . /etc/os-release
    case ${VERSION_ID:-} in
    12) echo 14 ;;
    *) echo 19 ;;
    esac
}

wanted() {
    list "$@" | sed "s/@llvm@/$(llvm)/g"
}

list() {
    if [ "${1:-}" = --bench ]; then
        sed -n 's/^bench *| *//p' tools/packages
    else
        sed -n '/^#/d; /^bench/d; s/^[a-z]* *| *//p' tools/packages
    fi
}

# A stamp under build/ that changes when the lists, the clients or the release do.
stamp() {
    cat tools/packages tools/setup.sh test/clients/package-lock.json examples/package-lock.json \
        /etc/debian_version 2>/dev/null | cksum | tr ' ' -
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]
}

raft_is_new() {
    version=$(dpkg-query -W -f '${Version}' libraft-dev 2>/dev/null) &&
        dpkg --compare-versions "$version" ge 0.22.1
}

# True when libraft has to come from Debian 12's backports, which are then among the sources.
enable_backports() {
    . /etc/os-release
    [ "${VERSION_CODENAME:-}" = bookworm ] || return 1
    apt-cache policy 2>/dev/null | grep -q bookworm-backports && return 0
    list=/etc/apt/sources.list.d/bookworm-backports.sources
    echo "setup: enabling Debian's backports suite for libraft 0.22 ($list)"
    python3 tools/backports.py | as_root tee "$list" >/dev/null
}

missing_packages() {
    for name in $(wanted "$@"); do
        installed "$name" || printf '%s ' "$name"
    done
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# libraft comes last, from a suite that makes its newer version visible.
install_packages() {
    missing=$(missing_packages "$@" | sed 's/libraft-dev *//')
    raft=
    [ "${1:-}" = --bench ] || raft_is_new || raft=libraft-dev
    [ -n "$missing$raft" ] || return 0
    command -v apt-get >/dev/null || {
        echo "setup: this script knows Debian only; please install: $missing $raft" >&2
        exit 1
    }
    echo "setup: installing Debian packages to build and test Largetable: $missing $raft"
    [ "$(id -u)" = 0 ] || echo "setup: sudo may ask for your password now"
    as_root apt-get update -qq
    [ -z "$missing" ] || apt_install $missing
    [ -n "$raft" ] || return 0
    if enable_backports; then
        as_root apt-get update -qq
        apt_install -t bookworm-backports libraft-dev
    else
        apt_install libraft-dev
    fi
    raft_is_new || {
        echo "setup: libraft-dev 0.22.1 or newer could not be installed" >&2
        exit 1
    }
}

install_clients() {
    for folder in test/clients examples; do
        [ -f "$folder/package-lock.json" ] || continue
        command -v npm >/dev/null || as_root apt-get install -y -qq npm >/dev/null
        echo "setup: installing npm packages for $folder"
        (cd "$folder" && npm ci --loglevel=error --no-audit --no-fund)
    done
}

mkdir -p build
mark="build/.setup${1:-}-$(stamp)"
[ -f "$mark" ] && exit 0
install_packages "$@"
[ "${1:-}" = --bench ] || install_clients
rm -f "build/.setup${1:-}"-*
touch "$mark"
