#include "milters/mime/opened.h"

#include <stdlib.h>
#include <string.h>

#include "milters/mime/file_kind.h"
#include "milters/mime/zip_view.h"
#include "shared/base/allocate.h"
#include "shared/base/digest.h"

enum { LEVELS_MAX = 128, TYPE_MAX = 32, PLACES = 2 * OPENED_PARTS_MAX, SMALL = 5 };

/* A file on the way down to the one that is looked at. */
struct level {
    bool used;
    bool mail;
    bool seven_zip;
    const char *container; /* its name where something must come out of it; else NULL */
    unsigned members;      /* that must come out */
    unsigned came;         /* out of it */
};

struct part {
    uint8_t digest[DIGEST_SHA256_SIZE];
    bool used;
};

struct opened {
    struct level levels[LEVELS_MAX];
    unsigned seven_zip_members; /* announced in all 7z, */
    unsigned seven_zip_came;    /* looked at */
    const char *missing;
    const char *encrypted;
    unsigned part_count;
    struct part parts[PLACES];
};

struct opened *
opened_new(void)
{
    struct opened *opened = allocate(sizeof(*opened));

    return opened;
}

void
opened_free(struct opened *opened)
{
    free(opened);
}

static bool
is_text(struct span octets)
{
    for (size_t i = 0; i < octets.length; i++) {
        unsigned char octet = (unsigned char)octets.data[i];

        if (octet < ' ' && (octet < '\t' || octet > '\r') && octet != 0x1b)
            return false;
    }
    return true;
}

/* Line ends do not count in a text, nor does what stands at its ends: the library drops
 * or changes some. */
static void
digest_of(struct span octets, uint8_t digest[DIGEST_SHA256_SIZE])
{
    char *copy;
    size_t length = 0;

    if (!is_text(octets)) {
        digest_sha256(octets, digest);
        return;
    }
    octets = span_trim(octets);
    copy = allocated(malloc(octets.length + 1));
    for (size_t i = 0; i < octets.length; i++) {
        copy[length] = octets.data[i];
        length += octets.data[i] == '\r' ? 0 : 1;
    }
    digest_sha256(span_make(copy, length), digest);
    free(copy);
}

static size_t
place_of(const struct opened *opened, const uint8_t digest[DIGEST_SHA256_SIZE])
{
    size_t place = ((size_t)digest[0] << 8 | digest[1]) % PLACES;

    while (opened->parts[place].used &&
           memcmp(opened->parts[place].digest, digest, DIGEST_SHA256_SIZE) != 0)
        place = (place + 1) % PLACES;
    return place;
}

bool
opened_has(const struct opened *opened, struct span octets)
{
    uint8_t digest[DIGEST_SHA256_SIZE];

    digest_of(octets, digest);
    return opened->parts[place_of(opened, digest)].used;
}

void
opened_remember(struct opened *opened, struct span octets)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct part *part;

    if (opened->part_count == OPENED_PARTS_MAX)
        return;
    digest_of(octets, digest);
    part = &opened->parts[place_of(opened, digest)];
    if (part->used)
        return;
    memcpy(part->digest, digest, sizeof(part->digest));
    part->used = true;
    opened->part_count++;
}

static void
miss(struct opened *opened, const char *name)
{
    if (opened->missing == NULL)
        opened->missing = name;
}

/* From this level on files are done with.  There are gaps: what the library finds behind
 * something else stands two levels deeper. */
static void
leave(struct opened *opened, unsigned level)
{
    for (; level < LEVELS_MAX; level++) {
        struct level *file = &opened->levels[level];

        if (file->container != NULL && file->came < file->members)
            miss(opened, file->container);
        *file = (struct level){.used = false};
    }
}

static struct level *
parent_of(struct opened *opened, unsigned level)
{
    while (level > 0 && !opened->levels[level - 1].used)
        level--;
    return level == 0 ? NULL : &opened->levels[level - 1];
}

static void
take_kind(struct opened *opened, struct file_kind kind, struct level *file)
{
    switch (kind.state) {
    case FILE_PLAIN:
        break;
    case FILE_UNOPENED:
        miss(opened, kind.name);
        break;
    case FILE_ENCRYPTED:
        if (opened->encrypted == NULL)
            opened->encrypted = kind.name;
        break;
    case FILE_SIGNED: /* what is signed in a mail is read by who reads its parts */
        if (file > opened->levels && !file[-1].mail)
            miss(opened, kind.name);
        break;
    case FILE_CONTAINER:
        file->container = kind.name;
        file->members = 1;
        break;
    }
}

static void
look_at_zip(struct opened *opened, struct span octets, struct level *file)
{
    struct zip_view view;

    zip_look(octets, &view);
    if (view.odd)
        miss(opened, "zip");
    file->container = "zip";
    file->members = view.members;
}

/* A zip behind something else: libclamav looks into it where it sees it at all. */
static void
look_behind(struct opened *opened, struct span octets, struct level *file)
{
    struct zip_view view;

    zip_look_behind(octets, &view);
    if (view.members == 0)
        return;
    if (view.odd)
        miss(opened, "zip");
    file->members += view.members;
    if (file->container == NULL)
        file->container = "zip";
}

void
opened_file(struct opened *opened, unsigned level, struct span type, struct span octets)
{
    struct level *parent = NULL;
    struct level *file;

    if (level >= LEVELS_MAX)
        return;
    leave(opened, level);
    file = &opened->levels[level];
    *file = (struct level){.used = true,
        .mail = span_is(type, "CL_TYPE_MAIL"),
        .seven_zip = span_is(type, "CL_TYPE_7Z")};
    parent = parent_of(opened, level);
    if (parent != NULL) {
        parent->came++;
        opened->seven_zip_came += parent->seven_zip ? 1 : 0;
        if (parent->mail)
            opened_remember(opened, octets);
    }
    if (zip_is_rest(octets))
        miss(opened, "zip");
    if (zip_is(octets))
        look_at_zip(opened, octets, file);
    else if (!file->mail) {
        take_kind(opened, file_kind_of(octets), file);
        look_behind(opened, octets, file);
    }
}

void
opened_member(struct opened *opened, struct span container, uint64_t size)
{
    if (size > SMALL && span_is(container, "CL_TYPE_7Z"))
        opened->seven_zip_members++;
}

void
opened_end(struct opened *opened)
{
    leave(opened, 0);
    if (opened->seven_zip_came < opened->seven_zip_members)
        miss(opened, "7z");
    opened->seven_zip_came = 0;
    opened->seven_zip_members = 0;
}

void
opened_note_leaf(struct opened *opened, struct span octets)
{
    struct file_kind kind = file_kind_of_leaf(octets);

    if (kind.state == FILE_ENCRYPTED && opened->encrypted == NULL)
        opened->encrypted = kind.name;
}

const char *
opened_missing(const struct opened *opened)
{
    return opened->missing;
}

const char *
opened_encrypted(const struct opened *opened)
{
    return opened->encrypted;
}
