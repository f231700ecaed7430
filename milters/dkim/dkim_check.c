#include "milters/dkim/dkim_check.h"

#include "milters/dkim/dkim_length.h"
#include "milters/dkim/dkim_own_check.h"
#include "shared/base/allocate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

/*
 * What is kept from libopendkim (2.11.0 beta 2), and why:
 *
 * - The first field of each header is one of ours with a name that nobody can know: where
 *   h= names all fields and one more, it writes behind its list of fields.
 * - Signatures that dkim_signature does not call sound: i= can make it read behind the
 *   heap and the stack, q= abort, a long field fails all the others too.
 * - Fields that no signature names: it would copy them for nothing.
 * - Flags: FIXCRLF cuts folded fields, TMPFILES writes files; without BADSIGHANDLES a
 * From that it can't read stops everything.
 * - Its own look-ups, which are not made for threads: the key callback answers CONTINUE
 * or NOTFOUND, never anything else (DEFAULT aborts, TRYAGAIN and ERROR end everything).
 * - Its opinion of time: it computes t= minus the drift without a sign, so t= below that
 *   is the future.  Such a message goes to a library handle without drift.
 * - Its final status: it speaks for the first signature.  Each is asked alone.
 * - dkim_ohdrs, dkim_getsighdr, dkim_sig_getidentity, dkim_get_sigsubstring: never
 * called.
 */

/* What is early or has expired is judged by us. */
enum { LIBRARY_DRIFT = DKIM_EARLY_MAX };

struct dkim_library {
    DKIM_LIB *usual;
    DKIM_LIB *old;        /* without drift, for signatures before 1990 */
    char first_field[24]; /* "X-<16 hex digits>: 1" */
};

struct dkim_check {
    struct dkim_library *library;
    struct dkim_check_options options;
    struct arena *arena;
    const struct header_field *fields;
    size_t field_count;
    const struct dns_lookup *lookup;
    struct dns_question *questions[DKIM_SIGNATURES_MAX];
    struct dkim_plan plan;

    DKIM *handle;                                      /* NULL: nothing to verify */
    struct dkim_candidate *shown[DKIM_SIGNATURES_MAX]; /* in the order of the handle */
    size_t shown_count;
    bool failed; /* libopendkim gave up */

    struct dkim_own_checks own; /* of what it can't read */

    bool counts_length;
    struct dkim_length length;
    bool has_body;
    char last[2]; /* octets of the body */
};

static const struct dkim_candidate *
find_by_name(const struct dkim_check *check, struct span selector, struct span domain)
{
    for (size_t i = 0; i < check->shown_count; i++) {
        const struct dkim_candidate *candidate = check->shown[i];

        if (dkim_candidate_is_pending(candidate) &&
            span_equal_nocase(span_of(candidate->signature.selector), selector) &&
            span_equal_nocase(span_of(candidate->signature.domain), domain))
            return candidate;
    }
    return NULL;
}

/* dkim_set_key_lookup's callback; the buffer has 1,025 octets. */
static DKIM_CBSTAT
find_key(DKIM *handle, DKIM_SIGINFO *info, unsigned char *out, size_t size)
{
    const struct dkim_check *check = dkim_get_user_context(handle);
    const unsigned char *selector = dkim_sig_getselector(info);
    const unsigned char *domain = dkim_sig_getdomain(info);
    const struct dkim_candidate *candidate = NULL;

    if (check != NULL && selector != NULL && domain != NULL)
        candidate = find_by_name(
            check, span_of((const char *)selector), span_of((const char *)domain));
    if (candidate == NULL || !span_copy(span_of(candidate->record), (char *)out, size))
        return DKIM_CBSTAT_NOTFOUND;
    return DKIM_CBSTAT_CONTINUE;
}

static DKIM_LIB *
library_open(uint64_t drift)
{
    unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
    DKIM_LIB *library = dkim_init(NULL, NULL);

    if (library == NULL)
        return NULL;
    if (dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags)) !=
            DKIM_STAT_OK ||
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift,
            sizeof(drift)) != DKIM_STAT_OK ||
        dkim_set_key_lookup(library, find_key) != DKIM_STAT_OK) {
        dkim_close(library);
        return NULL;
    }
    return library;
}

struct dkim_library *
dkim_library_new(struct error *error)
{
    struct dkim_library *library = allocate(sizeof(*library));
    uint64_t random;

    library->usual = library_open(LIBRARY_DRIFT);
    library->old = library_open(0);
    if (library->usual == NULL || library->old == NULL ||
        getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        (void)error_permanent(error, "libopendkim can't be started");
        dkim_library_free(library);
        return NULL;
    }
    (void)snprintf(library->first_field, sizeof(library->first_field), "X-%016llx: 1",
        (unsigned long long)random);
    return library;
}

