# shellcheck shell=bash
# What main.sh and test.sh need from the machine: a Python, the virtual environment, Debian packages.
# Sourced, never run. Nothing is touched when everything is there already, so a read-only checkout works.

venv=.venv

# One line that says what is wrong and how to mend it, and the end.
fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

say() { printf '%s\n' "$1" >&2; }

# Print the path of a Python that is new enough. $PYTHON, when set, is the only candidate.
find_python() {
    local candidate found=""
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
        found="${found:-$("$candidate" -V 2>&1 | head -n 1)}"
    done
    fail "Python 3.11 or newer is needed (found: ${found:-none}): install it, e.g. 'apt-get install python3 python3-venv', or set PYTHON to its path"
}

# Install Debian packages; 1 when that is not possible here. No service of theirs is started: a stock nginx or
# PostgreSQL on a public port is not what anybody asked for.
apt_install() {
    command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || return 1
    local policy=/usr/sbin/policy-rc.d made="" result=0 log
    log="$(mktemp)"
    if [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' >"$policy" 2>/dev/null; then
        chmod 755 "$policy"
        made=yes
    fi
    say "Installing $* (Debian packages)"
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
        >"$log" 2>&1 </dev/null; then
        say "apt-get could not install $*: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
        result=1
    fi
    if [ -n "$made" ]; then rm -f "$policy"; fi
    rm -f "$log"
    return "$result"
}

# Fingerprint of what has to be installed: the Python and the requirement files.
fingerprint() {
    { "$venv/bin/python" -V && cat "$@"; } 2>&1 | sha256sum | cut -d ' ' -f 1
}

installed() {
    local stamp="$venv/.installed-$1"
    shift
    [ -r "$stamp" ] && [ -x "$venv/bin/python" ] && [ "$(cat "$stamp")" = "$(fingerprint "$@")" ]
}

# ensure_venv NAME FILE...: make .venv hold what the requirement files list; nothing is done when it does already.
ensure_venv() {
    installed "$@" && return
    mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] ||
        fail "cannot write $PWD/$venv: give $(id -un) write permission there"
    # Two starts at once must not install into each other.
    {
        flock 9
        installed "$@" || install_into_venv "$@"
    } 9>"$venv/.lock"
}

install_into_venv() {
    local name="$1" file log="$venv/install.log" arguments=()
    shift
    venv_works || make_venv
    say "Installing $* into $venv (a minute or two, only this once)"
    for file in "$@"; do arguments+=(-r "$file"); done
    pip_install "$log" "${arguments[@]}"
    fingerprint "$@" >"$venv/.installed-$name"
}

pip_install() {
    local log="$1"
    shift
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@" >"$log" 2>&1 </dev/null ||
        fail "pip could not install the requirements ($(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")): see $PWD/$log, mend it (network? disk?) and start again"
}

venv_works() {
    "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' \
        >/dev/null 2>&1 && { "$venv/bin/python" -m pip --version || "$venv/bin/python" -m ensurepip; } >/dev/null 2>&1
}

can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

make_venv() {
    local python
    python="$(find_python)" || exit 1
    can_make_venv "$python" || apt_install python3-venv || true
    can_make_venv "$python" || fail "$python has no venv module: run 'sudo apt-get install python3-venv'"
    say "Making $venv with $("$python" -V)"
    # The lock lies in the folder, so it is cleared by hand and not by --clear.
    find "$venv" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
    "$python" -m venv "$venv" >"$venv/install.log" 2>&1 || fail "cannot make $PWD/$venv: $(tail -n 1 "$venv/install.log")"
}
