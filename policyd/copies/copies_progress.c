#include "policyd/copies/copies_progress.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/copies/copies_key.h"
#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/error.h"

enum { FIRST_ROOM = 1024 };

/* Those that stand in the file. */
static const char *const words[] = {
    [COPIES_BEGUN] = "begin ",
    [COPIES_SENT] = "sent ",
    [COPIES_TWICE] = "twice ",
    [COPIES_REFUSED] = "over ",
};

struct row {
    struct copies_digest digest;
    enum copies_step step;
    bool is_taken;
};

/* Open addressing: a digest is as good as any hash of it. */
struct copies_progress {
    struct row *rows;
    size_t room; /* a power of two, at least twice the count */
    size_t count;
};

void
copies_digest_make(
    struct span queue_id, struct span recipient, struct copies_digest *digest)
{
    const struct span parts[] = {queue_id, SPAN("\n"), recipient};

    digest_sha256_of_parts(parts, ARRAY_LENGTH(parts), digest->octets);
}

void
copies_progress_write(
    struct buffer *out, enum copies_step step, const struct copies_digest *digest)
{
    assert((size_t)step < ARRAY_LENGTH(words));
    buffer_append_text(out, words[step]);
    for (size_t i = 0; i < sizeof(digest->octets); i++)
        buffer_printf(out, "%02x", digest->octets[i]);
    buffer_append_octet(out, '\n');
}

static bool
read_line(struct span line, struct copies_digest *digest, enum copies_step *step)
{
    struct error ignored;

    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        struct span rest = line;

        if (!span_take(&rest, span_of(words[i])))
            continue;
        *step = (enum copies_step)i;
        return rest.length == 2 * sizeof(digest->octets) &&
               copies_key_parse(rest, digest->octets, &ignored);
    }
    return false;
}

/* Its row, or the one where it would go. */
static struct row *
place_of(const struct copies_progress *progress, const struct copies_digest *digest)
{
    size_t place = 0;

    for (size_t i = 0; i < sizeof(place); i++)
        place = place << 8 | digest->octets[i];
    for (place &= progress->room - 1; progress->rows[place].is_taken;
         place = (place + 1) & (progress->room - 1)) {
        if (memcmp(progress->rows[place].digest.octets, digest->octets,
                sizeof(digest->octets)) == 0)
            break;
    }
    return &progress->rows[place];
}

static void
grow(struct copies_progress *progress)
{
    struct row *before = progress->rows;
    size_t room = progress->room;

    progress->room *= 2;
    progress->rows = allocate_array(progress->room, sizeof(*progress->rows));
    for (size_t i = 0; i < room; i++) {
        if (before[i].is_taken)
            *place_of(progress, &before[i].digest) = before[i];
    }
    free(before);
}

void
copies_progress_put(struct copies_progress *progress, const struct copies_digest *digest,
    enum copies_step step)
{
    struct row *row = place_of(progress, digest);

    if (!row->is_taken) {
        if (2 * ++progress->count > progress->room) {
            grow(progress);
            row = place_of(progress, digest);
        }
        row->digest = *digest;
        row->is_taken = true;
    }
    row->step = step;
}

struct copies_progress *
copies_progress_read(struct span text)
{
    struct copies_progress *progress = allocate(sizeof(*progress));
    struct span line;

    progress->room = FIRST_ROOM;
    progress->rows = allocate_array(progress->room, sizeof(*progress->rows));
    while (span_line(&text, &line)) {
        struct copies_digest digest;
        enum copies_step step;

        if (read_line(line, &digest, &step))
            copies_progress_put(progress, &digest, step);
    }
    return progress;
}

void
copies_progress_free(struct copies_progress *progress)
{
    if (progress == NULL)
        return;
    free(progress->rows);
    free(progress);
}

bool
copies_progress_find(const struct copies_progress *progress,
    const struct copies_digest *digest, enum copies_step *step)
{
    const struct row *row = place_of(progress, digest);

    if (!row->is_taken)
        return false;
    *step = row->step;
    return true;
}
