# SPDX-License-Identifier: Apache-2.0
#
# Every source of the project compiles with its mutants in it, by gcc and by clang: compile.sh, with
# MUTATE the generator and SOURCE the root. Generated text that is broken must be noticed.
. "$SOURCE/harness/tests/lib.sh"

flags="-std=gnu11 -D_GNU_SOURCE -I$SOURCE"

# compiles COMPILER: prints the generated files that do not compile.
compiles() {
    find "$room/out" -name '*.c' | xargs -P 2 -I FILE sh -c "$1 $flags -w -fsyntax-only FILE 2>/dev/null || echo FILE"
}

for folder in targets/reference harness/engine cases; do
    rm -rf "$room/out"
    run "$MUTATE" --root "$SOURCE" --out "$room/out" "$SOURCE/$folder"/*.c -- $flags
    [ "$code" -eq 0 ] || die "$folder is not mutated"
    printf '%s: %s\n' "$folder" "$said"
    case $said in *" 0 do not compile"*) ;; *) die "mutants of $folder do not compile" ;; esac
    [ "$(find "$room/out" -name '*.c' | wc -l)" -gt "$(ls "$SOURCE/$folder"/*.c | wc -l)" ] || die "files are missing"
    for compiler in gcc clang; do
        command -v $compiler >/dev/null 2>&1 || continue
        broken=$(compiles $compiler)
        [ -z "$broken" ] || die "$compiler does not compile $broken"
    done
done

first=$(find "$room/out/cases" -name '*.c' | head -n 1)
sed '0,/ASSAY_M([0-9]*) ?/s//ASSAY_M(/' "$first" >"$room/broken.c"
mv "$room/broken.c" "$first"
[ -n "$(compiles gcc)" ] || die "broken text is not noticed"
