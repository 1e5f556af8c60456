/* SPDX-License-Identifier: Apache-2.0
 *
 * A small target, complete and honest, with one thing that can be wrong about it.
 *
 * Each module of this folder links simple.c and defines `twist`: honest.c leaves it empty, a liar
 * sets one flag or wraps one operation, a hostile one gives a function that login calls first. So
 * what a test refuses is exactly one thing, and everything around it is known to be green.
 */
#ifndef ASSAY_TESTS_SIMPLE_H
#define ASSAY_TESTS_SIMPLE_H

#include <stdbool.h>
#include <stddef.h>

#include "targets/target.h"

struct twist {
    const char *name;
    bool ignores_step;   /* a write that failed is acknowledged */
    bool denies_outage;  /* login answers denied when the store cannot be read */
    bool fails_open;     /* a password whose hash cannot be computed is right */
    bool denies_crowd;   /* a hash that gets no memory beside another one is a wrong password */
    bool blames_network; /* memory that the KDF does not get is a timeout of the network */
    bool nul_truncates;  /* a password ends at its first NUL */
    bool prefix_only;    /* only the first eight bytes of a password count */
    bool constant_salt;  /* every hash has the same salt */
    size_t salt_bytes_random; /* not 0: only so many bytes of a salt are random */
    bool asks_kernel;         /* salts come from getrandom(), */
    bool ignores_entropy;     /* whatever it answers */
    bool checks_first;        /* looks whether a name is free, and then takes it, free or not */
    bool takes_over;          /* a registration takes a name that somebody has */
    bool loses_updates;       /* what writes or removes, does so whatever became of the record */
    bool denies_by_chance;  /* one right password in eight is denied, by the system's randomness, */
    bool owns_entropy;      /* which it declares */
    const char *durability; /* what SQLite is told instead of PRAGMA synchronous=EXTRA */
    const char *vfs;        /* that files are opened with, */
    void (*at_load)(void);  /* and that is registered here */
    bool locks;             /* after ten wrong passwords, for a minute; and gives sessions */
    bool trusts_clock;      /* which is over as soon as the clock was put back */
    bool eternal_sessions;  /* sessions never end, although it declares that they do */
    bool ignores_commit;    /* a change whose COMMIT failed is acknowledged */
    bool denies_busy;       /* a store that is busy is a wrong password */
    bool unknown_on_error;  /* a row that cannot be read is an account that does not exist */
    bool rehash_fails_login; /* renews hashes, and a login fails when that does */
    bool counts_outage;      /* with locks: an attempt that could not be answered was a wrong one */
    bool empty_on_error;     /* a file that cannot be opened is an empty store */
    bool denies_no_memory;   /* no memory to hash with is a wrong password */
    bool compares_nothing;   /* without memory for a copy, no bytes of two digests are compared */
    bool leaves_statements;  /* a statement that failed is not finalised */
    bool loses_slots;        /* a place among those who hash is not given back when hashing fails */
    /* Of lockout, all with locks: */
    bool never_locks;      /* although it declares that it does */
    bool locks_for_ever;   /* although it declares that a lock is over after a minute */
    bool never_resets;     /* a right password leaves the count as it is */
    bool counts_apart;     /* each operation for itself */
    bool counts_everybody; /* together: wrong passwords for one name lock all */
    bool counts_spellings; /* of one name each for itself */
    bool counts_late;      /* asks how many there were before it hashes, and not again */
    bool few_counts;       /* keeps those of eight names */
    bool forgets_closed;   /* counts, when a handle is closed */
    bool forgets_locks;    /* which it does after each lock, and declares that it never does */
    bool forgets_process;  /* counts and sessions, although it declares that the store keeps them */
    /* Of sessions, all with locks: */
    size_t token_bytes_random; /* not 0: only so many bytes of a token are random */
    bool token_of_name;        /* a token is a hash of the name */
    bool prefix_of_token;      /* only the first bytes of a token count */
    bool binds_to_name;        /* and not to the credential */
    bool ends_first;      /* nor to anything; a change or removal ends them before it is made */
    bool revokes_nothing; /* and says that it did */
    bool revokes_late;    /* after it has looked whether there is something to be revoked */
    bool revokes_all;     /* of the account, and not only the one */
    bool ends_in_outage;  /* what cannot be looked up is not there, */
    bool lives_in_outage; /* or is valid */
    /* Of several clients at once: */
    bool denies_beside; /* a password is wrong when another one is hashed at the same time */
    bool shares_name;   /* all handles have one buffer for names */
    bool shares_digest; /* all calls have one buffer for digests */
    /* Of what is stored: */
    bool always_creates;   /* a store that must exist is made when it is missing */
    bool cuts_names;       /* only the first bytes of a name count */
    bool denies_corrupt;   /* a string that cannot be read is a wrong password, */
    bool opens_corrupt;    /* or opens to every password */
    bool damage_is_busy;   /* a database that is damaged is called busy */
    bool compares_parts;   /* a digest is compared as far as it is there */
    bool compares_a_byte;  /* only the first byte of a digest counts */
    bool least_by_default; /* where no cost is configured it is not the declared one, but the least
                            */
    bool takes_setting;    /* login reads a record as if it had the cost that is configured */
    bool changes_cheaply;  /* a new password is stored at the least cost */
    /* Of renewed hashes, all with renews: */
    bool never_settles; /* a hash that was just made is renewed, too */
    bool renews_denied; /* with the wrong password */
    bool renews_in_two; /* the record is deleted, and then put back */
    bool cuts_renewed;  /* there is room for those of the least cost only */
    bool renews;        /* honest: hashes are renewed at login, which succeeds in any case */
    bool hides_lock;    /* honest: a locked name is answered denied, which it declares */
    bool one_session;   /* honest: a login ends the account's session before it */
    bool folds_names;   /* honest: upper case and lower case are one name, which it declares */
    void (*in_login)(void);
    void (*wrap)(struct assay_target *); /* puts operations of its own around the honest ones */
};
extern const struct twist twist;
/* For wraps: whether nobody has this name. `inner` is what is wrapped. */
bool is_nobody(const struct assay_target *inner, struct assay_handle *, struct assay_bytes name);

/* composing.c: everything is done to OpaqueStrings, as is declared; but for what is forgotten. */
enum forgotten { FORGETS_NOTHING, FORGETS_VERIFY, FORGETS_REMOVAL, FORGETS_REMOVED_NAME };
void compose_all_but(struct assay_target *, enum forgotten);

#endif
