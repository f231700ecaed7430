/*
 * preflight: what the site's own files say of its people, what the books say of loops,
 * and whether a test mail arrives.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/books/books_returned.h"
#include "policyd/checks/check_people.h"
#include "policyd/ctl/ctl_preflight_movers.h"
#include "policyd/preflight/preflight_fetch.h"
#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_process.h"
#include "policyd/setup/setup_site.h"
#include "shared/base/attributes.h"
#include "shared/service/clock.h"

enum {
    FILE_MAX = 512 << 20,
    DAYS = 7,
    DAY_MS = 86400 * 1000,
    ARRIVES_MS = 60000,
    LOOK_MS = 1000, /* between two looks into the mailbox */
    ASK_MS = 5000,  /* one of them */
    SECRET_MAX = 4096,
};

/* The text of a file of the site's. */
static bool
read_text(struct ctl_preflight *preflight, const char *path, struct span *text,
    struct error *error)
{
    struct buffer read;
    bool done;

    buffer_init(&read, FILE_MAX);
    done = setup_file_read(path, &read, error);
    *text = done ? arena_span(preflight->ctl->arena, buffer_span(&read)) : SPAN("");
    buffer_clear(&read);
    return done;
}

/* False with a line. */
static bool
read_file(struct ctl_preflight *preflight, const char *path, const char *key,
    struct check *check, struct span *text)
{
    struct error error;

    if (path[0] == '\0') {
        check_add(check, CHECK_SKIPPED, "needs [ctl] %s", key);
        return false;
    }
    if (read_text(preflight, path, text, &error))
        return true;
    check_add(check, CHECK_UNKNOWN, "%s", error.text);
    return false;
}

/* Canonical, of this domain; a bare name gets it.  False: another's. */
static bool
read_address(struct ctl_preflight *preflight, struct span word, struct span *address)
{
    struct ctl *ctl = preflight->ctl;
    struct recipient recipient;

    if (span_find(word, '@') == SPAN_NONE)
        word = span_of(arena_printf(
            ctl->arena, "%.*s@%s", (int)word.length, word.data, preflight->name));
    if (!ctl_store_canonical_recipient(ctl, word, &recipient) ||
        !span_is(recipient_domain(&recipient), preflight->name))
        return false;
    *address = arena_span(ctl->arena, recipient_address(&recipient));
    return true;
}

/* --- units --- */

static void
look_at_units(struct ctl_preflight *preflight, struct check *check)
{
    struct arena *arena = preflight->ctl->arena;
    const enum route_place *now;
    const enum route_place *next;
    struct check_belongs *rows;
    struct span *names;
    size_t count = 0;
    struct span line;
    struct span text;
    struct error error;

    if (!read_file(preflight, preflight->ctl->config->aliases, "aliases", check, &text))
        return;
    names = arena_take(arena, (2 * span_count_parts(text, '\n') + 1) * sizeof(*names));
    while (span_split(&text, '\n', &line)) {
        struct span address;
        struct span owner;

        if (check_people_read_alias(line, &address, &owner) &&
            read_address(preflight, address, &names[count]) &&
            read_address(preflight, owner, &names[count + 1]))
            count += 2;
    }
    if (!ctl_preflight_places(preflight, names, count, &now, &next, &error)) {
        check_add(check, CHECK_UNKNOWN, "%s", error.text);
        return;
    }
    rows = arena_take(arena, (count / 2 + 1) * sizeof(*rows));
    for (size_t i = 0; i < count / 2; i++)
        rows[i] = (struct check_belongs){
            .address = arena_text(arena, names[2 * i]),
            .owner = arena_text(arena, names[2 * i + 1]),
            .place = next[2 * i],
            .owner_place = next[2 * i + 1],
        };
    check_people_units(rows, count / 2, check);
}

/* --- quota --- */

