#!/bin/sh
# Installs what benchmarks/history.py measures mvcs against. Does nothing that is done already, so it can run any time.
# DVC has pins of its own: it lives in a folder of its own ($MVCS_PEERS, default ~/.cache/mvcs-peers).
set -eu

peers="${MVCS_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/mvcs-peers}"
python="${PYTHON:-python3}"
dvc_version=3.67.1

missing=""
for pair in git:git git-lfs:git-lfs restic:restic borg:borgbackup casync:casync; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        # The lists may be there and fresh enough; only a failure is a reason to fetch them.
        # shellcheck disable=SC2086  # the names are words
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 || {
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
        }
    else
        echo "peers.sh: not installed:$missing (they will be left out; on Debian: sudo apt-get install$missing)" >&2
    fi
fi

if ! "$peers/bin/dvc" --version 2>/dev/null | grep -qx "$dvc_version"; then
    "$python" -m venv "$peers"
    "$peers/bin/python" -m pip install --quiet --disable-pip-version-check "dvc==$dvc_version"
fi
