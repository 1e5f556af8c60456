/* SPDX-License-Identifier: Apache-2.0
 *
 * Published vectors: stored strings whose password is known to everybody, so that a target is not
 * judged by its own encoder alone.
 *
 *   Argon2id    tests of libsodium (test/default/pwhash_argon2id.c) and of the reference
 *               implementation (P-H-C/phc-winner-argon2, src/test.c). The vectors of RFC 9106,
 *               section 5, have a key and associated data, which no stored string can say.
 *   bcrypt      tests of crypt_blowfish (Openwall), one of them spelled as others spell it, too
 *   SHA-512     U. Drepper, "Unix crypt using SHA-256 and SHA-512"
 *   yescrypt    known answers of libxcrypt
 *   scrypt      RFC 7914, section 12, written as a PHC string
 *   PBKDF2      RFC 7914, section 11, written as a PHC string
 *
 * No target serves all of them. What is demanded of each: a string that is served is served
 * rightly, and one that is not is called that. The right password of a well-formed string is never
 * `denied`, for it is not wrong; this holds also for what is foreign but valid, such as two lanes
 * where a target computes with one. Whoever declares rows of crypt(3) must serve these at login.
 * Passwords beyond the declared limits are only tried. Targets whose stored strings have no syntax
 * take any bytes for one of theirs, and are not asked.
 */
#include <string.h>

#include "cases/cases.h"

#define MANY_LETTERS  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define ANY_PRINTABLE "^T5H$JYt39n%K*j:W]!1s?vg!:jGi]Ax?..l7[p0v:1jHTpla9;]bUN;?bWyCbtqg "

