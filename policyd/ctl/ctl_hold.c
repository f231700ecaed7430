#include "policyd/ctl/ctl_hold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/books/queue_listing.h"
#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_json.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/setup/setup_process.h"
#include "policyd/setup/setup_site.h"
#include "shared/base/allocate.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"

enum {
    LISTING_MAX = 512 << 20,
    SAID_MAX = 1 << 16,
    SHOWN_MAX = 150, /* of what a program said */
    LINE_ARENA_MAX = 64 << 20,
    HEADER_MAX = 1 << 20,
    WORDS_MAX = 24,
    FIRST_ROOM = 256,
    /* The log's stamp may have whole seconds, and Postfix's arrival has. */
    EARLY_MS = 2000,
    /* A client may take so long from MAIL, which is the arrival, to its first good RCPT,
     * which is the first line. */
    LATE_MS = 600 * 1000,
};

/* --- programs --- */

struct command {
    const char *words[WORDS_MAX];
    size_t count;
};

static void
add(struct command *command, const char *word)
{
    if (word != NULL && command->count + 1 < WORDS_MAX)
        command->words[command->count++] = word;
}

/* A program of Postfix, of the instance whose log the books are of. */
static void
begin(struct command *command, const struct ctl *ctl, const char *program)
{
    const char *directory = setup_site_directory(
        ctl->arguments.values[CTL_DIRECTORY], ctl->config->logged_postfix);

    *command = (struct command){.count = 0};
    add(command, program);
    add(command, directory != NULL ? "-c" : NULL);
    add(command, directory);
}

static void
begin_helper(struct command *command, const struct ctl *ctl, const char *verb)
{
    *command = (struct command){.count = 0};
    for (size_t i = 0; i < ctl->config->quarantine.count; i++)
        add(command, ctl->config->quarantine.items[i]);
    add(command, verb);
}

static bool
run(struct ctl *ctl, const struct command *command, struct span input, struct buffer *out,
    struct error *error)
{
    struct buffer said;
    int status = 0;
    bool done;

    buffer_init(&said, SAID_MAX);
    done = setup_process_feed(command->words, input, out, &said, &status, error);
    if (done && status != 0)
        done = error_temporary(error, "%s failed (exit code %d)%s%s", command->words[0],
            status, said.length > 0 ? ": " : "",
            ctl_output_text(
                ctl->arena, span_trim(span_first(buffer_span(&said), SHOWN_MAX))));
    buffer_clear(&said);
    return done;
}

/* --- the listing --- */

struct reading {
    struct ctl *ctl;
    struct arena *line; /* for one line of the listing */
    struct hold_queue *queue;
    size_t room;
};

static bool
is_queue_id(struct span id)
{
    for (size_t i = 0; i < id.length; i++) {
        if (!octet_is_letter_or_digit(id.data[i]))
            return false;
    }
    return id.length > 0 && id.length <= QUEUE_ID_MAX;
}

static void
read_recipients(struct arena *arena, const struct ctl_json *list, struct hold_mail *mail)
{
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        mail->to_count++;
    mail->to = arena_take(arena, (mail->to_count + 1) * sizeof(*mail->to));
    mail->to_count = 0;
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        mail->to[mail->to_count++] = arena_span(arena, ctl_json_text(i, "address"));
}

static bool
take_line(struct reading *reading, struct span line, struct error *error)
{
    struct arena *arena = reading->ctl->arena;
    struct hold_queue *queue = reading->queue;
    const struct ctl_json *entry = ctl_json_parse(reading->line, line, error);
    uint64_t arrival = 0;
    struct hold_mail *mail;

    if (entry == NULL ||
        !number_unsigned(
            ctl_json_text(entry, "arrival_time"), INT32_MAX * UINT64_C(100), &arrival) ||
        !is_queue_id(ctl_json_text(entry, "queue_id")))
        return error_temporary(error, "a line of postqueue -j is no listing");
    if (!span_is(ctl_json_text(entry, "queue_name"), "hold"))
        return true;
    if (queue->count == CTL_HOLD_MAX)
        return error_temporary(error,
            "more than %d mails are on hold: too many to be looked at", CTL_HOLD_MAX);
    if (queue->count == reading->room) {
        reading->room = reading->room == 0 ? FIRST_ROOM : 2 * reading->room;
        queue->mails = allocate_grow(queue->mails, reading->room, sizeof(*queue->mails));
    }
    mail = &queue->mails[queue->count++];
    *mail = (struct hold_mail){
        .id = arena_span(arena, ctl_json_text(entry, "queue_id")),
        .arrival_s = (int64_t)arrival,
        .from = arena_span(arena, ctl_json_text(entry, "sender")),
    };
    (void)number_unsigned(ctl_json_text(entry, "message_size"), INT64_MAX, &mail->size);
    read_recipients(arena, ctl_json_get(entry, "recipients"), mail);
    return true;
}

