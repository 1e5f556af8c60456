#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the service can be used as its README says, with real curl: curl.sh, with AUTHD and
# AUTHCTL the programs. The life of an account; the same request twice; what curl sends when it is
# used wrongly; lockout; operators beside the running service; readiness that notices; exit codes.
# In the end the log has one line for each request, and no secret is in it.
set -eu

room=$(mktemp -d)
process=
trap 'test -z "$process" || kill "$process" 2>/dev/null || true; rm -rf "$room"' EXIT
trap 'exit 1' INT TERM

die() {
    printf '%s\n' "$*" >&2
    test ! -e "$room/log" || tail -n 3 "$room/log" >&2
    test ! -e "$room/head" || head -n 20 "$room/head" "$room/body" >&2
    exit 1
}

# start OPTION...: runs authd and sets $url.
start() {
    : >"$room/out"
    "$AUTHD" --database "$room/accounts.db" --listen 127.0.0.1:0 --log "$room/log" --cost 64,1 "$@" \
        >"$room/out" 2>"$room/err" &
    process=$!
    for _ in $(seq 600); do
        url=$(sed -n 's/^listening on /http:\/\//p' "$room/out")
        test -z "$url" || return 0
        kill -0 "$process" 2>/dev/null || break
        sleep 0.1
    done
    die "authd does not start: $(cat "$room/err")"
}

stop() {
    kill "$process"
    code=0
    wait "$process" || code=$?
    process=
    test "$code" -eq 0 || die "authd ended with $code"
}

asked=0
# ask STATUS METHOD PATH CURL_ARGUMENT...: one request, which must be answered so; its parts are in
# the files head and body.
ask() {
    wanted=$1 method=$2 path=$3
    shift 3
    asked=$((asked + 1))
    got=$(curl -sS -o "$room/body" -D "$room/head" -w '%{http_code}' -X "$method" "$@" "$url$path") ||
        die "$method $path: curl failed"
    test "$got" = "$wanted" || die "$method $path: $got instead of $wanted"
    grep -qi '^x-request-id: [A-Za-z0-9._-]*.$' "$room/head" || die "$method $path: no request id"
    case $wanted in
    4* | 5*) grep -qi '^content-type: application/problem+json' "$room/head" || die "no problem document" ;;
    esac
}

# json STATUS METHOD PATH BODY CURL_ARGUMENT...
json() {
    json_status=$1 json_method=$2 json_path=$3 json_body=$4
    shift 4
    ask "$json_status" "$json_method" "$json_path" -H 'Content-Type: application/json' -d "$json_body" "$@"
}

says() {
    grep -q "$1" "$room/body" || die "the answer does not say $1"
}

alice='{"name":"alice","password":"correct horse battery"}'
wrong='{"name":"alice","password":"incorrect horse battery"}'
nobody='{"name":"nobody","password":"incorrect horse battery"}'

# Exit codes of a start that cannot be.
expect_exit() {
    code=0
    "$@" >"$room/out" 2>"$room/err" || code=$?
    test "$code" -eq "$wanted" || die "$*: exit code $code instead of $wanted: $(cat "$room/err")"
}
wanted=64 && expect_exit "$AUTHD"
wanted=64 && expect_exit "$AUTHD" --database "$room/accounts.db" --cost 1,1
wanted=66 && expect_exit "$AUTHD" --database "$room/accounts.db"
wanted=66 && expect_exit "$AUTHD" --database "$room/accounts.db" --create --keys "$room/keys"
printf 'not a database at all, but text that is long enough to be one' >"$room/text"
wanted=65 && expect_exit "$AUTHD" --database "$room/text"
printf 'no key\n' >"$room/keys"
chmod 600 "$room/keys"
wanted=78 && expect_exit "$AUTHD" --database "$room/accounts.db" --create --keys "$room/keys"
wanted=78 && expect_exit "$AUTHD" --database "$room/accounts.db" --create --attempts 11,10
wanted=64 && expect_exit "$AUTHD" --database "$room/accounts.db" --create --attempts 10,101
wanted=78 && expect_exit "$AUTHD" --database "$room/accounts.db" --create --hashing-memory 1024 --cost 2048,1
wanted=0 && expect_exit "$AUTHD" --help
wanted=64 && expect_exit "$AUTHCTL" census
rm -f "$room/accounts.db"

# Operators create; the service serves.
wanted=0 && expect_exit "$AUTHCTL" create "$room/accounts.db"
wanted=66 && expect_exit "$AUTHCTL" create "$room/accounts.db"
test "$(stat -c %a "$room/accounts.db")" = 600 || die 'the database is not private'
start --pid "$room/pid" --delays 600,600
test "$(cat "$room/pid")" = "$process" || die 'the pid file has another process'
wanted=69 && expect_exit "$AUTHD" --database "$room/accounts.db" --listen "${url#http://}" --cost 64,1

