#!/usr/bin/env bash
# Installs, configures, starts and proves the P3.3 Position State Brain on this host. Safe to run again: that is how it is
# upgraded. What a person has written (settings, passwords, an edited redis.conf) is never overwritten. Where it can't go on
# it says so before it changes anything.
#
#   deployment/deploy.sh                    install or upgrade from this source tree, restart, prove
#   deployment/deploy.sh --with-redis       ... with a Redis of its own on this host, roles and passwords included. An upgrade
#                                           of such a host renews them without being asked
#   deployment/deploy.sh rollback           back to the release before, restart, prove
#   deployment/deploy.sh --dry-run          say what would be done
#   deployment/deploy.sh --root DIR         into DIR instead of /: no user, no systemd, nothing started; then DIR/usr/local/bin/p33
#
# More options: --prefix P (P33_KEY_PREFIX of a first installation, default quantum), --workers N (default: as many as are
# enabled, at first 2; those above N are stopped and disabled), --no-start, --venv DIR (use this environment instead of
# making one, with --root only), --keep N (releases to keep, default 5).
#
# Exit 0: done. 1: started, and the proof failed. 2: refused, with the reason and the way out.
set -euo pipefail
umask 022

NAME=quantum-position-state-brain
source_dir=$(cd "$(dirname "$0")/.." && pwd)
action=install root='' prefix='' workers='' keep=5 dry_run='' start=yes with_redis='' venv='' redis_changed='' renewed=''

die() { echo "deploy.sh: $*" >&2; exit 2; }
say() { echo "==> $*"; }
run() { if [[ $dry_run ]]; then echo "    would run: $*"; else "$@"; fi; }

while (($#)); do
  case $1 in
    install | rollback) action=$1 ;;
    --dry-run) dry_run=yes ;;
    --root) root=${2:?--root needs a folder}; shift ;;
    --prefix) prefix=${2:?}; shift ;;
    --workers) workers=${2:?}; shift ;;
    --keep) keep=${2:?}; shift ;;
    --venv) venv=${2:?}; shift ;;
    --with-redis) with_redis=yes ;;
    --no-start) start='' ;;
    -h | --help) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 0 ;;
    *) die "unknown argument '$1'; see --help" ;;
  esac
  shift
done

if [[ $root ]]; then
  start=''
  [[ $dry_run ]] || mkdir -p "$root"
  [[ $dry_run ]] || root=$(cd "$root" && pwd)
elif [[ $venv ]]; then
  die "--venv is for trying, with --root"
elif [[ ! $dry_run && $(id -u) != 0 ]]; then
  die "run it as root, or try it with --root DIR or --dry-run"
fi
[[ -z $workers || $workers =~ ^[1-9][0-9]?$ ]] || die "--workers $workers: 1 to 99"
[[ -z $prefix || $prefix =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$ ]] || die "--prefix '$prefix': 1 to 64 letters, digits, '.', '_' or '-'"

base=$root/opt/quantum/position-state-brain
etc=$root/etc/quantum
secrets=$etc/secrets
env_file=$etc/position-state-brain.env
units=$root/etc/systemd/system
redis_conf=$root/etc/redis/position-state-brain.conf
redis_local_conf=$root/etc/redis/position-state-brain.local.conf
redis_acl=$root/etc/redis/position-state-brain.acl
redis_server=/usr/bin/redis-server # as in the unit; another may be first on PATH

# --- before anything is changed -------------------------------------------------------------------------------------

# The last value of a name=value file.
value_in() { sed -n "s/^$2=//p" "$1" | tail -n 1; }