static const struct vector {
    const char *name;
    enum assay_scheme scheme; /* of crypt(3), or 0 */
    const char *password;
    const char *encoded;
} vectors[] = {
    {"argon2id, t=2", 0, "",
     "$argon2id$v=19$m=4882,t=2,p=1$bA81arsiXysd3WbTRzmEOw$"
     "Nm8QBM+7RH1DXo9rvp5cwKEOOOfD2g6JuxlXihoNcpE"},
    {"argon2id, t=19", 0, ANY_PRINTABLE,
     "$argon2id$v=19$m=4096,t=19,p=1$PkEgMTYtYnl0ZXMgc2FsdA$"
     "ltB/ue1kPtBMBGfsysMpPigE6hiNEKZ9vs8vLNVDQGA"},
    {"argon2id, a short salt", 0, "password",
     "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
    {"argon2id, two lanes", 0, "password",
     "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"},
    {"argon2i", 0, "password",
     "$argon2i$v=19$m=4096,t=3,p=1$MzE4ODFiZWFlMjAzOWUAAA$"
     "FWUV6tsyJ32qThiLi1cCsLIbf3dIOG/RwXcTzt536KY"},
    {"bcrypt, three bytes", ASSAY_BCRYPT, "U*U",
     "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"bcrypt, four bytes", ASSAY_BCRYPT, "U*U*",
     "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
    {"bcrypt, a byte beyond ASCII", ASSAY_BCRYPT,
     "\xff\xa3"
     "345",
     "$2y$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e"},
    {"bcrypt, more than 72 bytes", ASSAY_BCRYPT, MANY_LETTERS "chars after 72 are ignored",
     "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
    {"bcrypt, the same as PHP spells it", ASSAY_BCRYPT, MANY_LETTERS "chars after 72 are ignored",
     "$2y$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
    {"bcrypt, the same as OpenBSD spells it", ASSAY_BCRYPT,
     MANY_LETTERS "chars after 72 are ignored",
     "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
    {"SHA-512, 5000 rounds", ASSAY_SHA512_CRYPT, "Hello world!",
     "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
     "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS"
     "35inz1"},
    {"SHA-512, 10000 rounds", ASSAY_SHA512_CRYPT, "Hello world!",
     "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/"
     "UrjmM0Dp8vOuZeH"
     "By/YTBmSK6H9qs/y3RnOaw5v."},
    {"SHA-512, a short salt", ASSAY_SHA512_CRYPT,
     "we have a short salt string but not a short password",
     "$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/"
     "ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZ"
     "elFl5CxtgfiAc0"},
    {"yescrypt", ASSAY_YESCRYPT, MANY_LETTERS,
     "$y$j75$LdJMENpBABJJ3hIHjB1Bi.$ZgTUWYYUx76vUOHZF0X27Rq9go43bzjSmecsreE0zo7"},
    {"scrypt", 0, "password",
     "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/"
     "xCSedmDDa"
     "xyevuUqD7m2DYMvfoswGQA"},
    {"PBKDF2", 0, "passwd",
     "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOd"
     "d+8xfHG4RbHjC9UJESBB06GXgw"},
};
#define VECTORS (sizeof vectors / sizeof *vectors)

const char *legacy_row(uint32_t schemes)
{
    for (size_t i = 0; i < VECTORS; i++)
        if (((uint32_t)vectors[i].scheme & schemes) != 0)
            return vectors[i].encoded;
    return NULL;
}

static void texts_of(const struct vector *vector, struct text *ret_password,
                     struct text *ret_encoded)
{
    ret_password->size = ret_encoded->size = 0;
    text_add(ret_password, vector->password, strlen(vector->password));
    text_add(ret_encoded, vector->encoded, strlen(vector->encoded));
}

/* Whether it is one of those that the target serves. */
static bool verifies(struct run *run, const struct assay_target *target,
                     const struct vector *vector)
{
    struct text password, encoded, wrong;
    texts_of(vector, &password, &encoded);
    bool is_within = within_password_limits(&target->traits, &password);
    enum assay_answer answer = stored_verify(run, target, &encoded, &password);
    CHECK(run, answer != ASSAY_DENIED || !is_within,
          "the right password of a published string (%s) is answered denied", vector->name);
    if (answer != ASSAY_OK)
        return false;
    wrong = password;
    text_add(&wrong, "x", 1);
    if (wrong.size > 72 && vector->scheme == ASSAY_BCRYPT)
        wrong.bytes[71] ^= 1;
    CHECK(run, stored_verify(run, target, &encoded, &wrong) != ASSAY_OK,
          "a wrong password opens a published string (%s)", vector->name);
    return true;
}

static void published_vectors(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct assay_target *target = subject->target;
    int64_t served = 0, other = 0;
    need_hashing(run, target);
    if (target->traits.stored_is_binary)
        unsupported(run, "stored strings with a syntax");
    for (size_t i = 0; i < VECTORS; i++)
        *(verifies(run, target, &vectors[i]) ? &served : &other) += 1;
    tell(run, "%d published strings are served, %d are not", (int)served, (int)other);
    maximize(run, served, "published strings served");
    maximize(run, other, "published strings not served");
}
const struct test_case hashing_published_vectors = {
    .name = "hashing.published_vectors",
    .shows = "published strings are served rightly, or are said not to be served; their passwords "
             "are never called wrong",
    .requirements = "R-03 O-04 PHC-04 A-11.2.2",
    .stands_for = "CVE-2011-2483: hashes that only the program which wrote them can verify",
    .techniques = BIT(VECTORS),
    .weight = 10, /* nothing of it is drawn or random */
    .body = published_vectors,
};

/* A login by a row of crypt(3), and one more by what that login made of it. */
static void legacy_login(struct run *run, const struct assay_target *target,
                         const struct vector *vector)
{
    struct text name, password, first, encoded, wrong;
    struct client client;
    texts_of(vector, &password, &encoded);
    wrong = password;
    wrong.bytes[0] ^= 1;
    simple_name(&target->traits, 'a', &name);
    simple_password(&target->traits, 'a', &first);
    client_init(&client, run, target, cheapest_cost(&target->traits));
    client_open(&client, false);
    if (client_register(&client, &name, &first) != ASSAY_OK)
        reject(run);
    record_write(&client, &name, &encoded);
    CHECK(run, client_login(&client, &name, &wrong) != ASSAY_OK,
          "a wrong password opens a published row (%s)", vector->name);
    for (int i = 0; i < 2; i++)
        CHECK(run, client_login(&client, &name, &password) == ASSAY_OK,
              "the right password of a published row (%s), which is declared to be served, is "
              "answered %s at login %d",
              vector->name, REPLY_TEXT(client_reply()), i + 1);
    CHECK(run, client_login(&client, &name, &wrong) != ASSAY_OK,
          "after the login a wrong password opens the account (%s)", vector->name);
}

/* The vectors of these schemes, and within the declared limits. */
static size_t declared_vectors(const struct assay_traits *traits, const struct vector **ret)
{
    struct text password, encoded;
    size_t count = 0;
    for (size_t i = 0; i < VECTORS; i++) {
        texts_of(&vectors[i], &password, &encoded);
        if (((uint32_t)vectors[i].scheme & traits->legacy_schemes) != 0 &&
            within_password_limits(traits, &password))
            ret[count++] = &vectors[i];
    }
    return count;
}

static void legacy_rows(struct run *run, const void *context)
{
    const struct subject *subject = context;
    const struct vector *declared[VECTORS];
    need_records(run, subject->target);
    size_t count = declared_vectors(&subject->target->traits, declared);
    if (count == 0)
        unsupported(run, "rows of crypt(3) (traits.legacy_schemes)");
    legacy_login(run, subject->target, declared[draw_factor(run, count)]);
}
const struct test_case hashing_legacy_rows = {
    .name = "hashing.legacy_rows",
    .shows = "published rows of crypt(3) that are declared to be served log in, and still do after "
             "they were made anew",
    .requirements = "O-04 A-11.2.2",
    .stands_for = "a migration that shuts out whoever came from the old system",
    .techniques = BIT(EXHAUSTIVE),
    .body = legacy_rows,
};
