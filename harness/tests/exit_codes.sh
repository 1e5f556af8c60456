# SPDX-License-Identifier: Apache-2.0
#
# Shows that each way of not being able to judge has its exit code and says what is the matter: a
# row is the code, what is printed, and the arguments.
. "$(dirname "$0")/lib.sh"
cd "$room"

# The negative cases: a target that cannot be judged is 3, never green.
row() {
    wanted=$1 pattern=$2
    shift 2
    expect "$wanted" "$pattern" "$ASSAY" "$@"
}
row 3 'cannot open the module /nonexistent: No such file' check so:/nonexistent
row 3 'cannot open the module' check so:
row 3 'built for version 99' check "so:$MODULES/abi.so"
row 3 'does not export assay_target()' check "so:$MODULES/no_symbol.so"
row 3 'cannot load the module' check "so:$MODULES/not_a_module.so"
row 3 'neither hashing nor accounts' check "so:$MODULES/checks_nothing.so"
row 3 'while being loaded, the target was killed by signal' check "so:$MODULES/dies_loading.so"
row 3 'cannot load the module' check so:/tmp
row 3 'there is no target "nobody"' check nobody
row 3 'there is no target "../targets/reference"' check ../targets/reference
row 3 'there is no target ""' check ''
row 3 'there is no target "nobody"' compare reference nobody --case hashing.salts
row 3 'there is no target "nobody"' compare nobody reference --case hashing.salts

row 64 'no case matches' check reference --case 'nothing.like.it'
row 64 'no case matches' check reference --case outage.morning --only property
row 64 'no case matches' compare reference reference --case 'nothing.like.it'
row 64 "unrecognized option '--no-such-option'" check reference --no-such-option
row 64 'there is no technique "nonsense"' check reference --only nonsense
row 64 'there is no technique "nonsense"' check reference --without vectors,nonsense
row 64 'no technique is named' check reference --only ''
row 64 'wants a number from 1 to' check reference --runs 0
row 64 'wants a number from 1 to' check reference --runs -1
row 64 'wants a number from 1 to' check reference --runs 1x
row 64 'wants a number from 1 to' check reference --runs ''
row 64 'wants a number from 0 to' check reference --seed 99999999999999999999
row 64 'wants a number from 1 to' check reference --hang-seconds 0
row 64 'one argument too many' check reference reference
row 64 'wants OLD NEW' compare reference
row 64 'there is no command "chekc"' chekc
row 64 'list shows' list nonsense
row 64 "assay check"

# The positive ones.
row 0 '^  assay check ' --help
row 0 '^  assay check ' help
row 0 'hang-seconds' check --help
row 0 '^assay [0-9]' --version
row 0 '^hashing.salts ' list
row 0 '^reference$' list targets
row 0 'inc-memlimit-enomem' list defects
row 0 '^memory.map ' list faults
row 0 '^GREEN: ' check reference --case hashing.salts --only vectors --out "$room/out"
row 1 '^REFUSED: ' check inc-memlimit-enomem --case outage.morning --first --out "$room/out"