check_host() {
  local installed_prefix=''
  if [[ -e $env_file ]]; then
    installed_prefix=$(value_in "$env_file" P33_KEY_PREFIX)
    installed_prefix=${installed_prefix:-quantum}
    [[ -z $prefix || $prefix == "$installed_prefix" ]] ||
      die "--prefix $prefix, but $env_file says $installed_prefix: change it there, or leave the option out"
  fi
  prefix=${prefix:-${installed_prefix:-quantum}}
  if [[ ! $with_redis && -e $redis_conf ]]; then
    say "this host has a Redis of its own: its roles, configuration and unit are renewed, too"
    with_redis=yes
  fi
  [[ $root ]] && return
  if [[ ! $dry_run ]]; then
    command -v systemctl > /dev/null || die "no systemctl: this needs systemd; for containers see deployment/compose"
    command -v make > /dev/null || die "no make: apt-get install make"
    find_python > /dev/null
  fi
  if [[ $with_redis ]]; then check_redis_place; fi
}

# Debian's package starts a Redis of its own, now and at each boot. Two on one port would be a restart loop.
check_redis_place() {
  local port unit conf holder
  if [[ ! $dry_run ]]; then
    [[ -x $redis_server ]] ||
      die "no $redis_server: apt-get install redis-server && systemctl disable --now redis-server (its own unit takes the port)"
    id redis > /dev/null 2>&1 || die "no user redis, which the package redis-server makes: apt-get install redis-server"
  fi
  command -v systemctl > /dev/null || return 0
  port=$(redis_port)
  for unit in redis-server valkey-server redis valkey; do
    conf=/etc/${unit%-server}/${unit%-server}.conf
    if [[ $(port_in "$conf") != "$port" ]]; then continue; fi
    if systemctl is-active --quiet "$unit" 2> /dev/null; then
      refuse_port "$port" "$unit.service, which runs" "$unit"
    elif systemctl is-enabled --quiet "$unit" 2> /dev/null; then
      refuse_port "$port" "$unit.service, which is started at boot" "$unit"
    fi
  done
  if ! systemctl is-active --quiet "$NAME-redis.service" && (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; then
    holder=$(ss -Hltnp "sport = :$port" 2> /dev/null | sed -n 's/.*users:((\([^)]*\)).*/\1/p' | head -n 1) || true
    refuse_port "$port" "another program${holder:+ ($holder)}" ''
  fi
}

refuse_port() {
  local port=$1 who=$2 unit=$3
  {
    echo "deploy.sh: nothing was changed. Port $port, which the Redis of --with-redis needs, is taken by $who. Ways out:"
    if [[ $unit ]]; then
      echo "  - nobody needs it (its data stays on disk):  systemctl disable --now $unit    then run this again"
    else
      echo "  - end that program, then run this again"
    fi
    echo "  - others need it: give ours another port, then run this again:"
    echo "      mkdir -p ${redis_local_conf%/*} && echo 'port 6380' >> $redis_local_conf"
    echo "  - it is meant for this service: run this without --with-redis; config/README.md says what it has to be like"
  } >&2
  exit 2
}

# Of our own Redis: what this host says, else what is shipped.
redis_port() { port_in "$source_dir/config/redis.conf" "$redis_local_conf"; }

# The last port in configuration files of Redis, those that are there.
port_in() {
  local port
  port=$(cat "$@" 2> /dev/null | sed -n 's/^port[[:space:]]\{1,\}\([0-9]\{1,\}\).*/\1/p' | tail -n 1) || true
  echo "${port:-6379}"
}

# --- parts ----------------------------------------------------------------------------------------------------------

# A name that says what is in it: the same source is installed once.
release_id() {
  local version digest
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml" | head -n 1)
  digest=$(cd "$source_dir" && list_source | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-12)
  echo "$version-$digest"
}

list_source() {
  find p33_tasks config deployment ./*.lock pyproject.toml flower.conf Makefile README.md LICENSE \
    \( -name __pycache__ -o -name secrets \) -prune -o -type f -print0
}

install_user() {
  [[ $root ]] && return
  id quantum > /dev/null 2>&1 ||
    run useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin quantum
}

install_release() {
  local release=$base/releases/$1 python
  if [[ -e $release/.complete ]]; then
    say "release $1 is there already"
    return
  fi
  say "installing release $1"
  run mkdir -p "$release"
  [[ $dry_run ]] && return
  (cd "$source_dir" && list_source | tar --null -cf - -T -) | tar -xf - -C "$release"
  if [[ $venv ]]; then
    ln -sfn "$(cd "$venv" && pwd)" "$release/.venv"
  else
    python=$(find_python)
    # The demo too: the proof runs the acceptance cases on one.
    make --silent -C "$release" PYTHON="$python" VENV=.venv .venv/.demo
    # Celery-exporter's pins don't allow every Python; the gate doesn't need it.
    if ! make --silent -C "$release" PYTHON="$python" VENV=.venv celery-exporter; then
      rm -rf "$release/.venv-celery-exporter" # half an environment would be started, and end, again and again
      say "celery-exporter could not be installed with $python (it needs 3.11 or 3.12): no queue metrics on this host"
    fi
  fi
  chmod -R a+rX "$release" 2> /dev/null || true
  touch "$release/.complete"
}

find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3; do
    if command -v "$candidate" > /dev/null &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      command -v "$candidate"
      return
    fi
  done
  die "no Python 3.11 or newer with venv: apt-get install python3.11 python3.11-venv"
}

# Writes standard input to a file, mode and all, in one step.
put() {
  local file=$1 mode=$2
  if [[ $dry_run ]]; then
    cat > /dev/null
    echo "    would write: $file"
    return
  fi
  mkdir -p "$(dirname "$file")"
  (umask 077 && cat > "$file.new")
  chmod "$mode" "$file.new"
  mv "$file.new" "$file"
}

# For root and the service's group only.
put_secret() {
  put "$1" 0640
  [[ $root || $dry_run ]] || chgrp quantum "$1"
}

install_settings() {
  if [[ -e $env_file ]]; then
    say "keeping $env_file"
  else
    say "writing $env_file from the example"
    { cat "$source_dir/config/position-state-brain.env.example"
      printf '\n# --- of this host, written by deploy.sh ---\nP33_KEY_PREFIX=%s\n' "$prefix"; } | put_secret "$env_file"
  fi
}

password() { head -n 1 "$secrets/$1"; }

# Writes a file of the Redis, and sets `renewed` when it wasn't there like this. Says what changed against the one that is
# there, which is kept as FILE.before until the new one has been seen to work.
renew() {
  local file=$1 mode=$2 new=$3
  renewed=''
  if cmp -s "$file" "$new"; then return; fi
  renewed=yes
  if [[ -e $file ]]; then
    say "changed: $file"
    difference <(without_hashes "$file") <(without_hashes "$new")
    [[ $root || $dry_run ]] || cp -p "$file" "$file.before"
  fi
  put "$file" "$mode" < "$new"
}

difference() { diff -U 0 "$1" "$2" | sed '1,2d; /^@@/d; s/^/    /' || true; }

# Nobody's business on a screen.
without_hashes() { sed 's/ #[0-9a-f]\{64\}//g' "$1"; }

# Whether a redis.conf is as some release shipped it, so that nobody's work is lost when it is replaced.
is_as_shipped() {
  local shipped
  for shipped in "$source_dir/config/redis.conf" "$base"/releases/*/config/redis.conf; do
    if [[ -e $shipped ]] && { cmp -s "$1" "$shipped" || cmp -s "$1" <(redis_conf_of "$shipped"); }; then return; fi
  done
  return 1
}

redis_conf_of() {
  cat "$1"
  printf '\n# What this host wants otherwise (bind, port, maxmemory) is in this file; an upgrade never touches it.\n'
  echo "include ${redis_local_conf#"$root"}"
}

install_redis() {
  local version=7 users=users.acl work
  say "Redis: configuration, roles and passwords"
  if [[ -x $redis_server ]]; then
    version=$("$redis_server" --version | sed -n 's/.* v=\([0-9]*\)\..*/\1/p')
  fi
  [[ $version -ge 7 ]] || users="users-6.2.acl"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # this very folder
  trap "rm -rf '$work'" EXIT
  redis_conf_of "$source_dir/config/redis.conf" > "$work/redis.conf"
  if [[ ! -e $redis_local_conf ]]; then
    put "$redis_local_conf" 0644 <<< "# Read behind position-state-brain.conf: what this host wants otherwise, e.g. bind 127.0.0.1 10.0.0.5"
  fi
  if [[ -e $redis_conf ]] && ! is_as_shipped "$redis_conf"; then
    say "keeping $redis_conf, which was edited by hand; the new one is $redis_conf.new and differs in:"
    difference "$redis_conf" "$work/redis.conf"
    echo "    move your lines to $redis_local_conf, then: mv $redis_conf.new $redis_conf, and run this again"
    put "$redis_conf.new" 0644 < "$work/redis.conf"
  else
    renew "$redis_conf" 0644 "$work/redis.conf"
    redis_changed=$renewed
  fi
  if [[ $dry_run ]]; then
    echo "    would make: passwords in $secrets, $redis_acl"
    return
  fi
  (umask 077 && mkdir -p "$secrets")
  # Through a file, so that a failure to make it isn't taken for an empty one.
  (umask 077 && "$source_dir/deployment/make-acl.sh" "$secrets" "$prefix" "$source_dir/config/$users" > "$work/acl")
  renew "$redis_acl" 0640 "$work/acl"
  [[ $root ]] || chgrp redis "$redis_acl"
  log_in_as p33-brain "$env_file"
  log_in_as p33-exporter "$etc/position-state-brain-exporter.env"
  log_in_as p33-model "$etc/position-state-brain-model.env"
  log_in_as p33-operator "$etc/position-state-brain-operator.env"
  log_in_as p33-watch "$etc/position-state-brain-watch.env"
  [[ -s $secrets/flower ]] || (umask 077 && od -An -N 16 -tx1 /dev/urandom | tr -d ' \n' > "$secrets/flower")
  if ! grep -q '^FLOWER_BASIC_AUTH=' "$etc/position-state-brain-watch.env"; then
    { cat "$etc/position-state-brain-watch.env"
      echo "FLOWER_BASIC_AUTH=operator:$(password flower)"; } | put_secret "$etc/position-state-brain-watch.env"
  fi
}

# The role's present password, in the file of its settings; a login that a person wrote there stays, and so do all other lines.
log_in_as() {
  local role=$1 file=$2 port
  port=$(redis_port)
  if grep -q "^REDIS_USERNAME=$role\$" "$file" 2> /dev/null; then
    sed "s/^REDIS_PASSWORD=.*/REDIS_PASSWORD=$(password "$role")/" "$file" | put_secret "$file"
  elif ! grep -qE '^(REDIS_USERNAME|REDIS_PASSWORD|P33_REDIS_URL)=' "$file" 2> /dev/null; then
    { cat "$file" 2> /dev/null || true
      if [[ $role == p33-brain && $port != 6379 ]] && ! grep -q '^REDIS_PORT=' "$file"; then echo "REDIS_PORT=$port"; fi
      printf 'REDIS_USERNAME=%s\nREDIS_PASSWORD=%s\n' "$role" "$(password "$role")"; } | put_secret "$file"
  else
    say "keeping the Redis login in $file"
  fi
}

install_units() {
  local file number
  say "systemd units"
  for file in "$source_dir"/deployment/systemd/*; do
    if [[ $file == *-redis.service ]]; then
      if [[ ! $with_redis ]]; then continue; fi
      renew "$units/${file##*/}" 0644 "$file"
      redis_changed=${redis_changed:-$renewed}
    else
      put "$units/${file##*/}" 0644 < "$file"
    fi
  done
  [[ $root ]] && return
  run systemctl daemon-reload
  [[ $with_redis ]] && run systemctl enable "$NAME-redis.service"
  run systemctl enable "$NAME.service" "$NAME.target" "$NAME-snapshots" "$NAME-beat" "$NAME-exporter" "$NAME-flower"
  if [[ -e $base/current/.venv-celery-exporter/.done ]]; then
    run systemctl enable "$NAME-celery-exporter"
  elif systemctl is-enabled --quiet "$NAME-celery-exporter" 2> /dev/null; then
    run systemctl disable --now "$NAME-celery-exporter"
  fi
  if [[ ! $workers && ! $(enabled_workers) ]]; then workers=2; fi
  if [[ ! $workers ]]; then return; fi
  for number in $(seq 1 "$workers"); do run systemctl enable "$NAME-worker@$number"; done
  for number in $(enabled_workers); do
    if ((number > workers)); then
      say "stopping and disabling worker $number: --workers $workers"
      run systemctl disable --now "$NAME-worker@$number"
    fi
  done
}

