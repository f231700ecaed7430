/*
 * erase: an address goes from Redis and from this gateway's books; the rows stay, under a
 * name from which nobody can tell whose they were.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "policyd/books/books_erase.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_rehearsal.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/attributes.h"
#include "shared/base/idn.h"

enum { KEYS_MAX = 900, SECRET_SIZE = 12 };

/* One run. */
struct erasing {
    struct ctl *ctl;
    struct span given;   /* canonical, before its domain was followed (same_as) */
    struct span address; /* canonical, as it is looked up */
    struct span domain;
    const char *name; /* what stands there afterwards */
    struct span lists[KEYS_MAX];
    size_t list_count;
    struct span units[KEYS_MAX]; /* keys whose unit is this address */
    size_t unit_count;
};

/* As a keyed hash whose key is thrown away would be: nobody can try a guess. */
static const char *
make_name(struct erasing *erasing, struct error *error)
{
    unsigned char secret[SECRET_SIZE];
    const char *text = "erased-";

    if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
        (void)error_temporary(error, "no random octets");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(secret); i++)
        text = arena_printf(erasing->ctl->arena, "%s%02x", text, secret[i]);
    return arena_printf(erasing->ctl->arena, "%s@%.*s", text, (int)erasing->domain.length,
        erasing->domain.data);
}

/* --- where it stands in Redis --- */

static bool
add_key(struct erasing *erasing, struct span *keys, size_t *count, struct span name,
    struct error *error)
{
    if (*count == KEYS_MAX)
        return error_permanent(
            error, "more than %d lists or units name it: nothing was changed", KEYS_MAX);
    keys[(*count)++] = ctl_store_key(erasing->ctl, erasing->ctl->arena, "", name);
    return true;
}

static bool
take_list(void *argument, struct span name, struct error *error)
{
    struct erasing *erasing = argument;

    return add_key(erasing, erasing->lists, &erasing->list_count, name, error);
}

/* Whose unit is named after this address. */
static bool
take_unit(void *argument, struct span name, struct error *error)
{
    struct erasing *erasing = argument;
    struct ctl *ctl = erasing->ctl;
    struct span value;
    bool found;

    name = arena_span(ctl->arena, name);
    if (!ctl_store_value(
            ctl, ctl_store_key(ctl, ctl->arena, "", name), &value, &found, error))
        return false;
    return !found || !span_equal(span_trim(value), erasing->address) ||
           add_key(erasing, erasing->units, &erasing->unit_count, name, error);
}

static bool
find_keys(struct erasing *erasing, struct error *error)
{
    struct ctl *ctl = erasing->ctl;

    return ctl_store_scan(ctl,
               arena_printf(
                   ctl->arena, "list:%s:*", arena_text(ctl->arena, erasing->domain)),
               take_list, erasing, error) &&
           ctl_store_scan(ctl, "unit:*", take_unit, erasing, error);
}

/* --- doing --- */

static bool
erase_in_redis(struct erasing *erasing, struct error *error)
{
    struct ctl *ctl = erasing->ctl;
    const struct ctl_erasure erasure = {.address = erasing->address,
        .name = span_of(erasing->name),
        .domain = erasing->domain,
        .lists = erasing->lists,
        .list_count = erasing->list_count,
        .units = erasing->units,
        .unit_count = erasing->unit_count};
    const struct ctl_event event = {.domain = arena_text(ctl->arena, erasing->domain),
        .what = "erase",
        .key = erasing->name,
        .from = "",
        .why = ctl->arguments.values[CTL_WHY]};
    struct ctl_erased erased;
    uint64_t rehearsals;

    if (!ctl_write_erase(ctl, &erasure, &event, &erased, error) ||
        !ctl_rehearsal_erase(ctl, event.domain, erasing->given, &rehearsals, error))
        return false;
    ctl_output_say("Redis: %" PRIu64 " pins, %" PRIu64 " units, %" PRIu64
                   " in the ledger, %" PRIu64 " lists, %" PRIu64 " in a rehearsal",
        erased.pins, erased.units, erased.ledger, erased.lists, rehearsals);
    return true;
}