/* Lines `ADDRESS SIZE` of this domain. */
static struct check_room *
read_rooms(struct ctl_preflight *preflight, struct span text, size_t *count)
{
    struct check_room *rooms = arena_take(
        preflight->ctl->arena, (span_count_parts(text, '\n') + 1) * sizeof(*rooms));
    struct span line;

    *count = 0;
    while (span_split(&text, '\n', &line)) {
        struct check_room room;

        if (check_people_read_room(line, &room) &&
            read_address(preflight, room.address, &room.address))
            rooms[(*count)++] = room;
    }
    return rooms;
}

static int
compare_rooms(const void *left, const void *right)
{
    return span_compare(((const struct check_room *)left)->address,
        ((const struct check_room *)right)->address);
}

static void
look_at_quota(struct ctl_preflight *preflight, struct check *check)
{
    const struct ctl_config *config = preflight->ctl->config;
    struct arena *arena = preflight->ctl->arena;
    const struct check_room *used;
    struct check_room *rooms;
    struct check_quota *rows;
    size_t used_count;
    size_t room_count;
    struct span old;
    struct span new;

    if (!read_file(preflight, config->usage_old, "usage_old", check, &old) ||
        !read_file(preflight, config->quota_new, "quota_new", check, &new))
        return;
    used = read_rooms(preflight, old, &used_count);
    rooms = read_rooms(preflight, new, &room_count);
    qsort(rooms, room_count, sizeof(*rooms), compare_rooms);
    rows = arena_take(arena, (used_count + 1) * sizeof(*rows));
    for (size_t i = 0; i < used_count; i++) {
        const struct check_room *room =
            bsearch(&used[i], rooms, room_count, sizeof(*rooms), compare_rooms);

        rows[i] = (struct check_quota){
            .address = arena_text(arena, used[i].address),
            .used = used[i].octets,
            .room = room != NULL ? room->octets : 0,
            .has_room = room != NULL,
        };
    }
    check_people_quota(rows, used_count, check);
}

static void
look_at_forwards(struct ctl_preflight *preflight, struct check *check)
{
    const char *path = preflight->ctl->config->exported;
    struct error error = {.text = ""};
    struct span text = SPAN("");
    bool done = path[0] != '\0' && read_text(preflight, path, &text, &error);

    if (path[0] == '\0')
        check_add(check, CHECK_SKIPPED, "needs [ctl] exported");
    else
        check_people_forwards(text, done ? NULL : error.text, check);
}

/* --- loops --- */

static bool
is_of_new(void *argument, struct span address)
{
    const struct serve_config *serve = argument;

    return network_list_has(&serve->new_networks, address);
}

static void
look_at_loop(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const struct books_returned_query query = {
        .domain = span_of(preflight->name),
        .since_ms = ((int64_t)time(NULL) - (int64_t)DAYS * 86400) * 1000,
        .is_of_new = is_of_new,
        .argument = ctl->config->serve,
    };
    struct books_returned found[RETURNED_MAX];
    struct check_returned rows[RETURNED_MAX];
    struct error error = {.text = ""};
    struct books *books = NULL;
    const char *trouble = NULL;
    uint64_t delivered = 0;
    size_t count = 0;

    if (ctl->config->serve->backends_new.count == 0) {
        check_add(check, CHECK_SKIPPED, "needs [policyd] backends_new");
        return;
    }
    books = books_open(ctl->config->books, BOOKS_READ, &error);
    if (books == NULL || !books_returned_find(books, ctl->arena, &query, found, &count,
                             &delivered, &error))
        trouble = error.text;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct check_returned){arena_text(ctl->arena, found[i].address),
            arena_text(ctl->arena, found[i].message_id),
            arena_text(ctl->arena, found[i].client)};
    check_people_loop(trouble, delivered, DAYS, rows, count, check);
    books_close(books);
}

/* --- arrival --- */