# Their numbers.
enabled_workers() {
  find "$units/$NAME.target.wants" -name "$NAME-worker@*.service" -printf '%f\n' 2> /dev/null |
    sed -n 's/.*@\([0-9]\{1,\}\)\.service$/\1/p' | sort -n
}

# p33 and p33-redis for people: the settings of this host, under the operator's role.
install_command() {
  put "$root/usr/local/bin/p33" 0755 << WRAPPER
#!/bin/sh
# Written by deploy.sh: p33 with this host's settings, under the operator's role where there is one.
: "\${P33_ENV_FILE:=$env_file}"
export P33_ENV_FILE
# Where the units' processes leave their signs of life, for \`p33 alive\`.
: "\${RUNTIME_DIRECTORY:=/run/$NAME}"
export RUNTIME_DIRECTORY
if [ "\$P33_ENV_FILE" = "$env_file" ] && [ -r "$etc/position-state-brain-operator.env" ]; then
  set -a
  . "$etc/position-state-brain-operator.env"
  set +a
fi
exec "$base/current/.venv/bin/p33" "\$@"
WRAPPER
  put "$root/usr/local/bin/p33-redis" 0755 << WRAPPER
#!/bin/sh
# Written by deploy.sh: redis-cli on this host's state store, as the operator; p33-redis --admin ... as the one who may do all.
role=p33-operator
if [ "\$1" = --admin ]; then role=p33-admin; shift; fi
value() { sed -n "s/^\$1=//p" "$env_file" | tail -n 1; }
host=\$(value REDIS_HOST) port=\$(value REDIS_PORT) db=\$(value REDIS_DB)
if [ -r "$secrets/\$role" ]; then
  REDISCLI_AUTH=\$(head -n 1 "$secrets/\$role")
  export REDISCLI_AUTH
  set -- --no-auth-warning --user "\$role" -n "\${db:-0}" "\$@"
fi
exec redis-cli -h "\${host:-localhost}" -p "\${port:-6379}" "\$@"
WRAPPER
}

