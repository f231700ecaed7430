#include "milters/scan/scan_parts.h"

#include <string.h>

#include "milters/mime/mime_read.h"
#include "milters/mime/opened.h"

struct parts {
    const struct clam_engine *engine;
    const struct config_list *allowed;
    struct opened *opened;
    struct scan_result *result;
    bool sound; /* of the process: nothing failed in it so far */
};

/* An infection is found, a failure leaves nothing known; doubts add up. */
static void
add_result(struct scan_result *whole, const struct scan_result *part)
{
    for (int i = 0; i < SCAN_DOUBTS; i++) {
        if (part->doubted[i])
            scan_result_doubt(whole, (enum scan_doubt)i, part->what[i]);
    }
    if (part->status == SCAN_STATUS_CLEAN || whole->status == SCAN_STATUS_INFECTED)
        return;
    whole->status = part->status;
    scan_name_copy(whole->virus, part->virus);
    scan_text_copy(whole->problem, part->problem);
}

static void
scan_file(struct parts *parts, struct span octets)
{
    struct scan_result result;

    parts->sound &= clam_engine_scan(parts->engine, octets, parts->allowed, &result);
    opened_end(parts->opened);
    add_result(parts->result, &result);
}

static bool
on_leaf(struct span octets, void *context)
{
    struct parts *parts = context;

    opened_note_leaf(parts->opened, octets);
    if (!opened_has(parts->opened, octets)) {
        scan_file(parts, octets);
        opened_remember(parts->opened, octets);
    }
    return parts->sound && parts->result->status == SCAN_STATUS_CLEAN;
}

/* Nothing comes out of a 7z that is encrypted: that says enough of it. */
static void
note_doubts(const struct opened *opened, const struct mime_report *mime,
    struct scan_result *result)
{
    const char *encrypted =
        mime->encrypted != NULL ? mime->encrypted : opened_encrypted(opened);
    const char *missing = opened_missing(opened);

    if (mime->limit != NULL)
        scan_result_doubt(result, SCAN_LIMITED, mime->limit);
    if (encrypted != NULL)
        scan_result_doubt(result, SCAN_ENCRYPTED, encrypted);
    if (missing != NULL &&
        (!result->doubted[SCAN_ENCRYPTED] || strcmp(missing, "7z") != 0))
        scan_result_doubt(result, SCAN_UNOPENED, missing);
    if (mime->ambiguous != NULL)
        scan_result_doubt(result, SCAN_AMBIGUOUS, mime->ambiguous);
}

bool
scan_parts_run(const struct clam_engine *engine, struct span message,
    const struct config_list *allowed, struct scan_result *result)
{
    struct parts parts = {engine, allowed, opened_new(), result, true};
    struct mime_report mime;

    *result = (struct scan_result){.status = SCAN_STATUS_CLEAN};
    clam_engine_watch(parts.opened);
    scan_file(&parts, message);
    if (result->status == SCAN_STATUS_CLEAN) {
        mime_read(message, on_leaf, &parts, &mime);
        note_doubts(parts.opened, &mime, result);
    }
    clam_engine_watch(NULL);
    opened_free(parts.opened);
    return parts.sound;
}