/* The log has a domain by A-labels or by U-labels; a recipient's is as it was written to,
 * whichever domain it is the same as. */
enum { FORMS_MAX = 4 };

static void
add_form(struct span *forms, size_t *count, struct span form)
{
    for (size_t i = 0; i < *count; i++) {
        if (span_equal(forms[i], form))
            return;
    }
    forms[(*count)++] = form;
}

static size_t
find_forms(const struct erasing *erasing, struct span forms[FORMS_MAX])
{
    const struct span both[] = {erasing->address, erasing->given};
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(both); i++) {
        size_t domain = span_find_last(both[i], '@') + 1;
        char text[IDN_TEXT_MAX];

        add_form(forms, &count, both[i]);
        if (idn_to_text(span_from(both[i], domain), text))
            add_form(forms, &count,
                span_of(arena_printf(
                    erasing->ctl->arena, "%.*s%s", (int)domain, both[i].data, text)));
    }
    return count;
}

static int
erase_in_books(struct erasing *erasing, struct books *books)
{
    struct books_erased erased = {.messages = 0};
    struct span forms[FORMS_MAX];
    size_t count = find_forms(erasing, forms);
    struct error error;

    if (books == NULL) {
        ctl_output_say("books: there are none on this host");
        return CTL_DONE;
    }
    for (size_t i = 0; i < count; i++) {
        struct books_erased more;

        if (!books_erase(books, forms[i], &more, &error))
            return ctl_output_fail(
                CTL_NO, "Redis is done, the books are not: %s", error.text);
        erased.messages += more.messages;
        erased.recipients += more.recipients;
        erased.others += more.others;
    }
    ctl_output_say("books: %" PRIu64 " messages, %" PRIu64 " recipients, %" PRIu64
                   " other rows",
        erased.messages, erased.recipients, erased.others);
    return CTL_DONE;
}

/* Before anything is changed; *books NULL where this host has none. */
static bool
open_books(struct ctl *ctl, struct books **books)
{
    struct error error;

    *books = NULL;
    if (access(ctl->config->books, F_OK) != 0 && errno == ENOENT)
        return true;
    *books = books_open(ctl->config->books, BOOKS_WRITE, &error);
    if (*books == NULL)
        (void)ctl_output_fail(CTL_NO, "%s; nothing was changed", error.text);
    return *books != NULL;
}

static int
erase(struct erasing *erasing)
{
    struct books *books;
    struct error error;
    int status;

    if (!open_books(erasing->ctl, &books))
        return CTL_NO;
    erasing->name = make_name(erasing, &error);
    /* Redis goes first: what stands there would come into the books again. */
    if (erasing->name == NULL || !find_keys(erasing, &error) ||
        !erase_in_redis(erasing, &error)) {
        books_close(books);
        return ctl_store_fail(erasing->ctl, &error);
    }
    status = erase_in_books(erasing, books);
    books_close(books);
    ctl_output_note("Postfix's own log still names it, and so do the books of other "
                    "gateways: run this on each");
    return status;
}

int
ctl_erase_run(struct ctl *ctl)
{
    struct erasing *erasing = arena_take(ctl->arena, sizeof(*erasing));
    struct recipient recipient;
    struct error error;
    size_t at;

    erasing->ctl = ctl;
    if (!ctl_store_canonical_recipient(ctl, span_of(ctl->arguments.words[0]), &recipient))
        return ctl_output_fail(CTL_USAGE, "%s is no address",
            ctl_output_text(ctl->arena, span_of(ctl->arguments.words[0])));
    erasing->address =
        ctl_store_canonical_unit(ctl, ctl->arena, span_of(ctl->arguments.words[0]));
    erasing->given = erasing->address;
    if (!ctl_store_follow(ctl, &erasing->address, &error))
        return ctl_store_fail(ctl, &error);
    at = span_find_last(erasing->address, '@');
    if (at == SPAN_NONE)
        return ctl_output_fail(CTL_USAGE, "an address with its domain is wanted");
    erasing->domain = span_from(erasing->address, at + 1);
    return erase(erasing);
}
