#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copies the files that a patch touches and applies it, exactly: apply.sh PATCH SOURCE_ROOT OUT_ROOT FILE...
# A patch that no longer fits word for word is an error, never applied with an offset of its context.
set -eu
patch_file=$1 source_root=$2 out_root=$3
shift 3
rm -rf "$out_root/targets"
mkdir -p "$out_root/targets/reference"
for file in "$@"; do
    if [ -e "$source_root/targets/reference/$file" ]; then
        cp -p "$source_root/targets/reference/$file" "$out_root/targets/reference/$file"
    fi
done
if ! patch -s -p1 -F0 --no-backup-if-mismatch -d "$out_root" <"$patch_file"; then
    echo "$patch_file no longer applies: make it anew with targets/refresh.sh" >&2
    exit 1
fi
touch "$out_root"/targets/reference/*