static int
compare(const void *left, const void *right)
{
    const struct hold_mail *a = left;
    const struct hold_mail *b = right;

    if (a->arrival_s != b->arrival_s)
        return a->arrival_s < b->arrival_s ? -1 : 1;
    return span_compare(a->id, b->id);
}

/* A line is parsed only where it may be of the hold queue: millions may be deferred. */
static bool
read_listing(struct reading *reading, struct span listing, struct error *error)
{
    struct hold_queue *queue = reading->queue;
    struct hold_mail *kept;
    struct span line;
    bool done = true;

    while (done && span_split(&listing, '\n', &line)) {
        if (span_find_text(line, SPAN("\"hold\"")) == SPAN_NONE)
            continue;
        done = take_line(reading, line, error);
        arena_reset(reading->line);
    }
    if (queue->count > 0)
        qsort(queue->mails, queue->count, sizeof(*queue->mails), compare);
    kept = arena_take(reading->ctl->arena, (queue->count + 1) * sizeof(*kept));
    if (queue->count > 0)
        memcpy(kept, queue->mails, queue->count * sizeof(*kept));
    free(queue->mails);
    queue->mails = kept;
    return done;
}

/* postqueue lets who is not root see the system's Postfix alone, and perhaps not even
 * that: then the helper is asked. */
static bool
ask_queue(struct ctl *ctl, struct buffer *out, struct error *error)
{
    struct command command;
    struct error helper;

    begin(&command, ctl, "postqueue");
    add(&command, "-j");
    if (run(ctl, &command, SPAN(""), out, error))
        return true;
    if (geteuid() == 0)
        return false;
    buffer_reset(out);
    begin_helper(&command, ctl, "list");
    return run(ctl, &command, SPAN(""), out, &helper);
}

static bool
list(struct ctl *ctl, struct hold_queue *queue, struct error *error)
{
    struct reading reading = {
        .ctl = ctl, .line = arena_new(LINE_ARENA_MAX), .queue = queue};
    struct buffer out;
    bool done;

    *queue = (struct hold_queue){.count = 0};
    buffer_init(&out, LISTING_MAX);
    done = ask_queue(ctl, &out, error);
    if (done && !buffer_ok(&out))
        done = error_temporary(error, "the queue is too long to be looked at");
    done = done && read_listing(&reading, buffer_span(&out), error);
    buffer_clear(&out);
    arena_free(reading.line);
    return done;
}

/* --- who held it --- */

static bool
is_of(const struct hold_mail *mail, const struct held_mail *held)
{
    int64_t arrival = mail->arrival_s * 1000;

    return span_equal_nocase(mail->from, held->from) &&
           arrival <= held->begun_ms + EARLY_MS && held->begun_ms <= arrival + LATE_MS;
}

