/* SPDX-License-Identifier: Apache-2.0
 *
 * Power cuts: what the disk would hold if the power had gone at some moment.
 *
 * While a case has itself watched, every change of a file with a name is written down: writes with
 * their bytes, truncations, creations, deletions, syncs. The subject notices nothing: a machine
 * without power answers nothing either, so a scenario is run to its end, once, and cut afterwards,
 * as often as wanted, at any of its moments. (How a subject takes errors of a disk that it can
 * still talk to is what the fault technique shows.)
 *
 * At a moment, the disk holds for certain what it held when the watch began and what has been
 * synced since: a sync of a file its writes and truncations, a sync of the directory all that was
 * created or deleted. What was changed behind that is pending, and each pending change has a fate
 * of its own: kept, lost, or, if it is a write, torn at a multiple of 512 or of 4096 bytes in its
 * middle: only the first part is new, or only the last, or the first is new and the sector behind
 * it garbage. The pending changes are made in their order, as far as their fates let them.
 *
 *   sync that lies   nothing at all is ever synced: all changes are pending
 *   sync that drops  it fails, once, and the system takes for clean what it should have written, as
 *                    ext4, XFS and Btrfs do (Rebello and others, ATC 2020): the process still reads
 *                    it, the next sync succeeds, and it never reaches the disk, unless a later
 * write makes its page of 4096 bytes dirty again, which is then written as a whole
 *
 * Not modelled: parts of what was dropped that did reach the disk; dropped pages that the system
 * forgets, so that a process reads old bytes; more than one directory; bytes beside a write that
 * the tearing damages; writes torn in several places; what a disk does with sectors that it had
 * already reported as written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/files.h"

#define FILES_MAX      512u                       /* that were there or were made since */
#define KEPT_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of all writes */
#define PAGE_BYTES     ((size_t)4096)
#define NO_FILE        FILE_UNRECORDED

enum kind { CREATED, DELETED, WRITTEN, TRUNCATED, SYNCED, DIRECTORY_SYNCED, DROPPED, KINDS };

static const char *const kind_names[KINDS] = {
    [CREATED] = "creation",    [DELETED] = "deletion",
    [WRITTEN] = "write",       [TRUNCATED] = "truncation",
    [SYNCED] = "sync",         [DIRECTORY_SYNCED] = "sync of the directory",
    [DROPPED] = "failed sync",
};

struct change {
    enum kind kind;
    uint32_t file; /* NO_FILE: of the directory */
    size_t offset, size;
    size_t bytes; /* where they are kept */
};

static struct {
    bool on, overflow;
    uint32_t count, file_count, entry_count;
    struct change changes[POWER_CHANGES_MAX];
    struct recorded_file {
        uint32_t entry;
        struct content at_first, durable;
    } files[FILES_MAX];
    struct entry {
        char name[NAME_BYTES_LIMIT];
        uint32_t at_first, durable, now; /* the file behind it, or NO_FILE */
    } entries[FILES_LIMIT];
    uint8_t *bytes;
    size_t used, capacity;
} record;

/* Where the durable part of the files and entries stands. */
static struct {
    uint32_t moment; /* changes up to here are taken into account */
    bool syncs_lie;
    uint32_t count;
    uint32_t pending[POWER_CHANGES_MAX];
} cursor;

/* --- Recording -------------------------------------------------------------------------------- */

/* A place for one more change, or null. */
static struct change *record_change(enum kind kind, uint32_t file)
{
    if (!record.on || (file == FILE_UNRECORDED && kind != DIRECTORY_SYNCED))
        return NULL;
    if (record.count == POWER_CHANGES_MAX) {
        record.overflow = true;
        return NULL;
    }
    power_change();
    struct change *change = &record.changes[record.count++];
    *change = (struct change){.kind = kind, .file = file};
    return change;
}

static bool keep_bytes(const uint8_t *from, struct change *change)
{
    if (record.used + change->size > record.capacity) {
        size_t capacity = record.capacity > 0 ? record.capacity : PAGE_BYTES * 64;
        while (capacity < record.used + change->size)
            capacity *= 2;
        uint8_t *bytes = capacity > KEPT_BYTES_MAX ? NULL : realloc(record.bytes, capacity);
        if (bytes == NULL)
            return false;
        record.bytes = bytes;
        record.capacity = capacity;
    }
    if (change->size > 0)
        memcpy(record.bytes + record.used, from, change->size);
    change->bytes = record.used;
    record.used += change->size;
    return true;
}