# The life of an account.
json 201 POST /v1/accounts "$alice"
json 409 POST /v1/accounts "$alice"
json 422 POST /v1/accounts '{"name":"bob","password":"short"}'
says 'too short'
json 201 POST /v1/sessions "$alice"
says '"expires_at":"20[0-9-]*T[0-9:]*Z"'
token=$(sed -n 's/.*"token":"\([A-Za-z0-9_-]*\)".*/\1/p' "$room/body")
test ${#token} -eq 43 || die 'no token'
ask 200 GET /v1/sessions/current -H "Authorization: Bearer $token"
says '^{"name":"alice"}$'
ask 401 GET /v1/sessions/current -H "Authorization: Bearer ${token}x"
grep -qi '^www-authenticate: bearer' "$room/head" || die 'no challenge'
json 401 PUT /v1/accounts/alice/password '{"current":"incorrect horse battery","new":"another good password"}'
json 204 PUT /v1/accounts/alice/password '{"current":"correct horse battery","new":"another good password"}'
ask 401 GET /v1/sessions/current -H "Authorization: Bearer $token"
json 401 POST /v1/sessions "$alice"
json 201 POST /v1/sessions '{"name":"alice","password":"another good password"}'
token=$(sed -n 's/.*"token":"\([A-Za-z0-9_-]*\)".*/\1/p' "$room/body")
ask 204 DELETE /v1/sessions/current -H "Authorization: Bearer $token"
ask 401 DELETE /v1/sessions/current -H "Authorization: Bearer $token"
json 401 DELETE /v1/accounts/alice '{"password":"incorrect horse battery"}'
json 204 DELETE /v1/accounts/alice '{"password":"another good password"}'
json 401 DELETE /v1/accounts/alice '{"password":"another good password"}'

# Names are what they are, in bodies and in paths.
json 201 POST /v1/accounts '{"name":"\u00e9/ 100%","password":"correct horse battery"}'
json 204 DELETE '/v1/accounts/%C3%A9%2F%20100%25' '{"password":"correct horse battery"}'

# The same request twice.
json 201 POST /v1/accounts "$alice" -H 'Idempotency-Key: "one"'
json 201 POST /v1/accounts "$alice" -H 'Idempotency-Key: "one"'
json 422 POST /v1/accounts "$wrong" -H 'Idempotency-Key: "one"'
says key-reused
json 409 POST /v1/accounts "$alice" -H 'Idempotency-Key: "two"'
json 201 POST /v1/sessions "$alice" -H 'Idempotency-Key: three'
cp "$room/body" "$room/first"
json 201 POST /v1/sessions "$alice" -H 'Idempotency-Key: three'
cmp -s "$room/first" "$room/body" || die 'the same request has another session'
json 201 POST /v1/sessions "$alice"
! cmp -s "$room/first" "$room/body" || die 'another request has the same session'

# A request id of the client's is kept when it is plain.
ask 200 GET /healthz -H 'X-Request-Id: client-4711'
grep -qi '^x-request-id: client-4711' "$room/head" || die 'the request id is not kept'

# As curl is used wrongly.
ask 415 POST /v1/sessions -d "$alice"
ask 400 POST /v1/sessions -H 'Content-Type: application/json'
json 400 POST /v1/sessions '{"name":"alice"'
ask 411 POST /v1/sessions -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' -d "$alice"
ask 404 GET /
ask 405 GET /v1/accounts
grep -qi '^allow: POST' "$room/head" || die 'no Allow'
ask 405 OPTIONS /v1/accounts
head -c 60000 /dev/zero | tr '\0' 'a' >"$room/large"
ask 413 POST /v1/accounts -H 'Content-Type: application/json' --data-binary "@$room/large"
head -c 3000000 /dev/zero | tr '\0' 'a' >"$room/large"
ask 413 POST /v1/accounts -H 'Content-Type: application/json' --data-binary "@$room/large"

# Lockout: of a name that exists and of one that does not, by the same words. Eleven are one more
# than free. Then an operator helps, beside the running service.
for body in "$wrong" "$nobody"; do
    for _ in 1 2 3 4 5 6 7 8 9 10 11; do
        json 401 POST /v1/sessions "$body"
        sed 's/"request_id":"[^"]*"//' "$room/body" >"$room/said"
        test ! -e "$room/usual" || cmp -s "$room/said" "$room/usual" || die 'locked can be told from denied'
        cp "$room/said" "$room/usual"
    done
done
grep -q '"answer":"locked"' "$room/log" || die 'nobody was locked'
json 401 POST /v1/sessions "$alice"
wanted=0 && expect_exit "$AUTHCTL" unlock "$room/accounts.db" alice
json 201 POST /v1/sessions "$alice"
wanted=1 && expect_exit "$AUTHCTL" unlock "$room/accounts.db" nobody

# Operators beside the running service.
printf 'correct horse battery\n' >"$room/password"
wanted=0 && expect_exit sh -c '"$AUTHCTL" register --cost 64,1 "$0" carol <"$1"' "$room/accounts.db" "$room/password"
wanted=1 && expect_exit sh -c '"$AUTHCTL" register --cost 64,1 "$0" carol <"$1"' "$room/accounts.db" "$room/password"
json 201 POST /v1/sessions '{"name":"carol","password":"correct horse battery"}'
wanted=0 && expect_exit "$AUTHCTL" export "$room/accounts.db" "$room/export"
test "$(wc -l <"$room/export")" -eq 2 || die 'not two accounts are exported'
test "$(stat -c %a "$room/export")" = 600 || die 'the export is not private'
wanted=65 && expect_exit "$AUTHCTL" import "$room/accounts.db" "$room/export"
json 204 DELETE /v1/accounts/alice '{"password":"correct horse battery"}'
grep '"alice"' "$room/export" >"$room/one" && chmod 600 "$room/one"
wanted=0 && expect_exit "$AUTHCTL" import "$room/accounts.db" "$room/one"
json 201 POST /v1/sessions "$alice"
wanted=0 && expect_exit "$AUTHCTL" verify "$room/accounts.db"
grep -q '^schema 1[.]1, 0 problems$' "$room/out" || die "verify: $(cat "$room/out")"
printf 'correct horse battery\000and what a NUL would cut\n' >"$room/password"
wanted=65 && expect_exit sh -c '"$AUTHCTL" register --cost 64,1 "$0" dave <"$1"' "$room/accounts.db" "$room/password"
json 401 POST /v1/sessions '{"name":"dave","password":"correct horse battery"}'
wanted=0 && expect_exit "$AUTHCTL" census "$room/accounts.db"
grep -q ' 2  argon2id ' "$room/out" || die "the census: $(cat "$room/out")"
wanted=0 && expect_exit "$AUTHCTL" rotate "$room/accounts.db"

# Keys: rows without one are told until they log in; rows of a lost one always.
stop
printf '2026 %s current\n' "$(head -c 32 /dev/urandom | base64)" >"$room/keys"
wanted=1 && expect_exit "$AUTHCTL" rotate --keys "$room/keys" "$room/accounts.db"
start --keys "$room/keys"
json 201 POST /v1/sessions "$alice"
json 201 POST /v1/sessions '{"name":"carol","password":"correct horse battery"}'
wanted=0 && expect_exit "$AUTHCTL" rotate --keys "$room/keys" "$room/accounts.db"
wanted=1 && expect_exit "$AUTHCTL" rotate "$room/accounts.db"
grep -q MISSING "$room/out" || die "rotate: $(cat "$room/out")"

# A service may tell who is locked, and for how long.
stop
start --keys "$room/keys" --delays 600,600 --attempts 1,10 --tell-locked
json 401 POST /v1/sessions "$wrong"
says /problems/denied
json 401 POST /v1/sessions "$alice"
says /problems/locked
grep -qi '^retry-after: [1-6][0-9][0-9]' "$room/head" || die 'no hint when to come again'

# Readiness looks again and again; health only says that the process lives.
wait_ready() {
    for _ in $(seq 200); do
        asked=$((asked + 1))
        got=$(curl -sS -o "$room/body" -D "$room/head" -w '%{http_code}' "$url/readyz")
        test "$got" != "$1" || return 0
        sleep 0.1
    done
    die "readiness stays at $got"
}
wait_ready 200
mv "$room/accounts.db" "$room/moved.db"
wait_ready 503
grep -qi '^retry-after: [0-9]' "$room/head" || die 'no hint when to come again'
! grep -qi 'database\|storage' "$room/body" || die 'the client is told the cause'
ask 200 GET /healthz
grep -q '"event":"not ready","layer":"storage","reason":"io"' "$room/log" || die 'the log does not say why'
mv "$room/moved.db" "$room/accounts.db"
wait_ready 200

# Metrics are what Prometheus reads.
ask 200 GET /metrics
says '^authd_requests_total{operation="login",answer="locked",layer="none",reason="none"} 1$'
says '^authd_hashing_memory_kib{state="limit"} [1-9]'
if command -v promtool >/dev/null 2>&1; then
    promtool check metrics <"$room/body" >"$room/out" 2>&1 || die "promtool: $(cat "$room/out")"
fi

stop
lines=$(grep -c '"request_id":' "$room/log")
test "$lines" -eq "$asked" || die "$lines lines for $asked requests"
! grep -q '"layer":"internal"\|"layer":"hashing"' "$room/log" || die 'a cause that nobody gave'
for secret in 'horse' 'good password' "$token" alice carol nobody; do
    ! grep -q -- "$secret" "$room/log" || die "the log has $secret"
done
