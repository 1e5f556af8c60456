# SPDX-License-Identifier: Apache-2.0
#
# Shows that the rooms of the house use each other in one direction only (DESIGN.md, section 4). The
# table says what the files of a room may include, as an extended regular expression over the text
# of the directive; tests may include anything. Then, since a check that cannot fail is worth
# nothing, each room is broken once in a small copy of the house, and must be refused there.
. "$(dirname "$0")/lib.sh"

ENGINE='"harness/engine/[^"]*"'
LIBC='<[^>]*>'
BANNED='<(sodium|sqlite3|jansson|cmocka|utf8proc|argp|ini|curl/[^>]*|microhttpd)[.]h>|<sodium/[^>]*>'

# room_of FILES ALLOWED: prints every directive that is not allowed, counts the files in $files.
room_of() {
    for file in $1; do
        case $file in */tests/* | *'*'*) continue ;; esac
        files=$((files + 1))
        sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*(["<][^">]*[">]).*/\1/p' "$file" |
            grep -Evx "$2" | sed "s|^|$file includes |"
    done
}

# violations ROOT: all of them, one a line; a room without files is one, too.
violations() (
    cd "$1"
    judge() {
        files=0
        room_of "$1" "$2"
        [ "$files" -gt 0 ] || printf 'no file is in %s\n' "$1"
    }
    judge 'harness/engine/*.[ch]' "$ENGINE|$LIBC"
    judge 'cases/*.[ch]' "$ENGINE|\"targets/target[.]h\"|\"cases/[^\"]*\"|$LIBC"
    judge 'faults/*.[ch]' "$ENGINE|\"faults/[^\"]*\"|$LIBC"
    judge 'harness/run/*.[ch]' \
        "$ENGINE|\"harness/run/[^\"]*\"|\"(cases|faults)/[^\"]*\"|\"coverage/mutate/mutant[.]h\"|\"targets/target[.]h\"|$LIBC"
    judge 'harness/report/*.[ch]' "\"harness/(report|run)/[^\"]*\"|$LIBC"
    judge 'harness/cli/*.[ch]' "\"(harness|faults)/[^\"]*\"|$LIBC"
    judge 'targets/target.h' "$LIBC"
    judge 'targets/reference/*.[ch]' "\"(reference|store)[.]h\"|$LIBC|\"targets/target[.]h\""
    judge 'targets/reference/service/*.[ch]' "\"(service|http)[.]h\"|\"[.][.]/reference[.]h\"|$LIBC"
    # HTTP stays in the files that speak it.
    grep -lE '#[[:space:]]*include[[:space:]]*(<microhttpd[.]h>|"http[.]h")' targets/reference/service/*.[ch] |
        sed -nE '/[/](http[.]h|server[.]c|listen[.]c|clients[.]c|exchange[.]c)$/!s/$/ includes microhttpd/p'
    # The contract enters the reference in one file.
    grep -lE '#[[:space:]]*include[[:space:]]*"targets/target[.]h"' targets/reference/*.[ch] |
        sed -n '/[/]module[.]c$/!s/$/ includes "targets\/target.h"/p'
    # The engine knows the C library and nothing else.
    grep -HoE "#[[:space:]]*include[[:space:]]*($BANNED)" harness/engine/*.[ch] || true
)

found=$(violations "$SOURCE")
[ -z "$found" ] || die "$found"

# The negative controls: a file, and what it must not include.
count=0
while read -r file directive; do
    rm -rf "$room/house"
    mkdir -p "$room/house"
    for folder in harness/engine cases faults harness/run harness/report harness/cli targets/reference \
        targets/reference/service; do
        mkdir -p "$room/house/$folder"
        printf '#include <stddef.h>\n' >"$room/house/$folder/good.c"
    done
    printf '#include <stddef.h>\n' >"$room/house/targets/target.h"
    printf '#include "targets/target.h"\n' >"$room/house/targets/reference/module.c"
    printf '#include <microhttpd.h>\n' >"$room/house/targets/reference/service/http.h"
    found=$(violations "$room/house")
    [ -z "$found" ] || die "the small house is not clean: $found"
    printf '  #  include %s\n' "$directive" >"$room/house/$file"
    found=$(violations "$room/house")
    case $found in
    *"$file"*) count=$((count + 1)) ;;
    *) die "$file may include $directive, says this test" ;;
    esac
done <<'CONTROLS'
harness/engine/bad.c "cases/cases.h"
harness/engine/bad.h "faults/faults.h"
harness/engine/bad.c "targets/target.h"
harness/engine/bad.c <sodium.h>
cases/bad.c "faults/faults.h"
cases/bad.c "harness/run/run.h"
cases/bad.h "targets/reference/reference.h"
faults/bad.c "cases/cases.h"
faults/bad.c "targets/target.h"
harness/run/bad.c "harness/report/report.h"
harness/run/bad.c "harness/cli/cli.h"
harness/run/bad.c "coverage/mutate/inside.h"
harness/run/bad.c "targets/reference/reference.h"
harness/report/bad.c "harness/engine/engine.h"
harness/report/bad.c "faults/faults.h"
harness/cli/bad.c "cases/cases.h"
harness/cli/bad.c "targets/target.h"
targets/target.h "harness/engine/engine.h"
targets/reference/bad.c "targets/target.h"
targets/reference/bad.c "harness/engine/engine.h"
targets/reference/bad.c "../../cases/cases.h"
targets/reference/module.c "faults/faults.h"
targets/reference/service/bad.c "targets/target.h"
targets/reference/service/bad.c "faults/proxy.h"
targets/reference/service/bad.h "../store.h"
targets/reference/service/bad.c "http.h"
targets/reference/service/bad.c <microhttpd.h>
CONTROLS
[ "$count" -eq 27 ] || die "only $count controls were tried"
rm "$room"/house/cases/*
[ -n "$(violations "$room/house")" ] || die "a room without files is not noticed"
