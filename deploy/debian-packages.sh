#!/bin/sh
# Installs the Debian packages that the tests need and that are not there yet; all, or those named.
# As root, or with sudo that asks no password; otherwise it says the one line to type.
set -eu
[ $# -gt 0 ] || set -- chromium redis-server postgresql
missing=""
for package in "$@"; do
    # A package that was removed but left its configuration is known to dpkg all the same.
    case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null)" in
        *" ok installed") ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    echo "Some tests need Debian packages. One line, then try again:"
    echo "  sudo apt-get update && sudo apt-get install -y$missing"
    exit 1
fi
echo "Installing$missing …"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
