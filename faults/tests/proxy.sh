# SPDX-License-Identifier: Apache-2.0
#
# Shows that assay-proxy does for real clients what a plan says: curl ends with the code that it has for
# this kind of broken connection; the truth is found out after a commit that was not answered; every
# plan of an exchange is run, and what a finding is, what did not fire and what is not fit to be
# judged each have an exit code of their own. PROXY, SERVER: the programs; SOURCE: the sources.
. "$SOURCE/harness/tests/lib.sh"

# has_line FILE: the program has said its first line.
has_line() {
    [ -s "$1" ]
}

# begin NAME COMMAND...: starts a program that says its port; leaves that in $port, and its number in
# $started.
begin() {
    file=$room/$1
    shift
    rm -f "$file"
    "$@" >"$file" 2>"$file.errors" </dev/null &
    started=$!
    await has_line "$file" || die "says no port: $*"
    port=$(sed -n '1s/^listening 127[.]0[.]0[.]1://p' "$file")
    [ -n "$port" ] || die "says no port: $*"
}

# finish NAME PID: ends a program in an orderly way; leaves its exit code in $code, what it said in
# $said.
finish() {
    kill "$2"
    code=0
    wait "$2" || code=$?
    said=$(cat "$room/$1" "$room/$1.errors")
}

# ask PORT ARGUMENT...: one request by curl; $code, $said.
ask() {
    to=$1
    shift
    run curl -s -f "$@" "http://127.0.0.1:$to/counter"
}

# truth_is VALUE: what the server itself says.
truth_is() {
    ask "$server" -m 20
    case $said in
    "- $1 "*) ;;
    *) die "the counter is not $1" ;;
    esac
}

begin server "$SERVER"
server=$port server_id=$started

# A plan, the codes that curl may have for it, for how many seconds it waits, and why. Where it would
# wait for ever it waits a little; then, if the machine was too slow for the plan to fire, longer.
while read -r plan wanted patience why; do
    for seconds in $(printf '%s' "$patience" | tr , ' '); do
        begin proxy "$PROXY" --server "$server" --plan "$plan"
        ask "$port" -m "$seconds"
        got=$code
        finish proxy "$started"
        [ "$code" = 2 ] || break
    done
    case ,$wanted, in
    *,$got,*) ;;
    *) die "$plan ($why): curl exits with $got instead of $wanted" ;;
    esac
    [ "$code" = 0 ] || die "$plan: the proxy exits with $code"
    printf '%s\n' "$said" | grep -q "^ended $plan fired=[01] connections=" || die "$plan: no report"
done <<'PLANS'
none 0 20 all is well
connect:0:refuse:always 7 20 cannot connect
connect:0:silent:1 28 0.2,2,20 no answer in time
connect:0:reset:1 7,55,56 20 connecting, sending or receiving, whatever is first
request:5:reset:1 56 20 reset
request:5:close:1 52 20 empty reply
request:1:corrupt:1 22 20 FET is no method
request:1:slice:1 0 20 in small pieces
reply:1:slice:1 0 20 in small pieces
reply:1:delay:1 0 20 late
reply:1:duplicate:1 0 20 GET may come twice
reply:1:lose:1 28 0.2,2,20 no answer in time
reply:1:half-open:1 52 20 empty reply
reply:17:reset:1 56 20 in the headers
reply:90:close:1 18 20 in the body
PLANS
truth_is 00000000

# After the commit and before the reply; twice, and then well.
begin proxy "$PROXY" --server "$server" --plan reply:1:reset:2
for wanted in 56 56 0; do
    ask "$port" -m 20 -X POST -H "Idempotency-Key: 000000010ef37c52"
    [ "$code" = "$wanted" ] || die "curl exits with $code instead of $wanted"
    truth_is 00000001
done
finish proxy "$started"
printf '%s\n' "$said" | grep -q '^ended reply:1:reset:2 fired=2 connections=3 ' || die 'no report'

# A byte that never comes.
begin proxy "$PROXY" --server "$server" --plan reply:9999:reset:1
ask "$port" -m 20
finish proxy "$started"
[ "$code" = 2 ] || die "a plan that did not fire: exit $code"
printf '%s\n' "$said" | grep -q 'the plan reply:9999:reset:1 did not fire' || die 'not said'

# Every plan. The request is as short as HTTP allows.
get='curl -s -f -m 1 -0 -H Host: -H Accept: -H User-Agent: http://127.0.0.1:$PROXY_PORT/counter'
alive="curl -s -f -m 20 http://127.0.0.1:$server/counter"
expect 0 '^GREEN: [0-9]* plans, request of 25 bytes, reply of [0-9]*; 0 findings, 0 did not fire$' \
    "$PROXY" --server "$server" --effects slice --client "$get" --verify "$alive"
expect 1 '^FAIL reply:1:reset:1: the client exited with 56, the check exited with 1; again with ' \
    "$PROXY" --server "$server" --plan reply:1:reset:1 --client "$get" --verify 'exit $((CLIENT_EXIT != 0))'
expect 1 '^FAIL connect:0:silent:1: the client did not end' "$PROXY" --server "$server" --plan connect:0:silent:1 \
    --client-seconds 1 --client "$(printf '%s' "$get" | sed 's/-m 1 //')" --verify "$alive"
expect 2 '^NOT FIRED reply:9999:reset:1 ' "$PROXY" --server "$server" --plan reply:9999:reset:1 \
    --client "$get" --verify "$alive"
expect 2 '^NOT FIRED connect:0:refuse:always ' "$PROXY" --server "$server" --plan connect:0:refuse:always \
    --client "$get; true" --verify "$alive"
expect 3 'without a fault, the client exited with 7 and the check exited with 0' \
    "$PROXY" --server "$server" --client 'exit 7' --verify true
expect 3 'the client does not go through the proxy' "$PROXY" --server "$server" --client true --verify true
expect 3 'not the same number of bytes' "$PROXY" --server "$server" --verify true \
    --client "echo >>$room/times; $get -H X:\$(cat $room/times | wc -l | sed s/2/22/)"
expect 64 'a plan is SIDE:BYTE:EFFECT:TIMES' "$PROXY" --server "$server" --plan nonsense
expect 64 'not an effect that a byte can have' "$PROXY" --server "$server" --effects refuse
expect 64 'belong together' "$PROXY" --server "$server" --client true
expect 64 'which server' "$PROXY"

# It ends with who started it.
sh -c '"$1" --server "$2" --plan none >"$3" & echo $!; while [ ! -s "$3" ]; do sleep 0.02; done' \
    sh "$PROXY" "$server" "$room/orphan" >"$room/orphan_id"
await is_gone "$(cat "$room/orphan_id")" || die 'the proxy outlives its parent'

finish server "$server_id"
[ "$code" = 0 ] || die "the server exits with $code"
