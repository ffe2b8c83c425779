#!/usr/bin/env bash
# Makes a Redis ACL file from config/users.acl: every role gets a password, and the keys get the account's prefix.
#
#   deployment/make-acl.sh SECRETS_DIR [PREFIX] [USERS_ACL] > position-state-brain.acl
#
# SECRETS_DIR/<role> holds a role's password; one that is missing is made. So it may be run again at any time.
# While a password is rotated, SECRETS_DIR/<role>.old holds the previous one, and both are accepted.
# Passwords appear in the ACL file as SHA-256 only.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
secrets=${1:?usage: make-acl.sh SECRETS_DIR [PREFIX] [USERS_ACL]}
prefix=${2:-quantum}
users=${3:-$here/config/users.acl}

if ! [[ $prefix =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$ ]]; then
  echo "make-acl.sh: prefix '$prefix': use 1 to 64 letters, digits, '.', '_' or '-'" >&2
  exit 2
fi

umask 077
mkdir -p "$secrets"

password_hash() { # of the first line of a file, without its line break
  head -n 1 "$1" | tr -d '\r\n' | sha256sum | cut -d ' ' -f 1
}

while read -r word name rest; do
  [[ -n $word ]] || continue
  rest=${rest//quantum:/$prefix:}
  if [[ $name != default ]]; then
    file=$secrets/$name
    if [[ ! -s $file ]]; then
      # Written whole or not at all: a half-written password would lock its role out.
      od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' > "$file.new"
      mv "$file.new" "$file"
    fi
    words="resetpass #$(password_hash "$file")"
    [[ -s $file.old ]] && words+=" #$(password_hash "$file.old")"
    rest=${rest/resetpass/$words}
  fi
  printf '%s %s %s\n' "$word" "$name" "$rest"
done < "$users"