void
dkim_library_free(struct dkim_library *library)
{
    if (library == NULL)
        return;
    if (library->usual != NULL)
        dkim_close(library->usual);
    if (library->old != NULL)
        dkim_close(library->old);
    free(library);
}

struct dkim_check *
dkim_check_new(struct dkim_library *library, const struct dkim_check_options *options,
    struct arena *arena)
{
    struct dkim_check *check = allocate(sizeof(*check));

    check->library = library;
    check->options = *options;
    check->arena = arena;
    return check;
}

void
dkim_check_free(struct dkim_check *check)
{
    if (check == NULL)
        return;
    if (check->handle != NULL)
        (void)dkim_free(check->handle);
    dkim_own_checks_clear(&check->own);
    free(check);
}

void
dkim_check_start(struct dkim_check *check, const struct header_field *fields,
    size_t field_count, const struct author *author, const struct dns_lookup *lookup)
{
    struct dkim_plan *plan = &check->plan;

    check->fields = fields;
    check->field_count = field_count;
    check->lookup = lookup;
    dkim_plan_make(plan, fields, field_count, author, check->options.most,
        check->options.now, check->arena);
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->candidates[i].question != NULL)
            check->questions[i] =
                dns_lookup_ask(lookup, span_of(plan->candidates[i].question), DNS_TXT);
    }
}

/*
 * Of the signatures only those that are verified or set aside: with another one in the
 * header, libopendkim's list would not be ours, and the plan made sure that it stands
 * above all that any of them signs.
 */
static bool
is_wanted(const struct dkim_check *check, size_t field)
{
    struct span name = header_field_name(&check->fields[field]);
    bool is_signature = span_is_nocase(name, "DKIM-Signature");

    for (size_t i = 0; i < check->shown_count; i++) {
        if (check->shown[i]->field == field ||
            (!is_signature && dkim_candidate_is_pending(check->shown[i]) &&
                dkim_signature_names(&check->shown[i]->signature, name) > 0))
            return true;
    }
    return false;
}

/* Folds come with LF and leave with CRLF.  An answer of SYNTAX is about one signature. */
static bool
show_field(struct dkim_check *check, const struct header_field *field, struct buffer *out)
{
    struct span rest = field->value;
    struct span line;
    DKIM_STAT status;

    buffer_reset(out);
    buffer_append(out, field->name);
    buffer_append_octet(out, ':');
    while (span_split(&rest, '\n', &line)) {
        buffer_append(out, line);
        if (rest.data == NULL)
            break;
        if (line.length == 0 || line.data[line.length - 1] != '\r')
            buffer_append_octet(out, '\r');
        buffer_append_octet(out, '\n');
    }
    if (!buffer_ok(out))
        return false;
    status = dkim_header(check->handle, (unsigned char *)out->data, out->length);
    return status == DKIM_STAT_OK || status == DKIM_STAT_SYNTAX;
}

static bool
show_header(struct dkim_check *check)
{
    struct buffer field;
    char first[sizeof(check->library->first_field)];
    bool done;

    memcpy(first, check->library->first_field, sizeof(first));
    buffer_init(&field, 4U << 20);
    done =
        dkim_header(check->handle, (unsigned char *)first, strlen(first)) == DKIM_STAT_OK;
    for (size_t i = 0; i < check->field_count && done; i++) {
        if (is_wanted(check, i))
            done = show_field(check, &check->fields[i], &field);
    }
    buffer_clear(&field);
    return done && dkim_eoh(check->handle) == DKIM_STAT_OK;
}

/* Those that are shown as text alone must not be verified. */
static bool
ignore_aside(struct dkim_check *check)
{
    DKIM_SIGINFO **infos;
    int count;

    if (dkim_getsiglist(check->handle, &infos, &count) != DKIM_STAT_OK || count < 0 ||
        (size_t)count != check->shown_count)
        return false;
    for (size_t i = 0; i < check->shown_count; i++) {
        if (!dkim_candidate_is_pending(check->shown[i]))
            dkim_sig_ignore(infos[i]);
    }
    return true;
}

static void
open_handle(struct dkim_check *check)
{
    static const unsigned char id[] = "postshift";
    bool is_old = false;
    DKIM_STAT status;

    for (size_t i = 0; i < check->shown_count; i++) {
        const struct dkim_signature *signature = &check->shown[i]->signature;

        check->counts_length |= signature->has_length;
        is_old |= signature->has_time && signature->signed_at < LIBRARY_DRIFT;
    }
    check->handle = dkim_verify(
        is_old ? check->library->old : check->library->usual, id, NULL, &status);
    check->failed = check->handle == NULL ||
                    dkim_set_user_context(check->handle, check) != DKIM_STAT_OK ||
                    !show_header(check) || !ignore_aside(check);
}