# Both links are switched in one step each; nobody ever finds none.
switch_to() {
  local now
  now=$(readlink "$base/current" 2> /dev/null || true)
  if [[ $now == "releases/$1" ]]; then return; fi
  say "switching to $1${now:+ (was ${now#releases/})}"
  [[ $dry_run ]] && return
  if [[ $now ]]; then
    ln -s "$now" "$base/previous.new"
    mv -T "$base/previous.new" "$base/previous"
  fi
  ln -s "releases/$1" "$base/current.new"
  mv -T "$base/current.new" "$base/current"
}

remove_old_releases() {
  local now before release
  now=$(readlink "$base/current") before=$(readlink "$base/previous" || true)
  find "$base/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ releases/%f\n' | sort -rn | cut -d ' ' -f 2 |
    tail -n "+$((keep + 1))" | while read -r release; do
    [[ $release == "$now" || $release == "$before" ]] || rm -rf "${base:?}/$release"
  done
}

# A running Redis is restarted only for a new configuration or unit: every permit of its life before is void then.
start_redis() {
  local answer
  if [[ ! $dry_run && ! $redis_changed ]] && systemctl is-active --quiet "$NAME-redis.service"; then
    say "Redis: loading roles and passwords"
    answer=$("$root/usr/local/bin/p33-redis" --admin ACL LOAD 2>&1) || true
    [[ $answer == OK ]] || die "Redis did not take the roles of $redis_acl: $answer"
    rm -f "$redis_acl.before"
    return
  fi
  if [[ ! $dry_run ]] && systemctl is-active --quiet "$NAME-redis.service"; then
    say "Redis: restarting with its new files; permits issued before are void, the first new ones come after 5 s"
  else
    say "Redis: starting"
  fi
  run systemctl restart "$NAME-redis.service" || put_redis_back
  [[ $dry_run ]] || rm -f "$redis_conf.before" "$redis_acl.before" "$units/$NAME-redis.service.before"
}

