#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Shows that alerts, dashboard and tests of alerts ask for nothing that authd does not tell: an
# alert on a metric that was renamed is silent for ever.
#
#   names.sh METRICS FILE...
#
# METRICS is what /metrics answered; the FILEs are rules, tests of rules, and lists of expressions.
# Every name authd_... in them must be a metric there, every label in braces behind it a label of
# that metric, and every value of operation, answer, layer, reason and state (alternatives of a
# regular expression one by one) a value that the metric has there. Names authd:... must be
# recorded by one of the FILEs. Comments do not count. What Prometheus adds itself (job, instance)
# is not looked for. Not checked: labels behind `by` and `on`.
set -eu
[ $# -ge 2 ] || { echo "usage: names.sh METRICS FILE..." >&2; exit 64; }

awk '
function wrong(text) { print FILENAME ": " text; failed = 1 }

# Calls pair(name, label, value) for each label in braces.
function pairs(name, braces, is_asked,    part, label, value, n, i, values) {
    while (match(braces, /[a-z_]+[ ]*(=~|!~|!=|=)[ ]*"[^"]*"/)) {
        part = substr(braces, RSTART, RLENGTH)
        braces = substr(braces, RSTART + RLENGTH)
        label = part; sub(/[ ]*[=!].*/, "", label)
        value = part; sub(/^[^"]*"/, "", value); sub(/"$/, "", value)
        if (!is_asked) { has[name, label] = 1; has[name, label, value] = 1; continue }
        if (label == "job" || label == "instance") continue
        if (!((name, label) in has)) { wrong(name " has no label " label); continue }
        if (label !~ /^(operation|answer|layer|reason|state)$/) continue
        n = split(value, values, "|")
        for (i = 1; i <= n; i++)
            if (!((name, label, values[i]) in has)) wrong(name " has no " label "=\"" values[i] "\"")
    }
}

# The metrics.
FNR == NR {
    if (/^#/ || !match($0, /^[a-z_]+/)) next
    name = substr($0, 1, RLENGTH)
    metrics[name] = 1
    counted++
    if (match($0, /[{].*[}]/)) pairs(name, substr($0, RSTART, RLENGTH), 0)
    next
}

# The names that are asked for, each with the braces behind it; a rule may go on on the next line.
FNR == 1 { if (counted == 0) { print "no metrics in the first file"; exit 1 }; text = "" }
{
    sub(/^[ ]*#.*/, "")
    if (match($0, /record: [a-z0-9_:]+/)) recorded[substr($0, RSTART + 8, RLENGTH - 8)] = 1
    line = text $0
    text = line ~ /[{][^}]*$/ && line !~ /[{][{]/ ? line : ""
    if (text != "") next
    while (match(line, /authd[_:][a-z0-9_:]+([{][^}]*[}])?/)) {
        token = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        name = token; sub(/[{].*/, "", name)
        asked++
        if (name ~ /:/) { wanted[name] = FILENAME; of = "authd_requests_total" } else of = name
        if (name !~ /:/ && !(name in metrics)) { wrong("there is no metric " name); continue }
        if (token ~ /[{]/) pairs(of, substr(token, index(token, "{")), 1)
    }
}
END {
    for (name in wanted) if (!(name in recorded)) { print wanted[name] ": nothing records " name; failed = 1 }
    if (asked == 0) { print "nothing is asked for"; failed = 1 }
    exit failed
}' "$@"
