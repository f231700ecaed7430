#include "policyd/ctl/ctl_preflight_drill.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "policyd/books/books_traffic.h"
#include "policyd/checks/check_state.h"
#include "policyd/ctl/ctl_postconf.h"
#include "shared/base/number.h"

enum { EVENTS = 1000, DAYS = 7 };

static int64_t
last_rollback(const struct ctl_preflight *preflight, const struct redis_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        const struct redis_reply *entry = &reply->elements[i];
        const struct redis_reply *fields;
        uint64_t at;

        if (!redis_reply_is_array(entry, 2) ||
            !redis_reply_is_array(&entry->elements[1], 0))
            continue;
        fields = &entry->elements[1];
        if (span_is(redis_reply_field(fields, "domain"), preflight->name) &&
            span_find_text(redis_reply_field(fields, "what"), SPAN("rollback")) !=
                SPAN_NONE &&
            number_unsigned(redis_reply_field(fields, "time"), INT64_MAX, &at))
            return (int64_t)at;
    }
    return 0;
}

/* NULL: *trouble says why they can't be asked. */
static struct books *
open_books(struct ctl *ctl, const char **trouble)
{
    struct error error = {.text = ""};
    struct books *books = books_open(ctl->config->books, BOOKS_READ, &error);

    if (books == NULL)
        *trouble = arena_text(ctl->arena, span_of(error.text));
    return books;
}

static void
look_at_spool(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const char *trouble = NULL;
    const char *folder = ctl_postconf(ctl, "queue_directory", &trouble);
    struct statvfs disk = {0};
    struct error error = {.text = ""};
    struct books *books = NULL;
    uint64_t daily = 0;

    if (folder != NULL && statvfs(folder, &disk) != 0)
        trouble = strerror(errno);
    if (trouble == NULL)
        books = open_books(ctl, &trouble);
    if (books != NULL &&
        !books_traffic_daily(books, (int64_t)time(NULL) * 1000, &daily, &error))
        trouble = error.text;
    check_state_spool(trouble, (uint64_t)disk.f_bavail * disk.f_frsize, daily, check);
    books_close(books);
}

void
ctl_preflight_drill(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const struct redis_reply *reply = NULL;
    struct error error = {.text = ""};
    bool done =
        ctl_store_open(ctl, &error) &&
        redis_call_words(ctl->redis, &reply, &error, SPAN("XREVRANGE"),
            ctl_store_key(ctl, ctl->arena, "events", span_of("")), SPAN("+"), SPAN("-"),
            SPAN("COUNT"), span_of(arena_printf(ctl->arena, "%d", EVENTS))) &&
        redis_reply_is_array(reply, 0);

    check_state_drill(preflight->domain.state,
        done ? NULL
             : arena_printf(ctl->arena, "the events can't be read: %s", error.text),
        done ? last_rollback(preflight, reply) : 0, time(NULL), check);
    look_at_spool(preflight, check);
}

static bool
is_of_old(void *argument, struct span address)
{
    const struct serve_config *serve = argument;

    return network_list_has(&serve->old_networks, address);
}

/* Whether mail that starts there finds its way here. */
static void
look_at_old(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const char *trouble = ctl->config->serve->backends_old.count == 0
                              ? "needs [policyd] backends_old"
                              : NULL;
    int64_t since_ms = ((int64_t)time(NULL) - DAYS * INT64_C(86400)) * 1000;
    struct books *books = trouble == NULL ? open_books(ctl, &trouble) : NULL;
    struct error error = {.text = ""};
    uint64_t count = 0;

    if (books != NULL && !books_traffic_from(books, ctl->arena, span_of(preflight->name),
                             since_ms, is_of_old, ctl->config->serve, &count, &error))
        trouble = error.text;
    check_state_from_old(trouble, count, DAYS, check);
    books_close(books);
}

void
ctl_preflight_inside(struct ctl_preflight *preflight, struct check *check)
{
    check_state_inside(preflight->domain.state,
        preflight->domain.count == 0 ? preflight->no_domain : NULL, check);
    if (check->result == CHECK_PASS)
        look_at_old(preflight, check);
}
