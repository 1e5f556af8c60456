#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that the alerts are right, that their tests can fail, and that all names fit: rules.sh [METRICS]
#
#   1. promtool takes the rules, and their tests are green.
#   2. Whatever layer and reason a failure has, exactly one alert pages, and names that layer.
#   3. Every alert has a history in which it fires and a near miss in which it does not. Taken out,
#      or ten times as nervous, it is noticed there; the alert on hashing by the incident.
#   4. Every alert has its section in the runbook, and every section its alert.
#   5. The dashboard is JSON whose expressions promtool takes. It, the alerts and their tests name
#      only what METRICS has (the answer of a running authd; else metrics.txt); a wrong name of each
#      kind is refused.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(dirname "$here")
metrics=${1:-$here/metrics.txt}
command -v promtool >/dev/null 2>&1 || { echo "promtool is not installed (package prometheus)"; exit 77; }

room=$(mktemp -d "${TMPDIR:-/tmp}/monitoring.XXXXXX")
trap 'rm -rf "$room"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$room/tests"

die() {
    printf 'FAILED: %s\n' "$*" >&2
    [ ! -s "$room/log" ] || tail -n 20 "$room/log" | sed 's/^/    | /' >&2
    exit 1
}

# Rules and tests as they are.
cp "$folder/alerts.yml" "$room/alerts.yml"
promtool check rules "$room/alerts.yml" >"$room/log" 2>&1 || die "the rules are malformed"
for file in "$here"/*_test.yml; do
    promtool test rules "$file" >"$room/log" 2>&1 || die "$(basename "$file")"
done

# One instance for every cause, of which all logins fail for that cause and nothing else.
layers='none input hashing storage network session internal'
reasons='none memory busy full io corrupt entropy clock timeout refused limit bug'
{
    printf 'rule_files: [../alerts.yml]\nevaluation_interval: 15s\ntests:\n  - interval: 15s\n    input_series:\n'
    printf "      - {series: 'up{job=\"authd\"}', values: '1+0x20'}\n"
    for layer in $layers; do
        for reason in $reasons; do
            printf "      - {series: 'authd_requests_total{job=\"authd\", instance=\"%s-%s\", operation=\"login\", answer=\"unavailable\", layer=\"%s\", reason=\"%s\"}', values: '0+9x20'}\n" \
                $layer $reason $layer $reason
        done
    done
    printf '    promql_expr_test:\n      - eval_time: 3m\n'
    printf '        expr: count by (instance, layer, reason) (ALERTS{alertstate="firing", severity="page"})\n'
    printf '        exp_samples:\n'
    for layer in $layers; do
        for reason in $reasons; do
            printf "          - {labels: '{instance=\"%s-%s\", layer=\"%s\", reason=\"%s\"}', value: 1}\n" \
                $layer $reason $layer $reason
        done
    done
} >"$room/tests/every_cause.yml"
promtool test rules "$room/tests/every_cause.yml" >"$room/log" 2>&1 ||
    die "a cause has no alert, or two"

# is_noticed NAME: is a history whose name matches red with the rules of $room/alerts.yml?
is_noticed() {
    promtool check rules "$room/alerts.yml" >"$room/log" 2>&1 || die "a changed rule is malformed"
    for file in "$here"/*_test.yml; do
        awk -v name="$1" '/^  - name: / { skip = $0 !~ name; found += !skip } !skip
            END { exit !found }' "$file" >"$room/tests/some.yml" || continue
        promtool test rules "$room/tests/some.yml" 2>&1 | grep -q '^ *exp:' && return 0
    done
    return 1
}

# without ALERT, nervous ALERT: the rules with that alert taken out; with its thresholds divided by
# ten, and without its patience.
without() {
    awk -v alert="$1" '/^      (- (alert|record): |#)/ { skip = $3 == alert } !skip' "$folder/alerts.yml"
}
nervous() {
    awk -v alert="$1" '/^      - / { inside = $3 == alert }
        inside { sub(/> 0[.]/, "> 0.0"); sub(/>= 10$/, ">= 1"); sub(/for: .*/, "for: 0s") } 1' "$folder/alerts.yml"
}

alerts=$(sed -n 's/^      - alert: //p' "$folder/alerts.yml")
[ "$(printf '%s\n' $alerts | wc -l)" -ge 10 ] || die "hardly any alerts were found"
for alert in $alerts; do
    without $alert >"$room/alerts.yml"
    is_noticed "\"fires: $alert:" || die "no test notices that $alert is gone"
    nervous $alert >"$room/alerts.yml"
    is_noticed "\"near miss: [^:]*${alert}[,:]" || die "no near miss notices that $alert is ten times as nervous"
    anchor=$(printf '%s' "$alert" | tr '[:upper:]' '[:lower:]')
    grep -q "runbook: .*/runbook.md#$anchor\$" "$folder/alerts.yml" || die "$alert names no runbook"
done
without AuthdHashingBroken >"$room/alerts.yml"
is_noticed "60 % of logins from 10:00" || die "the incident is green without the alert on hashing"

# The runbook: the same names in the same order, and each section has its four parts.
[ "$(sed -n 's/^## \(Authd\)/\1/p' "$folder/runbook.md")" = "$alerts" ] ||
    die "the sections of the runbook are not the alerts"
awk '/^## / { section = $2; sections++ }
    /^\*\*(Means|Is not|First|Back)\.\*\*/ { parts[section]++ }
    END { for (s in parts) if (s ~ /^Authd/ && parts[s] != 4) { print s; failed = 1 } exit failed || !sections }
    ' "$folder/runbook.md" >"$room/log" || die "a section of the runbook lacks a part"

# The dashboard: its expressions as rules, so that promtool reads them.
cmake -D DASHBOARD="$folder/dashboard.json" -P "$here/expressions.cmake" >"$room/expressions" 2>"$room/log" ||
    die "the dashboard is not JSON"
[ "$(wc -l <"$room/expressions")" -ge 10 ] || die "hardly any expressions in the dashboard"
{
    printf 'groups:\n  - name: dashboard\n    rules:\n'
    sed "s/'/''/g; s/.*/      - {record: 'dashboard:N', labels: {n: 'N'}, expr: '&'}/" "$room/expressions" |
        awk '{ gsub(/N\047/, NR "\047"); print }'
} >"$room/dashboard.yml"
promtool check rules "$room/dashboard.yml" >"$room/log" 2>&1 || die "an expression of the dashboard"

names() {
    "$folder/names.sh" "$metrics" "$room/alerts.yml" "$room/expressions" "$here"/*_test.yml >"$room/log" 2>&1
}
cp "$folder/alerts.yml" "$room/alerts.yml"
names || die "names that $(basename "$metrics") does not have"
refused=0
while IFS='|' read -r right wrong; do
    sed "s/$right/$wrong/" "$folder/alerts.yml" >"$room/alerts.yml"
    ! cmp -s "$folder/alerts.yml" "$room/alerts.yml" || die "\"$right\" is not in the rules"
    ! names || die "not refused: $wrong"
    refused=$((refused + 1))
done <<'WRONG'
authd_ready|authd_is_ready
layer="hashing"|layer="crypto"
answer="unavailable"|answer="outage"
reason="memory"|cause="memory"
record: authd:failing:share2m|record: authd:failing:share3m
state="used"|state="taken"
WRONG
[ $refused -ge 5 ] || die "only $refused wrong names were tried"

count=$(printf '%s\n' $alerts | wc -l)
echo "$count alerts, $(grep -hc '  - name: ' "$here"/*_test.yml | awk '{ n += $1 } END { print n }') histories, $((2 * count)) changed alerts noticed, $refused wrong names refused"
