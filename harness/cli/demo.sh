#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The story in a minute: demo.sh ASSAY
set -u
assay=$1
folder=$(dirname "$assay")/targets
refused=0 passed=0 bad=0 good=0

say() {
    printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}

title() {
    sed -n 's/^Title: //p' "$1" | head -n 1
}

say 'A login service was down for 60 % of its users. An update had broken password hashing and storage;'
echo 'the tests let it through, and the logs blamed the network. Would that update get past this gate?'

say '1. The code as it is: real Argon2id, a real SQLite database, every single fault'
"$assay" check reference --runs 100 || exit 1

say '2. Three of the updates like the one of the incident'
for name in inc-b64-plus-mangled inc-memlimit-enomem inc-rehash-truncates; do
    bad=$((bad + 1))
    say "$name: $(title "$folder/defects/$name.patch")"
    "$assay" compare reference "$name" --first --runs 100
    [ $? = 1 ] && refused=$((refused + 1))
done

say '3. Two of the changes that do no harm'
for name in retuned-cost tidier-store; do
    good=$((good + 1))
    say "$name: $(title "$folder/harmless/$name.patch")"
    "$assay" compare reference "$name" --first --runs 100 && passed=$((passed + 1))
done

say "VERDICT: the code passes, $refused of $bad updates like the incident's are refused, $passed of $good harmless changes pass."
[ $refused = $bad ] && [ $passed = $good ] && [ $bad -gt 0 ] && [ $good -gt 0 ]
