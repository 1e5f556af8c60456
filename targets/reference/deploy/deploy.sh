#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Brings an update of authd into service, and takes it back at the first doubt:
#
#   deploy.sh SETTINGS OLD NEW
#
# OLD and NEW are folders, one a release, with the program `authd` and the same code as `target.so`
# for Assay. OLD is in service at this moment; it stays alive on the same database until the end, so
# that going back is one switch and waits for nothing. README.md has the SETTINGS.
#
#   1. baseline  OLD is ready and serves the probe accounts. If it does not, nothing can be judged.
#   2. gate      assay check NEW; assay compare OLD NEW. Nothing is running yet.
#   3. canary    NEW beside OLD, on the same database, without users. Scratch accounts of both live
#                a whole life there, so that a NEW that spoils rows spoils theirs; they log in three
#                times, since what a login has made anew is read at the next; and OLD must see each
#                step, because after a rollback the rows are its own. Then the probe accounts, which
#                are as old as those of users. The metrics of NEW must show exactly that, and not one
#                failure, whatever its cause.
#   4. switch    the front end sends users to NEW.
#   5. watch     for as long as the settings say: it is ready, the probe accounts log in, and among
#                its users no cause of failure and no share of wrong passwords is above those of OLD.
#   6. end       OLD is stopped, and has finished what it had accepted.
#
# A doubt before the switch: NEW is stopped, and nobody has noticed. After it: the front end is sent
# back to OLD, then NEW is stopped. The last line says what was decided and why; each decision is
# also in the exit code: 0 NEW is in service; 1 NEW was refused or taken back; 3 OLD is not healthy,
# or the settings cannot be used, and nothing was done; 64 usage.
set -eu

usage() {
    echo 'usage: deploy.sh SETTINGS OLD NEW' >&2
    exit 64
}
[ $# -eq 3 ] || usage
settings=$1 old=$2 new=$3
here=$(cd "$(dirname "$0")" && pwd)
[ -r "$settings" ] && [ -x "$old/authd" ] && [ -x "$new/authd" ] || usage

# What may be left out.
assay=assay
assay_options=
authd_options=
scratch_accounts=8
watch_rounds=60
watch_pause=5
. "$settings"

room=$(mktemp -d "${TMPDIR:-/tmp}/deploy.XXXXXX")
scratch=deploy-$$
new_process='' new_url='' is_switched=''
trap 'leave 1 "taken back: deploy.sh ended early"' EXIT
trap 'exit 1' HUP INT TERM

step() {
    printf '%-9s %s\n' "$1" "$2"
}

# leave CODE TEXT: back to OLD, unless CODE is 0, and the last line.
leave() {
    trap - EXIT
    if [ "$1" -ne 0 ] && [ -n "$is_switched" ]; then
        "$switch" "$old_url" || echo "THE FRONT END DID NOT TAKE $old_url: send it there by hand" >&2
    fi
    if [ "$1" -ne 0 ] && [ -n "$new_process" ]; then
        kill "$new_process" 2>/dev/null || true
        wait "$new_process" || true
    fi
    rm -rf "$room"
    echo "$2"
    exit "$1"
}

# doubt TEXT: what a later step says of NEW.
doubt() {
    causes=
    if [ -n "$new_process" ] && metrics "$new_url" "$room/last"; then
        causes=$(failures "$room/last")
    fi
    verdict="refused: $1${causes:+; it counted $causes}"
    [ -z "$is_switched" ] || verdict="taken back: ${verdict#refused: }"
    leave 1 "$verdict"
}

# status URL METHOD PATH [BODY]: the status of one request; 000 when there was no answer.
status() {
    if [ $# -eq 4 ]; then
        curl -s -m 10 -o /dev/null -w '%{http_code}' -X "$2" -H 'Content-Type: application/json' \
            --data-binary @- "$1$3" <<BODY || true
$4
BODY
    else
        curl -s -m 10 -o /dev/null -w '%{http_code}' -X "$2" "$1$3" || true
    fi
}

login() {
    status "$1" POST /v1/sessions "{\"name\":\"$2\",\"password\":\"$3\"}"
}

# probe URL GIVEN...: every probe account, with a wrong password, the right one, or both; the right
# one forgets the wrong one. Leaves how many accounts there were in $probed; false: $why.
probe() {
    probe_url=$1 probed=0
    shift
    while IFS='	' read -r name password; do
        probed=$((probed + 1))
        for given; do
            case $given in
            wrong) wanted=401 got=$(login "$probe_url" "$name" "not $password") ;;
            right) wanted=201 got=$(login "$probe_url" "$name" "$password") ;;
            esac
            [ "$got" = $wanted ] || {
                why="the probe account $name got $got instead of $wanted with the $given password"
                return 1
            }
        done
    done <"$probes"
}

# metrics URL FILE: the counters of operations on accounts, one a line: operation answer layer reason n.
metrics() {
    curl -s -f -m 10 "$1/metrics" | sed -n 's/^authd_requests_total{operation="\([a-z_]*\)",answer="\([a-z]*\)",layer="\([a-z]*\)",reason="\([a-z]*\)"} \([0-9]*\)$/\1 \2 \3 \4 \5/p' |
        grep -e ^register -e ^login -e ^change -e ^remove >"$2"
}

# failures FILE: the causes in it, in words.
failures() {
    awk '$2 == "unavailable" && $5 > 0 { printf "%s%s (%s, %s) %d times", n++ ? ", " : "", $1, $3, $4, $5 }' "$1"
}