static uint32_t entry_of(const char *name)
{
    uint32_t i = 0;
    while (i < record.entry_count && strcmp(record.entries[i].name, name) != 0)
        i++;
    if (i == FILES_LIMIT)
        return NO_FILE;
    if (i == record.entry_count) {
        record.entry_count++;
        memcpy(record.entries[i].name, name, strlen(name) + 1);
        record.entries[i].at_first = NO_FILE;
    }
    return i;
}

/* Gives the file a number in the record. */
static bool record_file(struct file *file)
{
    uint32_t entry = record.file_count < FILES_MAX ? entry_of(file->name) : NO_FILE;
    if (entry == NO_FILE) {
        record.overflow = true;
        return false;
    }
    struct recorded_file *recorded = &record.files[record.file_count];
    recorded->entry = entry;
    recorded->at_first.size = 0;
    file->number = record.file_count++;
    file->has_dropped = false;
    return true;
}

/* What is there when the watch begins is durable. */
static void record_first(struct file *file)
{
    if (!record_file(file))
        return;
    struct recorded_file *recorded = &record.files[file->number];
    record.entries[recorded->entry].at_first = file->number;
    if (content_write(&recorded->at_first, file->content.bytes, file->content.size, 0) != SQLITE_OK)
        record.overflow = true;
}

void recorded_create(struct file *file)
{
    if (record.on && record_file(file))
        record_change(CREATED, file->number);
}

void recorded_delete(const struct file *file)
{
    record_change(DELETED, file->number);
}

/* Behind a dropped change, whole pages are written again. */
void recorded_write(const struct file *file, size_t offset, size_t size)
{
    struct change *change = record_change(WRITTEN, file->number);
    if (change == NULL)
        return;
    size_t end = offset + size;
    if (file->has_dropped) {
        offset -= offset % PAGE_BYTES;
        end += (PAGE_BYTES - end % PAGE_BYTES) % PAGE_BYTES;
        end = end < file->content.size ? end : file->content.size;
    }
    change->offset = offset;
    change->size = end - offset;
    if (!keep_bytes(file->content.bytes + offset, change)) {
        record.count--;
        record.overflow = true;
    }
}

void recorded_truncate(const struct file *file, size_t size)
{
    struct change *change = record_change(TRUNCATED, file->number);
    if (change != NULL)
        change->size = size;
}

void recorded_sync(const struct file *file)
{
    record_change(SYNCED, file->number);
}

void recorded_directory_sync(void)
{
    record_change(DIRECTORY_SYNCED, NO_FILE);
}

void recorded_drop(struct file *file)
{
    if (record_change(DROPPED, file->number) != NULL)
        file->has_dropped = true;
}

/* --- What a power cut leaves ------------------------------------------------------------------ */

/* How a torn write comes out. `at` is a multiple of the sector in the middle of it. */
static const struct {
    size_t sector; /* 0: not torn */
    bool head, garbage, tail;
} fates[FATES] = {
    [FATE_KEPT] = {0, true, false, true},          [FATE_LOST] = {0, false, false, false},
    [FATE_HEAD_512] = {512, true, false, false},   [FATE_TAIL_512] = {512, false, false, true},
    [FATE_GARBAGE_512] = {512, true, true, false}, [FATE_HEAD_4096] = {4096, true, false, false},
    [FATE_TAIL_4096] = {4096, false, false, true}, [FATE_GARBAGE_4096] = {4096, true, true, false},
};

/* How much of the write lies before the place where it is torn; 0 if it fits into one sector. */
static size_t torn_at(const struct change *change, size_t sector)
{
    size_t middle = change->offset + change->size / 2, end = change->offset + change->size;
    size_t below = middle - middle % sector, above = below + sector;
    if (below > change->offset)
        return below - change->offset;
    return above < end ? above - change->offset : 0;
}

