/*
 * Undo: copies of what new took, and a run of `undo` that is ended again and again.
 *
 * What is noted, and what that means for the next run, is the product's
 * (copies_progress); the file, old and the one who kills are models.  What has to hold:
 * whoever landed on new and has a copy is on old in the end, twice only where a run was
 * ended in that moment, and then it is named; who has no copy gets nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policyd/copies/copies_progress.h"
#include "tests/simulate/world.h"

enum { FILE_MAX = 1 << 20, RUNS_MAX = 200 };

/* The progress file, as a disk keeps it: each word is there once it was synced. */
struct undo_run {
    struct world *world;
    struct buffer file;
    struct copies_progress *known;
    unsigned kills;    /* left */
    unsigned in_doubt; /* so many were sent, and the word for it was never written */
    bool is_killed;
};

void
undo_model_landed(struct world *world, unsigned unit)
{
    struct landed_model *landed;

    if (world->landed_count == LANDED_MAX)
        return;
    landed = &world->landed[world->landed_count++];
    *landed = (struct landed_model){
        .unit = unit,
        .has_copy = !chance_of(&world->undo_chance, 50),
    };
}

static void
digest_of(size_t i, unsigned unit, struct copies_digest *digest)
{
    char id[32];
    char name[40];

    (void)snprintf(id, sizeof(id), "4jd%09zu", i);
    (void)snprintf(name, sizeof(name), "user%u@example.com", unit);
    copies_digest_make(span_of(id), span_of(name), digest);
}

/* Killed now?  The word in hand may then be in the file in part. */
static bool
is_killed(struct undo_run *run)
{
    if (run->kills == 0 || !chance_of(&run->world->undo_chance, 60))
        return false;
    run->kills--;
    run->is_killed = true;
    return true;
}

static bool
note(struct undo_run *run, enum copies_step step, const struct copies_digest *digest)
{
    size_t before = run->file.length;

    copies_progress_write(&run->file, step, digest);
    if (is_killed(run)) {
        run->file.length = before + chance_below(&run->world->undo_chance,
                                        (unsigned)(run->file.length - before));
        return false;
    }
    copies_progress_put(run->known, digest, step);
    return true;
}

static void
bring(struct undo_run *run, size_t i)
{
    struct landed_model *landed = &run->world->landed[i];
    enum copies_step step = COPIES_FOUND;
    struct copies_digest digest;
    bool was_begun;

    digest_of(i, landed->unit, &digest);
    if (copies_progress_find(run->known, &digest, &step) &&
        (step == COPIES_SENT || step == COPIES_TWICE))
        return;
    was_begun = step == COPIES_BEGUN;
    if (!landed->has_copy || !note(run, COPIES_BEGUN, &digest) || is_killed(run))
        return;
    landed->on_old++;
    if (!note(run, was_begun ? COPIES_TWICE : COPIES_SENT, &digest))
        run->in_doubt++;
}

/* One run, from a file that may end in the middle of a line. */
static void
run_once(struct undo_run *run)
{
    struct span text = buffer_span(&run->file);
    size_t end = span_find_last(text, '\n');

    run->is_killed = false;
    run->file.length = end == SPAN_NONE ? 0 : end + 1;
    run->known = copies_progress_read(buffer_span(&run->file));
    for (size_t i = 0; i < run->world->landed_count && !run->is_killed; i++)
        bring(run, i);
    copies_progress_free(run->known);
}

static void
check(struct undo_run *run)
{
    struct world *world = run->world;
    struct copies_progress *known = copies_progress_read(buffer_span(&run->file));
    unsigned more = 0;

    for (size_t i = 0; i < world->landed_count; i++) {
        const struct landed_model *landed = &world->landed[i];
        enum copies_step step = COPIES_FOUND;
        struct copies_digest digest;
        bool is_named;

        digest_of(i, landed->unit, &digest);
        is_named = copies_progress_find(known, &digest, &step) && step == COPIES_TWICE;
        more += landed->on_old > 1 ? landed->on_old - 1 : 0;
        if (landed->has_copy && landed->on_old == 0)
            world_fault(world, "undo left message %zu on new", i);
        if (!landed->has_copy && landed->on_old > 0)
            world_fault(world, "undo sent message %zu, of which it has no copy", i);
        if (landed->on_old > 1 && !is_named)
            world_fault(world, "message %zu is twice on old, and not named", i);
    }
    if (more > run->in_doubt)
        world_fault(
            world, "undo made %u doubles, %u were in flight", more, run->in_doubt);
    copies_progress_free(known);
}

void
undo_model_run(struct world *world)
{
    struct undo_run run = {
        .world = world, .kills = chance_below(&world->undo_chance, 20)};

    buffer_init(&run.file, FILE_MAX);
    for (int i = 0; i < RUNS_MAX; i++) {
        run_once(&run);
        if (!run.is_killed)
            break;
    }
    /* A run after the last finds nothing to do. */
    run_once(&run);
    check(&run);
    buffer_clear(&run.file);
}