# counted FILE ANSWER: how many requests came to that answer; all: whatever it is.
counted() {
    awk -v answer="$2" 'answer == "all" ? $2 != "rejected" : $2 == answer { n += $5 } END { print n + 0 }' "$1"
}

await_ready() {
    for attempt in $(seq 300); do
        [ "$(status "$1" GET /readyz)" != 200 ] || return 0
        sleep 0.1
    done
    return 1
}

[ -n "${database:-}" ] && [ -n "${old_url:-}" ] && [ -n "${old_pid:-}" ] && [ -n "${switch:-}" ] &&
    [ -s "${probes:-}" ] || leave 3 'nothing done: the settings lack database, old_url, old_pid, switch or probes'
! grep -q '["\\]' "$probes" || leave 3 'nothing done: quotes or backslashes in the probe accounts'

step baseline "$old_url"
[ "$(status "$old_url" GET /readyz)" = 200 ] || leave 3 'nothing done: the service in use is not ready'
probe "$old_url" wrong right || leave 3 "nothing done: in the service in use, $why"
metrics "$old_url" "$room/old" || leave 3 'nothing done: the service in use has no metrics'

step gate 'assay check NEW'
# shellcheck disable=SC2086
"$assay" check "so:$new/target.so" --out "$room/out" $assay_options >"$room/log" 2>&1 ||
    doubt "assay check: $(tail -n 1 "$room/log")"
step gate 'assay compare OLD NEW'
"$assay" compare "so:$old/target.so" "so:$new/target.so" --out "$room/out" $assay_options >"$room/log" 2>&1 ||
    doubt "assay compare: $(tail -n 1 "$room/log")"

: >"$room/listening"
"$new/authd" --database "$database" --listen 127.0.0.1:0 $authd_options >"$room/listening" &
new_process=$!
for attempt in $(seq 300); do
    new_url=$(sed -n 's|^listening on |http://|p' "$room/listening")
    [ -z "$new_url" ] || break
    kill -0 $new_process 2>/dev/null || doubt 'it does not start'
    sleep 0.1
done
step canary "${new_url:-nowhere}"
await_ready "$new_url" || doubt 'it does not become ready'
metrics "$new_url" "$room/before" || doubt 'it has no metrics'

# must STATUS GOT WHAT
must() {
    [ "$2" = "$1" ] || doubt "$3: $2 instead of $1"
}
register() {
    status "$1" POST /v1/accounts "{\"name\":\"$2\",\"password\":\"$3\"}"
}
for i in $(seq "$scratch_accounts"); do
    name="$scratch-$i" first="first of $scratch and $i" second="second of $scratch and $i"
    # A row of OLD, which NEW makes anew, perhaps, and reads again; and OLD reads that.
    must 201 "$(register "$old_url" "$name" "$first")" "$name is registered at the old service"
    for round in 1 2 3; do
        must 401 "$(login "$new_url" "$name" "$second")" "$name logs in with a wrong password"
        must 201 "$(login "$new_url" "$name" "$first")" "$name, of the old service, logs in"
    done
    must 201 "$(login "$old_url" "$name" "$first")" "$name logs in at the old service again"
    must 204 "$(status "$new_url" DELETE "/v1/accounts/$name" "{\"password\":\"$first\"}")" "$name is removed"
    # A row of NEW.
    must 201 "$(register "$new_url" "$name" "$first")" "$name is registered"
    must 201 "$(login "$new_url" "$name" "$first")" "$name logs in"
    must 201 "$(login "$old_url" "$name" "$first")" "$name, of the new service, logs in at the old one"
    must 204 "$(status "$new_url" PUT "/v1/accounts/$name/password" "{\"current\":\"$first\",\"new\":\"$second\"}")" "$name changes its password"
    must 401 "$(login "$new_url" "$name" "$first")" "$name logs in with the password of before"
    must 201 "$(login "$old_url" "$name" "$second")" "$name, changed by the new service, logs in at the old one"
    must 204 "$(status "$new_url" DELETE "/v1/accounts/$name" "{\"password\":\"$second\"}")" "$name is removed"
done
for round in 1 2 3; do
    probe "$new_url" wrong right || doubt "$why"
done
probe "$old_url" right || doubt "at the old service, on rows that the new one has met, $why"
metrics "$new_url" "$room/after" || doubt 'it has no metrics'
[ "$(counted "$room/after" unavailable)" -eq 0 ] || doubt 'not one failure is allowed here'
wrong=$((3 * probed + 4 * scratch_accounts))
[ "$(counted "$room/after" denied)" -eq $wrong ] ||
    doubt "it called $(counted "$room/after" denied) passwords wrong instead of $wrong"

step switch "$new_url"
metrics "$old_url" "$room/old" || leave 3 'the service in use has no metrics any more'
metrics "$new_url" "$room/before" || doubt 'it has no metrics'
is_switched=yes
"$switch" "$new_url" || doubt 'the front end does not take it'

step watch "$watch_rounds rounds"
for round in $(seq "$watch_rounds"); do
    sleep "$watch_pause"
    kill -0 $new_process 2>/dev/null || doubt 'it is gone'
    [ "$(status "$new_url" GET /readyz)" = 200 ] || doubt 'it is not ready any more'
    probe "$new_url" right || doubt "$why"
    metrics "$new_url" "$room/after" || doubt 'it has no metrics any more'
    reason=$("$here/worse.sh" "$room/before" "$room/after" "$room/old")
    [ -z "$reason" ] || doubt "$reason"
done

step end "$old_url"
kill "$old_pid" || true
leave 0 "in service: $new, process $new_process, at $new_url"
