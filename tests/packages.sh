#!/bin/sh
# Installs the Debian packages that are missing.
#   sh tests/packages.sh build   what building and running needs
#   sh tests/packages.sh test    what the tests need beside
#   sh tests/packages.sh cross   what building for 64-bit Arm and running that needs (Debian's
#                                architecture arm64 is added)
# Never removes a package. Needs root or sudo only if something is missing. With TUTTI_NO_INSTALL in
# the environment it does nothing.
set -eu
[ -z "${TUTTI_NO_INSTALL:-}" ] || exit 0

packages=''
for group in "$@"; do
    case $group in
    build) packages="$packages gcc libc6-dev meson ninja-build pkg-config portaudio19-dev
        libfftw3-dev libopenblas-dev libmicrohttpd-dev libcjson-dev libsoxr-dev libsndfile1-dev
        libinih-dev libsystemd-dev libcurl4-openssl-dev" ;;
    test) packages="$packages git clang-format libcmocka-dev libsimde-dev libasound2-dev
        alsa-utils ffmpeg curl procps python3-torch python3-torchaudio python3-numpy python3-scipy
        python3-soundfile python3-matplotlib python3-tqdm chromium fluidsynth sox espeak-ng
        setbfree" ;;
    cross)
        packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
        for library in portaudio19 libfftw3 libopenblas libmicrohttpd libcjson libsoxr libsndfile1 \
            libinih libsystemd libcurl4-openssl libcmocka libasound2; do
            packages="$packages $library-dev:arm64"
        done
        ;;
    *)
        echo "packages.sh: unknown group '$group'" >&2
        exit 2
        ;;
    esac
done
case " $* " in
*" test "*)
    command -v node >/dev/null && command -v npm >/dev/null || packages="$packages nodejs npm"
    ;;
esac

native=$(dpkg --print-architecture)
missing=''
for package in $packages; do
    case $package in
    *:*) architecture=${package#*:} ;;
    *) architecture=$native ;;
    esac
    # One line for each architecture that has it.
    dpkg-query -W -f '${Architecture} ${db:Status-Status}\n' "$package" 2>/dev/null |
        grep -qxE "($architecture|all) installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "Please install as root:$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "installing:$missing"
case $missing in
*:arm64*) $as_root dpkg --add-architecture arm64 ;;
esac
$as_root apt-get update -qq
# After sudo, which does not pass on the environment.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    --no-remove $missing >/dev/null
