#!/usr/bin/env bash
# Start the console: the Streamlit UI, the API and nginx in front of both, until Ctrl-C or SIGTERM.
# The first start installs what is needed; every later one only starts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=octostar_runtime/deploy/machine.sh
. octostar_runtime/deploy/machine.sh

nginx=yes
for argument in "$@"; do
    case "$argument" in
    -h | --help)
        cat <<'USAGE'
usage: ./main.sh [--no-nginx] [--app FILE] [--check]

  --no-nginx  only the Streamlit server, with the API mounted at /api
  --app FILE  the Streamlit app to serve (default: app.py)
  --check     say whether it could start, and start nothing

Settings are environment variables: docs/settings.md. More: docs/deployment.md.
USAGE
        exit
        ;;
    --no-nginx) nginx=no ;;
    esac
done

ensure_venv runtime requirements.txt
if [ "$nginx" = yes ] && ! PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v nginx >/dev/null; then
    # Without root the launcher says what to install.
    apt_install nginx || true
fi
exec "$venv/bin/python" -m octostar_runtime.deploy "$@"