static void make_garbage(struct content *content, size_t offset, size_t size)
{
    uint64_t seed = offset, word = 0;
    if (content->size < offset + size && content_resize(content, offset + size) != SQLITE_OK)
        return;
    for (size_t i = 0; i < size; i++) {
        if (i % sizeof word == 0)
            word = random_next(&seed);
        content->bytes[offset + i] = (uint8_t)(word >> 8 * (i % sizeof word));
    }
}

static void make_write(struct content *content, const struct change *change, enum fate fate)
{
    const uint8_t *bytes = record.bytes + change->bytes;
    size_t torn = fates[fate].sector > 0 ? torn_at(change, fates[fate].sector) : change->size;
    size_t behind = change->size - torn;
    if (fates[fate].head)
        (void)content_write(content, bytes, torn, change->offset);
    if (fates[fate].garbage)
        make_garbage(content, change->offset + torn,
                     behind < fates[fate].sector ? behind : fates[fate].sector);
    if (fates[fate].tail)
        (void)content_write(content, bytes + torn, behind, change->offset + torn);
}

/* One change, as far as its fate lets it. */
static void make_change(struct content *content, const struct change *change, enum fate fate)
{
    if (change->kind == WRITTEN)
        make_write(content, change, fate);
    else if (change->kind == TRUNCATED && fate != FATE_LOST)
        (void)content_resize(content, change->size);
}

/* The file behind a name after the change. */
static uint32_t made_entry(const struct change *change)
{
    return change->kind == CREATED ? change->file : NO_FILE;
}

static bool is_of_directory(const struct change *change)
{
    return change->kind == CREATED || change->kind == DELETED;
}

/* Whether the sync makes this pending change durable, or drops it. */
static bool is_settled(const struct change *change, const struct change *sync)
{
    return is_of_directory(change) ? sync->kind == DIRECTORY_SYNCED : change->file == sync->file;
}

/* Takes the pending changes that a sync settles out of the list. */
static void settle(const struct change *sync)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < cursor.count; i++) {
        const struct change *change = &record.changes[cursor.pending[i]];
        if (!is_settled(change, sync)) {
            cursor.pending[left++] = cursor.pending[i];
            continue;
        }
        struct recorded_file *file = &record.files[change->file];
        if (is_of_directory(change))
            record.entries[file->entry].durable = made_entry(change);
        else if (sync->kind == SYNCED)
            make_change(&file->durable, change, FATE_KEPT);
    }
    cursor.count = left;
}

static void cursor_restart(bool syncs_lie)
{
    cursor.moment = cursor.count = 0;
    cursor.syncs_lie = syncs_lie;
    for (uint32_t i = 0; i < record.file_count; i++) {
        struct recorded_file *file = &record.files[i];
        file->durable.size = 0;
        (void)content_write(&file->durable, file->at_first.bytes, file->at_first.size, 0);
    }
    for (uint32_t i = 0; i < record.entry_count; i++)
        record.entries[i].durable = record.entries[i].at_first;
}

/* Goes to the moment before a change; forward is quick. */
static void cursor_move(uint32_t moment, bool syncs_lie)
{
    if (moment < cursor.moment || syncs_lie != cursor.syncs_lie)
        cursor_restart(syncs_lie);
    for (; cursor.moment < moment && cursor.moment < record.count; cursor.moment++) {
        const struct change *change = &record.changes[cursor.moment];
        if (change->kind < SYNCED)
            cursor.pending[cursor.count++] = cursor.moment;
        else if (!syncs_lie)
            settle(change);
    }
}

/* --- The disk as it would be ------------------------------------------------------------------ */

/* The fate of a pending change; those that are older than all that can be named are kept. */
static enum fate fate_of(const struct power_cut *cut, uint32_t index)
{
    uint32_t unnamed = cursor.count > POWER_PENDING_MAX ? cursor.count - POWER_PENDING_MAX : 0;
    uint32_t named = index - unnamed;
    return index < unnamed || named >= cut->count ? FATE_KEPT : (enum fate)cut->fates[named];
}

static uint64_t mixed(uint64_t print, uint64_t word)
{
    print = (print ^ word) * 0x9e3779b97f4a7c15u;
    return print ^ print >> 29;
}

