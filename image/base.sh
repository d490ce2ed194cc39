#!/bin/sh
# Makes a stand-in for AWS's Python base image, where that cannot be pulled:
#
#   sh base.sh TAG
#
# The shape is AWS's (paths, environment, entrypoint, Runtime Interface Emulator and Client), the
# parts are Debian's CPython and AWS's own packages from PyPI. Needs root, debootstrap, pip and
# Docker; about a minute.
set -eu
tag=$1
python=3.13     # what Debian's suite below carries
suite=trixie
client=awslambdaric==4.2.2
emulator=aws-sam-cli==1.170.0

case $(uname -m) in
x86_64) emulated=x86_64 ;;
aarch64) emulated=arm64 ;;
*) echo "no emulator for $(uname -m)" >&2; exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# The image holds Python as AWS's does, in /var/lang. `venv` copies it there; pip is in the package.
debootstrap --variant=minbase --include="python$python-minimal,python3-venv,ca-certificates" \
    "$suite" "$root" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
chroot "$root" "python$python" -m venv /var/lang
mkdir -p "$root/var/task" "$root/var/runtime" "$root/opt/extensions"

install_for_image() {
    python3 -m pip install -qq --disable-pip-version-check --no-compile --only-binary :all: \
        --python-version "$python" --implementation cp \
        --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" "$@"
}
install_for_image --target "$root/var/lang/lib/python$python/site-packages" "$client"
install_for_image --no-deps --target "$work/emulator" "$emulator"
install -m 755 "$work/emulator/samcli/local/rapid/aws-lambda-rie-$emulated" \
    "$root/usr/local/bin/aws-lambda-rie"

cat >"$root/var/runtime/bootstrap" <<END
#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python$python
exec /var/lang/bin/python$python -m awslambdaric "\$_HANDLER"
END
cat >"$root/lambda-entrypoint.sh" <<'END'
#!/bin/sh
# Inside Lambda the runtime API is there; elsewhere the emulator stands in for it.
[ $# -eq 1 ] || { echo "give the handler's name, and nothing else" >&2; exit 142; }
export _HANDLER="$1"
[ -n "${AWS_LAMBDA_RUNTIME_API:-}" ] && exec /var/runtime/bootstrap
exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
END
chmod 755 "$root/var/runtime/bootstrap" "$root/lambda-entrypoint.sh"

# A build behind a proxy or a mirror needs this machine's certificates and package index. They are
# the base's business: nothing of them is in the Dockerfile.
bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ ! -f "$bundle" ] || cat "$bundle" >"$root/etc/ssl/certs/ca-certificates.crt"
{
    echo "[global]"
    echo "cert = /etc/ssl/certs/ca-certificates.crt"
    index=$(python3 -m pip config get global.index-url 2>/dev/null) && echo "index-url = $index"
} >"$root/etc/pip.conf" || true

rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* \
    "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/log/*
chroot "$root" "/var/lang/bin/python$python" -m compileall -q "/usr/lib/python$python" \
    "/var/lang/lib/python$python" || true

tar -C "$root" --sort=name --exclude='./dev/*' -c . | docker import \
    --change 'ENV LANG=C.UTF-8' \
    --change 'ENV TZ=:/etc/localtime' \
    --change 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin' \
    --change 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib' \
    --change 'ENV LAMBDA_TASK_ROOT=/var/task' \
    --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
    --change 'WORKDIR /var/task' \
    --change 'ENTRYPOINT ["/lambda-entrypoint.sh"]' \
    - "$tag"
