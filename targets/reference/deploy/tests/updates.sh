#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the deployment gate lets a good update in and no bad one, on running services with real
# users: updates.sh, with ASSAY the harness, AUTHD the service, UPDATES the folder of its variants
# and MODULES that of their modules.
#
# The front end is a file with an address. Users are a loop that logs in there, with right passwords
# only, and writes down every answer that is not 201.
#
#   gate     a bad update is refused before it runs
#   canary   the gate is left out (`true` stands for assay): a bad update is refused before a user
#            meets it, and the accounts of users are as they were
#   watch    an update that is good until users come: taken back, and the cause is named; one that
#            dies: taken back; a good one, when the deployment itself is interrupted: taken back
#   good     is in service in the end, no user has noticed, and the old one has ended well
#   nothing  is done when the old service is not healthy
set -eu
here=$(cd "$(dirname "$0")" && pwd)
deploy=$here/../deploy.sh

room=$(mktemp -d "${TMPDIR:-/tmp}/updates.XXXXXX")
processes=
trap 'for p in $processes $(cat "$room"/pid-* 2>/dev/null); do kill "$p" 2>/dev/null || true; done; rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM

die() {
    printf 'FAILED: %s\n' "$*" >&2
    [ ! -e "$room/said" ] || sed 's/^/    | /' "$room/said" >&2
    exit 1
}

# release NAME PROGRAM MODULE [OPTION...]: a folder as deploy.sh wants it; the options are added to
# those that it gives.
release() {
    mkdir "$room/$1"
    name=$1 program=$2 module=$3
    shift 3
    printf '#!/bin/sh\necho $$ >%s/pid-%s\nexec %s "$@" %s\n' "$room" "$name" "$program" "$*" >"$room/$name/authd"
    chmod +x "$room/$name/authd"
    ln -s "$MODULES/$module.so" "$room/$name/target.so"
}
release old "$AUTHD" reference --cost 8,1
release good "$UPDATES/authd-tidier-store" tidier-store
release truncates "$UPDATES/authd-inc-rehash-truncates" inc-rehash-truncates
release mangles "$UPDATES/authd-inc-b64-plus-mangled" inc-b64-plus-mangled
release starved "$AUTHD" reference --hashing-memory 19456
release dies "$AUTHD" reference

# The front end.
cat >"$room/switch" <<SWITCH
#!/bin/sh
echo "\$1" >"$room/front.next" && mv "$room/front.next" "$room/front"
SWITCH
chmod +x "$room/switch"

start_old() {
    : >"$room/out"
    "$room/old/authd" --database "$room/accounts.db" --create --listen 127.0.0.1:0 --log "$room/old.log" >"$room/out" &
    old_pid=$!
    processes="$processes $old_pid"
    for attempt in $(seq 300); do
        old_url=$(sed -n 's|^listening on |http://|p' "$room/out")
        [ -z "$old_url" ] || break
        sleep 0.1
    done
    [ -n "$old_url" ] || die 'the old service does not start'
    "$room/switch" "$old_url"
}

# ask URL NAME PATH: the status.
ask() {
    curl -s -m 20 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
        -d "{\"name\":\"$2\",\"password\":\"the password of $2\"}" "$1$3" || true
}

# users N: that many at once, until $room/stop is there; their complaints are in $room/complaints.
users() {
    rm -f "$room/stop"
    : >"$room/complaints"
    for user in $(seq "$1"); do
        while [ ! -e "$room/stop" ]; do
            got=$(ask "$(cat "$room/front")" "user-$((user % 4 + 1))" /v1/sessions)
            [ "$got" = 201 ] || echo "$got" >>"$room/complaints"
            sleep 0.05
        done &
        user_loops="${user_loops:-} $!"
    done
}
send_users_home() {
    touch "$room/stop"
    # shellcheck disable=SC2086
    wait $user_loops
    user_loops=
}

# update NEW ASSAY CODE PATTERN: deploys it; it must end so, and say so in its last line.
update() {
    cat >"$room/settings" <<SETTINGS
database=$room/accounts.db
probes=$room/probes
old_url=$old_url
old_pid=$old_pid
switch=$room/switch
assay=$2
assay_options='--only vectors'
authd_options='--log $room/new.log'
scratch_accounts=4
watch_rounds=5
watch_pause=0.5
SETTINGS
    rm -f "$room/pid-$1"
    code=0
    sh -c 'echo $$ >"$0"; exec "$@"' "$room/deploying" "$deploy" "$room/settings" "$room/old" "$room/$1" \
        >"$room/said" 2>&1 || code=$?
    [ "$code" -eq "$3" ] || die "$1: exit $code instead of $3"
    tail -n 1 "$room/said" | grep -q -e "$4" || die "$1: the last line does not say \"$4\""
}

# unharmed NEW: users are at the old service, it serves them all, and nothing of NEW is left.
unharmed() {
    [ "$(cat "$room/front")" = "$old_url" ] || die "$1: users are not at the old service"
    for user in 1 2 3 4; do
        [ "$(ask "$old_url" "user-$user" /v1/sessions)" = 201 ] || die "$1: user-$user cannot log in any more"
    done
    [ ! -e "$room/pid-$1" ] || ! kill -0 "$(cat "$room/pid-$1")" 2>/dev/null || die "$1 still runs"
}

start_old
for name in user-1 user-2 user-3 user-4 probe-1 probe-2; do
    [ "$(ask "$old_url" $name /v1/accounts)" = 201 ] || die "$name cannot be registered"
done
printf 'probe-%s\tthe password of probe-%s\n' 1 1 2 2 >"$room/probes"

update truncates "$ASSAY" 1 '^refused: assay check: '
[ ! -e "$room/pid-truncates" ] || die 'a refused update was started'
unharmed truncates

users 1
update truncates true 1 '^refused: .*503 instead of 401; it counted login (storage, corrupt)'
unharmed truncates
update mangles true 1 '^refused: .*(storage, corrupt)'
unharmed mangles
send_users_home
[ ! -s "$room/complaints" ] || die 'users have noticed an update that was refused'

users 12
update starved true 1 '^taken back: .*(hashing, memory)'
send_users_home
unharmed starved
[ -s "$room/complaints" ] || die 'nobody has noticed, so nothing was to be taken back'
! grep -q 401 "$room/complaints" || die 'somebody was told that a right password is wrong'

# once_switched SIGNAL FILE: to the process of that file, as soon as users are at the new service.
once_switched() {
    while [ "$(cat "$room/front")" = "$old_url" ]; do sleep 0.05; done
    kill "-$1" "$(cat "$2")"
}
once_switched KILL "$room/pid-dies" &
update dies true 1 '^taken back: it is '
unharmed dies
once_switched TERM "$room/deploying" &
update good true 1 '^taken back: deploy.sh ended early'
unharmed good

users 2
update good "$ASSAY" 0 '^in service: '
[ "$(cat "$room/front")" != "$old_url" ] || die 'users are still at the old service'
code=0
wait "$old_pid" || code=$?
send_users_home
[ "$code" -eq 0 ] || die "the old service ended with $code"
[ ! -s "$room/complaints" ] || die "users have noticed a good update: $(sort "$room/complaints" | uniq -c)"
curl -s "$(cat "$room/front")/metrics" | grep -q 'authd_build_info{version="[^"]*tidier-store"' || die 'another version is in service'

update starved true 3 '^nothing done: the service in use is not ready'
echo 'one update in service, six refused or taken back, one not begun'
