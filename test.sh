#!/usr/bin/env bash
# Set up whatever the tests need, then run lint, formatting, types, layers and tests.
#   ./test.sh            everything
#   ./test.sh --fast     without the ring that starts real servers, browsers and databases
#   ./test.sh [--fast] ARGUMENT...   the arguments go to pytest
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=octostar_runtime/deploy/machine.sh
. octostar_runtime/deploy/machine.sh

ring=()
if [ "${1:-}" = --fast ]; then
    ring=(-m "not real")
    shift
fi

# Debian's packages, when we may install them; what stays missing is skipped here and fails when CI=true.
packages=()
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v nginx >/dev/null || packages+=(nginx)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
[ -n "$(fc-list 2>/dev/null | head -n 1)" ] || packages+=(fontconfig fonts-dejavu-core)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || packages+=(postgresql)
if [ "${#packages[@]}" -gt 0 ] && [ "${#ring[@]}" -eq 0 ]; then
    apt_install "${packages[@]}" || say "test.sh: missing here: ${packages[*]}; tests that need them are skipped (with CI=true they fail)"
fi

ensure_venv runtime requirements.txt
ensure_venv dev requirements.txt requirements-dev.txt
if [ -f requirements-reference.txt ] && ! installed reference requirements-reference.txt; then
    # The reference library of the comparisons pins versions that nothing else here can live with.
    pip_install "$venv/install-reference.log" --no-deps -r requirements-reference.txt
    fingerprint requirements-reference.txt >"$venv/.installed-reference"
fi

bin="$PWD/$venv/bin"
failed=()
check() {
    say "== $*"
    "$bin/$1" "${@:2}" || failed+=("$*")
}
check ruff check .
check ruff format --check .
check mypy
check lint-imports
check sphinx-build -q -W -b html docs site
parallel=()
if [ "$#" -eq 0 ] && [ "$(nproc 2>/dev/null || echo 2)" -ge 2 ]; then
    parallel=(-n 2) # see tests/support/sharing.py; with arguments of your own they decide
fi
say "== pytest${failed[*]:+ (failed so far: ${failed[*]})}"
result=0
"$bin/python" -m pytest "${parallel[@]}" "${ring[@]}" "$@" || result=$?
# Nothing is printed after pytest's closing line.
[ "${#failed[@]}" -eq 0 ] || result=1
exit "$result"