/* The first of that id, or `count`. */
static size_t
first_of(const struct held_mail *held, size_t count, struct span id)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + ((high - low) / 2);

        if (span_compare(held[middle].queue_id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
judge(struct hold_mail *mail, const struct held_mail *held, size_t count)
{
    for (size_t i = first_of(held, count, mail->id);
         i < count && span_equal(held[i].queue_id, mail->id); i++) {
        mail->is_another = true;
        if (is_of(mail, &held[i]))
            mail->held = &held[i];
    }
    if (mail->held != NULL)
        mail->is_another = false;
}

static void
ask_books(struct ctl *ctl, struct hold_queue *queue)
{
    struct held_mail *held = NULL;
    size_t count = 0;
    struct error error;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, &error);

    if (books == NULL || !books_held(books, ctl->arena, &held, &count, &error))
        queue->books_silent = arena_text(ctl->arena, span_of(error.text));
    books_close(books);
    for (size_t i = 0; i < queue->count && queue->books_silent == NULL; i++) {
        judge(&queue->mails[i], held, count);
        queue->ours += queue->mails[i].held != NULL;
    }
}

bool
ctl_hold_read(struct ctl *ctl, struct hold_queue *queue, struct error *error)
{
    if (!list(ctl, queue, error))
        return false;
    ask_books(ctl, queue);
    return true;
}

const struct hold_mail *
ctl_hold_find(const struct hold_queue *queue, struct span id)
{
    for (size_t i = 0; i < queue->count; i++) {
        if (span_equal(queue->mails[i].id, id))
            return &queue->mails[i];
    }
    return NULL;
}

/* --- one of them --- */

bool
ctl_hold_content(struct ctl *ctl, const struct hold_mail *mail, enum hold_part part,
    struct buffer *out, struct error *error)
{
    const char *id = arena_text(ctl->arena, mail->id);
    struct command command;

    if (geteuid() == 0) {
        begin(&command, ctl, "postcat");
        add(&command, part == HOLD_ALL ? "-bhq" : "-hq");
        add(&command, id);
    } else {
        begin_helper(&command, ctl, part == HOLD_ALL ? "show" : "head");
        add(&command, id);
        add(&command, arena_printf(ctl->arena, "%" PRId64, mail->arrival_s));
    }
    return run(ctl, &command, SPAN(""), out, error);
}

/* As the log has it: plain, and whole. */
static bool
is_plain(struct span id)
{
    if (id.length < 3 || id.length > 200 || span_find(id, '?') != SPAN_NONE)
        return false;
    for (size_t i = 0; i < id.length; i++) {
        if (id.data[i] <= ' ' || id.data[i] > '~')
            return false;
    }
    return true;
}

bool
ctl_hold_is_same(struct ctl *ctl, const struct hold_mail *mail)
{
    struct buffer header;
    struct error error;
    size_t kept = 0;
    bool is_same = true;

    if (mail->held == NULL || !is_plain(mail->held->message_id))
        return true;
    ctl_output_progress("%.*s is looked at ...", (int)mail->id.length, mail->id.data);
    buffer_init(&header, HEADER_MAX);
    if (ctl_hold_content(ctl, mail, HOLD_HEADER, &header, &error) && buffer_ok(&header)) {
        /* It may be folded. */
        for (size_t i = 0; i < header.length; i++) {
            if (!octet_is_white(header.data[i]))
                header.data[kept++] = header.data[i];
        }
        is_same = span_find_text(span_make(header.data, kept), mail->held->message_id) !=
                  SPAN_NONE;
    }
    buffer_clear(&header);
    ctl_output_progress("%s", "");
    return is_same;
}

/* --- acting --- */

static bool
is_there(const struct hold_queue *queue, const struct hold_mail *mail)
{
    const struct hold_mail key = {.id = mail->id, .arrival_s = mail->arrival_s};

    return queue->count > 0 && bsearch(&key, queue->mails, queue->count,
                                   sizeof(*queue->mails), compare) != NULL;
}

/* What is released comes among the deferred: it is asked for now, not at the next queue
 * run.  One that isn't is delivered then. */
static void
deliver(struct ctl *ctl, struct span ids)
{
    struct command command;
    struct error error;
    struct span id;

    while (span_split(&ids, '\n', &id)) {
        if (id.length == 0)
            continue;
        ctl_output_progress("%.*s is delivered ...", (int)id.length, id.data);
        begin(&command, ctl, "postqueue");
        add(&command, "-i");
        add(&command, arena_text(ctl->arena, id));
        if (!run(ctl, &command, SPAN(""), NULL, &error))
            break;
    }
    ctl_output_progress("%s", "");
}

/* To postsuper the ids, to the helper the times as well. */
static bool
tell(struct ctl *ctl, enum hold_act act, struct span lines, struct error *error)
{
    struct command command;

    if (geteuid() == 0) {
        begin(&command, ctl, "postsuper");
        add(&command, act == HOLD_RELEASE ? "-H" : "-d");
        add(&command, "-");
        add(&command, "hold");
    } else {
        begin_helper(&command, ctl, act == HOLD_RELEASE ? "release" : "delete");
    }
    if (!run(ctl, &command, lines, NULL, error))
        return false;
    if (geteuid() == 0 && act == HOLD_RELEASE)
        deliver(ctl, lines);
    return true;
}

bool
ctl_hold_act(struct ctl *ctl, enum hold_act act, const struct hold_mail *const *mails,
    size_t count, bool *done, struct error *error)
{
    struct hold_queue now;
    struct buffer lines;
    bool told;

    if (!list(ctl, &now, error))
        return false;
    buffer_init(&lines, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        done[i] = is_there(&now, mails[i]);
        if (!done[i])
            continue;
        buffer_append(&lines, mails[i]->id);
        if (geteuid() != 0)
            buffer_printf(&lines, " %" PRId64, mails[i]->arrival_s);
        buffer_append_octet(&lines, '\n');
    }
    told = lines.length == 0 || tell(ctl, act, buffer_span(&lines), error);
    buffer_clear(&lines);
    if (!told || !list(ctl, &now, error))
        return false;
    for (size_t i = 0; i < count; i++)
        done[i] = done[i] && !is_there(&now, mails[i]);
    return true;
}
