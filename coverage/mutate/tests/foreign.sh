#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Mutants of sources that nobody here has written: foreign.sh, with MUTATE the generator and SOURCE the root. For `make soak`.
#
# The sources of some packages are fetched as Debian ships them, by an apt configuration of its own, so that nothing of the system is
# changed. Every C file that libclang reads as it is gets all its mutants, and must then compile with gcc and clang. A package whose
# sources cannot be had is skipped by name; when none can be, the whole test is (77). Few files may be left out, for lack of
# what a configure script would have found.
. "$SOURCE/harness/tests/lib.sh"

PACKAGES="libsodium argon2 cmocka"
FILES_MIN=10 # of a package; less means that the flags below are wrong

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-source >/dev/null 2>&1; then
    echo "skipped: apt-get and dpkg-source are not both there"
    exit 77
fi
cd "$room"
mkdir -p lists/partial
. /etc/os-release
echo "deb-src http://deb.debian.org/debian ${VERSION_CODENAME:-bookworm} main" >sources.list
apt="apt-get -qq -o Dir::State::lists=$room/lists -o Dir::Etc::sourcelist=$room/sources.list -o Dir::Etc::sourceparts=-
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"

# flags_of PACKAGE: what its configure script would have found out here.
flags_of() {
    case $1 in
    libsodium)
        include=$room/libsodium/src/libsodium/include
        sed 's/@VERSION@/1/; s/@SODIUM_LIBRARY_VERSION_MAJOR@/10/; s/@SODIUM_LIBRARY_VERSION_MINOR@/3/; s/@SODIUM_LIBRARY_MINIMAL_DEF@//' \
            "$include/sodium/version.h.in" >"$include/sodium/version.h"
        echo "-I$include -I$include/sodium -DCONFIGURED=1 -DHAVE_TI_MODE -DHAVE_WEAK_SYMBOLS"
        ;;
    argon2) echo "-I$room/argon2/include" ;;
    cmocka)
        echo "-I$room/cmocka/include -DHAVE_STDLIB_H -DHAVE_STRING_H -DHAVE_STRINGS_H -DHAVE_MALLOC_H -DHAVE_SIGNAL_H -DHAVE_SETJMP_H
            -DHAVE_TIME_H -DHAVE_STDIO_H -DHAVE_UNISTD_H -DHAVE_SYS_TYPES_H -DHAVE_SNPRINTF -DHAVE_VSNPRINTF -DHAVE_STRSIGNAL
            -DHAVE_STRUCT_TIMESPEC"
        ;;
    esac
}

# mutate_package NAME: every file of it, alone.
mutate_package() {
    flags="-D_GNU_SOURCE -I$SOURCE $(flags_of "$1")"
    files=0 left_out=0
    for file in $(find "$room/$1" -name '*.c'); do
        rm -rf "$room/out"
        run "$MUTATE" --root "$room/$1" --out "$room/out" "$file" -- $flags
        case $code:$said in
        0:*" 0 do not compile"*) files=$((files + 1)) ;;
        1:*"does not compile as it is"*)
            left_out=$((left_out + 1))
            continue
            ;;
        *) die "$file" ;;
        esac
        for compiler in gcc clang; do
            run $compiler $flags -w -fsyntax-only "$room/out/${file#"$room/$1/"}"
            [ "$code" -eq 0 ] || die "$compiler does not compile $file with mutants"
        done
    done
    echo "$1: $files files with mutants compile, $left_out do not compile as they are"
    [ "$files" -ge "$FILES_MIN" ] || die "too few files of $1"
}

$apt update >"$room/log" 2>&1 || true
some=
for package in $PACKAGES; do
    if ! $apt source --download-only $package >"$room/log" 2>&1 ||
        ! dpkg-source --no-check -x "$package"_*.dsc "$package" >>"$room/log" 2>&1; then
        echo "skipped: the sources of $package cannot be had"
        continue
    fi
    mutate_package $package
    some=1
done
[ -n "$some" ] || exit 77