/* Four streams, so that the multiplications need not wait for each other. */
static uint64_t print_of(const struct content *content)
{
    uint64_t streams[4] = {1, 2, 3, content->size}, word[4];
    size_t i = 0;
    for (; i + sizeof word <= content->size; i += sizeof word) {
        memcpy(word, content->bytes + i, sizeof word);
        for (size_t s = 0; s < 4; s++)
            streams[s] = mixed(streams[s], word[s]);
    }
    for (; i < content->size; i++)
        streams[0] = mixed(streams[0], content->bytes[i]);
    return mixed(mixed(mixed(streams[0], streams[1]), streams[2]), streams[3]);
}

/* Makes the file that the entry leads to, as the cut has left it. Returns its print. */
static uint64_t make_file(const char *name, uint32_t number, const struct power_cut *cut)
{
    const struct content *durable = &record.files[number].durable;
    struct file *file = file_create(name);
    if (file == NULL)
        return 0;
    (void)content_write(&file->content, durable->bytes, durable->size, 0);
    for (uint32_t i = 0; i < cursor.count; i++) {
        const struct change *change = &record.changes[cursor.pending[i]];
        if (change->file == number)
            make_change(&file->content, change, fate_of(cut, i));
    }
    return print_of(&file->content);
}

static uint64_t restore(uint32_t moment, const struct power_cut *cut)
{
    uint64_t print = 0;
    files_lock();
    cursor_move(moment, cut->syncs_lie);
    files_reset();
    for (uint32_t i = 0; i < record.entry_count; i++)
        record.entries[i].now = record.entries[i].durable;
    for (uint32_t i = 0; i < cursor.count; i++) {
        const struct change *change = &record.changes[cursor.pending[i]];
        if (is_of_directory(change) && fate_of(cut, i) == FATE_KEPT)
            record.entries[record.files[change->file].entry].now = made_entry(change);
    }
    for (uint32_t i = 0; i < record.entry_count; i++)
        if (record.entries[i].now != NO_FILE)
            print = mixed(print + i, make_file(record.entries[i].name, record.entries[i].now, cut));
    files_unlock();
    return print;
}

/* --- What the engine asks --------------------------------------------------------------------- */

static void watch(void)
{
    files_lock();
    record.on = record.overflow = false;
    record.count = record.file_count = record.entry_count = 0;
    record.used = 0;
    files_each(record_first);
    cursor_restart(false);
    record.on = true;
    files_unlock();
}

static bool stop(void)
{
    files_lock();
    record.on = false;
    cursor_restart(false); /* files that were made meanwhile have a place now */
    files_unlock();
    return !record.overflow;
}

static uint32_t pending_at(uint32_t moment, bool syncs_lie)
{
    cursor_move(moment, syncs_lie);
    return cursor.count < POWER_PENDING_MAX ? cursor.count : POWER_PENDING_MAX;
}

/* Whether this fate makes a difference for the nth of those. */
static bool is_possible(uint32_t index, enum fate fate)
{
    uint32_t unnamed = cursor.count > POWER_PENDING_MAX ? cursor.count - POWER_PENDING_MAX : 0;
    const struct change *change = &record.changes[cursor.pending[unnamed + index]];
    if (fates[fate].sector == 0)
        return true;
    return change->kind == WRITTEN && (fates[fate].garbage || torn_at(change, fates[fate].sector));
}

/* "write 3 of wal": what was done just before. */
static const char *describe(uint32_t moment, uint32_t since, char *ret, size_t size)
{
    const struct change *last = &record.changes[moment - 1];
    const char *role =
        last->file == NO_FILE
            ? NULL
            : fault_catalogue.roles[file_role(record.entries[record.files[last->file].entry].name)];
    uint32_t number = 0;
    for (uint32_t i = since; i < moment; i++) {
        const struct change *change = &record.changes[i];
        bool alike = last->file == NO_FILE || change->file == NO_FILE
                         ? last->file == change->file
                         : record.files[change->file].entry == record.files[last->file].entry;
        number += change->kind == last->kind && alike;
    }
    snprintf(ret, size, "%s %u%s%s", kind_names[last->kind], number, role ? " of " : "",
             role ? role : "");
    return ret;
}

const char *powercut_install(void)
{
    static const struct power_supply supply = {watch,   stop,        pending_at,
                                               restore, is_possible, describe};
    power_install(&supply);
    return NULL;
}