/* By Postfix itself, as any mail; false: *trouble says why it wasn't taken. */
static bool
send_mail(struct ctl *ctl, const char *message_id, const char **trouble)
{
    const char *directory =
        setup_site_directory(ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix);
    const char *words[10] = {"sendmail"};
    const char *to = ctl->config->arrival_address;
    const char *text = arena_printf(ctl->arena,
        "From: <%s>\nTo: <%s>\nSubject: preflight test\nMessage-ID: %s\n"
        "Auto-Submitted: auto-generated\n\n"
        "postshiftctl preflight looks whether mail arrives here. It may be deleted.\n",
        to, to, message_id);
    struct error error = {.text = ""};
    struct buffer said;
    size_t count = 1;
    int status = 0;
    bool ran;

    if (directory != NULL) {
        words[count++] = "-C";
        words[count++] = directory;
    }
    words[count++] = "-i";
    words[count++] = "-f";
    words[count++] = to;
    words[count] = to;
    buffer_init(&said, SECRET_MAX);
    ran = setup_process_feed(words, span_of(text), NULL, &said, &status, &error);
    if (!ran)
        *trouble = arena_text(ctl->arena, span_of(error.text));
    else if (status != 0)
        *trouble = arena_printf(ctl->arena, "sendmail took no mail (exit %d)", status);
    buffer_clear(&said);
    return ran && status == 0;
}

static void
wait_for_mail(struct ctl *ctl, const struct preflight_mailbox *mailbox,
    const char *message_id, struct check_arrival *arrival)
{
    static const struct timespec pause = {LOOK_MS / 1000, 0};
    uint64_t started = clock_now_ms();

    do {
        if (!preflight_mailbox_has(
                mailbox, message_id, &arrival->has_come, &arrival->trouble, ctl->arena))
            return;
        arrival->after_ms = (int64_t)(clock_now_ms() - started);
        if (!arrival->has_come)
            (void)nanosleep(&pause, NULL);
    } while (!arrival->has_come && arrival->after_ms < ARRIVES_MS);
}

static void
look_at_arrival(struct ctl_preflight *preflight, struct check *check)
{
    struct ctl *ctl = preflight->ctl;
    const struct ctl_config *config = ctl->config;
    struct check_arrival arrival = {.trouble = NULL};
    struct preflight_mailbox mailbox = {
        .url = config->arrival, .user = config->arrival_user, .timeout_ms = ASK_MS};
    const char *message_id = arena_printf(ctl->arena, "<preflight.%" PRIx64 ".%x@%s>",
        (uint64_t)time(NULL), (unsigned)getpid(), ctl->host);
    struct span secret;

    if (config->arrival[0] == '\0' || config->arrival_address[0] == '\0' ||
        config->arrival_user[0] == '\0') {
        check_add(check, CHECK_SKIPPED,
            "needs [ctl] arrival, arrival_address, arrival_user, arrival_password_file");
        return;
    }
    if (!read_file(preflight, config->arrival_password_file, "arrival_password_file",
            check, &secret))
        return;
    mailbox.password = arena_text(ctl->arena, span_trim(secret));
    /* A login that fails would be seen after a mail was sent for nothing. */
    if (preflight_mailbox_has(
            &mailbox, message_id, &arrival.has_come, &arrival.trouble, ctl->arena) &&
        send_mail(ctl, message_id, &arrival.trouble))
        wait_for_mail(ctl, &mailbox, message_id, &arrival);
    check_people_arrival(&arrival, check);
}

void
ctl_preflight_people(struct ctl_preflight *preflight)
{
    static const struct ctl_preflight_row rows[] = {
        {CHECK_UNITS,    look_at_units   },
        {CHECK_QUOTA,    look_at_quota   },
        {CHECK_FORWARDS, look_at_forwards},
        {CHECK_LOOP,     look_at_loop    },
        {CHECK_ARRIVAL,  look_at_arrival },
    };

    ctl_preflight_look(preflight, rows, ARRAY_LENGTH(rows));
}