# Never a Redis that ends and is started again and again.
put_redis_back() {
  local file back=''
  systemctl stop "$NAME-redis.service"
  journalctl -u "$NAME-redis.service" -n 8 --no-pager -o cat >&2 || true
  for file in "$redis_conf" "$redis_acl" "$units/$NAME-redis.service"; do
    if [[ -e $file.before ]]; then mv "$file.before" "$file" && back=yes; fi
  done
  systemctl daemon-reload
  if [[ $back ]]; then
    systemctl start "$NAME-redis.service" || true
    die "Redis did not start with its new files (its log is above); those of before are back, and the gate was not restarted"
  fi
  systemctl disable "$NAME-redis.service"
  die "Redis did not start (its log is above); it is stopped and disabled. Correct what it says, then run this again"
}

# What the release would say at its start, before it takes the place of the one that runs.
check_settings() {
  [[ $dry_run ]] && return
  say "reading the settings as this release does"
  (cd "$base/releases/$1" && env -i PATH="$PATH" P33_ENV_FILE="$env_file" .venv/bin/python -m p33_tasks.celery.validate) ||
    die "this release can't use $env_file (above): correct it, then run this again. What ran goes on as it was"
}

lacks_exchange_key() {
  [[ ! $dry_run ]] && (cd "$base/current" && env -i PATH="$PATH" P33_ENV_FILE="$env_file" .venv/bin/python -c '
from p33_tasks.settings import load_settings
raise SystemExit(load_settings().api_credentials[0] is not None)')
}

start_and_prove() {
  if [[ ! $start ]]; then
    say "installed, not started${root:+ (try it: $root/usr/local/bin/p33 up)}"
    return
  fi
  if [[ $with_redis ]]; then start_redis; fi
  if ! systemctl is-active --quiet "$NAME.service" 2> /dev/null && lacks_exchange_key; then
    say "installed. Now write the keys of the exchange and your symbols into $env_file, then start it:"
    echo "    systemctl restart $NAME{,.target} && p33 check --wait 60"
    return
  fi
  say "starting"
  # With the target it returns when every process takes work; of the service alone, when the settings were read.
  run systemctl restart "$NAME.service" "$NAME.target" || die "it did not start: journalctl -u $NAME -n 20"
  run "$source_dir/deployment/proof.sh"
}

# --- what is asked for ----------------------------------------------------------------------------------------------

case $action in
  install)
    check_host
    id=$(release_id)
    install_user
    install_release "$id"
    install_settings
    check_settings "$id"
    if [[ $with_redis ]]; then install_redis; fi
    switch_to "$id"
    install_units
    install_command
    [[ $dry_run ]] || remove_old_releases
    start_and_prove
    ;;
  rollback)
    previous=$(readlink "$base/previous" 2> /dev/null || true)
    [[ $previous && -e $base/$previous/.complete ]] || die "there is no release to go back to in $base/releases"
    switch_to "${previous#releases/}"
    source_dir=$base/current
    install_units
    start_and_prove
    ;;
esac
say "done"
