#include "milters/scan/scan_parts.h"

#include <string.h>

#include "milters/mime/cms.h"
#include "milters/mime/mime_read.h"
#include "milters/mime/opened.h"

enum { SIGNED_DEPTH_MAX = 4 };

struct parts {
    const struct clam_engine *engine;
    const struct config_list *allowed;
    struct opened *opened;
    struct scan_result *result;
    unsigned depth; /* of signed parts in each other */
    bool sound;     /* of the process: nothing failed in it so far */
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

static void
note_report(const struct mime_report *mime, struct scan_result *result)
{
    if (mime->limit != NULL)
        scan_result_doubt(result, SCAN_LIMITED, mime->limit);
    if (mime->encrypted != NULL)
        scan_result_doubt(result, SCAN_ENCRYPTED, mime->encrypted);
    if (mime->ambiguous != NULL)
        scan_result_doubt(result, SCAN_AMBIGUOUS, mime->ambiguous);
}

static bool on_leaf(struct span octets, void *context);

/* The parts of what is signed with its content in it (S/MIME). */
static void
scan_signed(struct parts *parts, struct span octets)
{
    struct mime_report report;
    struct buffer content;

    buffer_init(&content, octets.length + 1);
    if (!cms_content(octets, &content)) {
        scan_result_doubt(parts->result, SCAN_UNOPENED, "S/MIME");
    } else if (parts->depth == SIGNED_DEPTH_MAX) {
        scan_result_doubt(parts->result, SCAN_LIMITED, "MaxMimeDepth");
    } else {
        parts->depth++;
        mime_read_part(buffer_span(&content), on_leaf, parts, &report);
        parts->depth--;
        note_report(&report, parts->result);
    }
    buffer_clear(&content);
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
    if (cms_kind(octets).state == FILE_SIGNED)
        scan_signed(parts, octets);
    return parts->sound && parts->result->status == SCAN_STATUS_CLEAN;
}

/* Nothing comes out of a 7z that is encrypted: that says enough of it. */
static void
note_opened(const struct opened *opened, struct scan_result *result)
{
    const char *missing = opened_missing(opened);

    if (opened_encrypted(opened) != NULL)
        scan_result_doubt(result, SCAN_ENCRYPTED, opened_encrypted(opened));
    if (missing != NULL &&
        (!result->doubted[SCAN_ENCRYPTED] || strcmp(missing, "7z") != 0))
        scan_result_doubt(result, SCAN_UNOPENED, missing);
}

bool
scan_parts_run(const struct clam_engine *engine, struct span message,
    const struct config_list *allowed, struct scan_result *result)
{
    struct parts parts = {.engine = engine,
        .allowed = allowed,
        .opened = opened_new(),
        .result = result,
        .sound = true};
    struct mime_report mime;

    *result = (struct scan_result){.status = SCAN_STATUS_CLEAN};
    clam_engine_watch(parts.opened);
    scan_file(&parts, message);
    if (result->status == SCAN_STATUS_CLEAN) {
        mime_read(message, on_leaf, &parts, &mime);
        note_report(&mime, result);
        note_opened(parts.opened, result);
    }
    clam_engine_watch(NULL);
    opened_free(parts.opened);
    return parts.sound;
}