void
dkim_check_begin(struct dkim_check *check)
{
    struct dkim_plan *plan = &check->plan;
    size_t pending = 0;

    for (size_t i = 0; i < plan->count; i++) {
        if (check->questions[i] != NULL)
            dkim_plan_answer(&plan->candidates[i],
                dns_lookup_wait(check->lookup, check->questions[i]), check->arena);
    }
    dkim_plan_settle(plan, check->fields, check->field_count);
    for (size_t i = 0; i < plan->count; i++) {
        bool is_pending = dkim_candidate_is_pending(&plan->candidates[i]);

        pending += is_pending;
        if (is_pending || plan->candidates[i].aside)
            check->shown[check->shown_count++] = &plan->candidates[i];
    }
    if (pending > 0)
        open_handle(check);
    dkim_own_checks_open(&check->own, plan, check->fields, check->field_count);
}

static bool
library_wants_body(const struct dkim_check *check)
{
    return check->handle != NULL && !check->failed;
}

bool
dkim_check_wants_body(const struct dkim_check *check)
{
    return library_wants_body(check) || check->own.count > 0;
}

static void
give_body(struct dkim_check *check, struct span chunk)
{
    union {
        const char *in;
        unsigned char *out; /* libopendkim only reads there */
    } data = {.in = chunk.data};

    check->failed = dkim_body(check->handle, data.out, chunk.length) != DKIM_STAT_OK;
    if (check->counts_length)
        dkim_length_feed(&check->length, chunk);
}

void
dkim_check_body(struct dkim_check *check, struct span chunk)
{
    if (chunk.length == 0 || !dkim_check_wants_body(check))
        return;
    check->has_body = true;
    check->last[0] = check->last[1];
    if (chunk.length > 1)
        check->last[0] = chunk.data[chunk.length - 2];
    check->last[1] = chunk.data[chunk.length - 1];
    if (library_wants_body(check))
        give_body(check, chunk);
    dkim_own_checks_body(&check->own, chunk);
}

static void
judge_length(struct dkim_check *check, struct dkim_candidate *candidate)
{
    const struct dkim_signature *signature = &candidate->signature;
    uint64_t total = dkim_length_total(&check->length, signature->body_form);

    if (!signature->has_length || signature->length == total)
        return;
    if (signature->length > total)
        dkim_candidate_decide(candidate, AUTH_PERMERROR, "l= is beyond the body");
    else if (!check->options.length_counts)
        dkim_candidate_decide(candidate, AUTH_POLICY,
            arena_printf(check->arena, "l= covers %llu of %llu octets",
                (unsigned long long)signature->length, (unsigned long long)total));
}

static void
judge(struct dkim_check *check, struct dkim_candidate *candidate, DKIM_SIGINFO *info)
{
    unsigned int flags = dkim_sig_getflags(info);
    int body_hash = dkim_sig_getbh(info);
    int error = dkim_sig_geterror(info);

    if ((flags & DKIM_SIGFLAG_PASSED) != 0 && body_hash == DKIM_SIGBH_MATCH &&
        error == DKIM_SIGERROR_OK) {
        judge_length(check, candidate);
        dkim_candidate_decide(candidate, AUTH_PASS, NULL);
    } else if (body_hash == DKIM_SIGBH_MISMATCH) {
        dkim_candidate_decide(candidate, AUTH_FAIL, "body hash mismatch");
    } else if (error == DKIM_SIGERROR_BADSIG || error == DKIM_SIGERROR_CORRUPT_B) {
        dkim_candidate_decide(candidate, AUTH_FAIL, "signature mismatch");
    } else if (error == DKIM_SIGERROR_TOOLARGE_L) {
        dkim_candidate_decide(candidate, AUTH_PERMERROR, "l= is beyond the body");
    } else if (error == DKIM_SIGERROR_KEYDECODE) {
        dkim_candidate_decide(candidate, AUTH_PERMERROR, "key can't be used");
    }
}

static void
judge_all(struct dkim_check *check)
{
    DKIM_SIGINFO **infos;
    int count;

    if (dkim_getsiglist(check->handle, &infos, &count) != DKIM_STAT_OK || count < 0 ||
        (size_t)count != check->shown_count)
        return;
    for (size_t i = 0; i < check->shown_count; i++) {
        if (dkim_candidate_is_pending(check->shown[i]))
            judge(check, check->shown[i], infos[i]);
    }
}

void
dkim_check_end(struct dkim_check *check)
{
    struct dkim_plan *plan = &check->plan;

    if (library_wants_body(check)) {
        if (check->has_body && memcmp(check->last, "\r\n", 2) != 0)
            give_body(check, SPAN("\r\n"));
        if (!check->failed) {
            (void)dkim_eom(check->handle, NULL);
            judge_all(check);
        }
    }
    dkim_own_checks_end(&check->own, plan);
    for (size_t i = 0; i < plan->count; i++)
        dkim_candidate_decide(
            &plan->candidates[i], AUTH_NEUTRAL, "can't be verified here");
}

const struct dkim_plan *
dkim_check_plan(const struct dkim_check *check)
{
    return &check->plan;
}
