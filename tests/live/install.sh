#!/bin/sh
# Install what the live suite runs against, as far as this machine lets us; the suite skips the rest.
#     tests/live/install.sh PYTHON
root=$(cd "$(dirname "$0")/../.." && pwd)
"$1" -m pip install --quiet --disable-pip-version-check --group "$root/pyproject.toml:live" ||
    echo "keyfuse: pip could not install the group live" >&2
missing=
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v caddy >/dev/null || missing="$missing caddy"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086  # two words are meant
    apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        echo "keyfuse: apt-get could not install$missing" >&2
else
    echo "keyfuse: not installed (needs root and apt-get):$missing" >&2
fi
