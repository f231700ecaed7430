#include "policyd/ctl/ctl_compare_read.h"

#include <stdlib.h>
#include <string.h>

#include "policyd/compare/mail_digest.h"
#include "policyd/ctl/ctl_output.h"
#include "shared/base/allocate.h"

enum { FIRST_ROOM = 256, TELL_EVERY = 200, COMMAND_MAX = 16 << 10 };

/* --- folders --- */

static bool
take_folder(void *argument, struct span line, struct error *error)
{
    struct compare_side *side = argument;
    struct imap_list list;

    if (!imap_answer_list(line, &list))
        return true;
    if (side->folder_count == COMPARE_FOLDERS_MAX)
        return error_permanent(error, "more than %d folders", (int)COMPARE_FOLDERS_MAX);
    if (side->folder_count % FIRST_ROOM == 0)
        side->folders = allocate_grow(
            side->folders, side->folder_count + FIRST_ROOM, sizeof(*side->folders));
    side->folders[side->folder_count++] = list;
    return true;
}

bool
compare_side_list(struct compare_side *side, struct error *error)
{
    const struct imap_sink sink = {NULL, take_folder, side};

    return ctl_imap_ask(side->imap, "LIST \"\" \"*\"", &sink, error);
}

/* --- mails --- */

struct reading {
    struct compare_side *side;
    const char *folder;
    struct mail_digest mail;
    bool has_begun;
    uint32_t exists;
    size_t room;
    compare_side_named *named; /* NULL: mails are wanted */
    void *argument;
};

static void
begin_mail(struct reading *reading)
{
    if (!reading->has_begun)
        mail_digest_begin(&reading->mail);
    reading->has_begun = true;
}

static bool
take_part(void *argument, struct span part, struct error *error)
{
    struct reading *reading = argument;

    (void)error;
    begin_mail(reading);
    mail_digest_add(&reading->mail, part);
    return true;
}

static void
take_quoted(struct reading *reading, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\\' && i + 1 < text.length)
            i++;
        mail_digest_add(&reading->mail, span_make(text.data + i, 1));
    }
}

static bool
keep(struct reading *reading, const struct imap_fetch *fetch,
    const uint8_t digest[DIGEST_SHA256_SIZE], struct error *error)
{
    struct compare_side *side = reading->side;
    struct span id = span_of(reading->mail.message_id);
    struct compare_mail *mail;

    if (side->count == COMPARE_MAILS_MAX)
        return error_permanent(error, "more than %d mails", (int)COMPARE_MAILS_MAX);
    if (side->count == reading->room) {
        reading->room = reading->room == 0 ? FIRST_ROOM : 2 * reading->room;
        side->mails = allocate_grow(side->mails, reading->room, sizeof(*side->mails));
    }
    mail = &side->mails[side->count++];
    *mail = (struct compare_mail){
        .id = id.length == 0 ? 0 : hash_of(id, side->key),
        .uid = fetch->uid,
        .flags = (uint16_t)fetch->flags,
        .keywords = fetch->keywords,
    };
    memcpy(mail->digest, digest, COMPARE_DIGEST);
    if (side->count % TELL_EVERY == 0)
        ctl_output_progress("%s on %s: %zu of %u", reading->folder, side->name,
            side->count, (unsigned)reading->exists);
    return true;
}

static bool
take_line(void *argument, struct span line, struct error *error)
{
    struct reading *reading = argument;
    uint8_t digest[DIGEST_SHA256_SIZE];
    struct imap_fetch fetch;

    if (imap_answer_exists(line, &reading->exists))
        return true;
    if (!imap_answer_fetch(line, &fetch))
        return !reading->has_begun ||
               error_permanent(error, "an answer to FETCH that can't be read");
    /* What others do meanwhile is told without a mail. */
    if (!fetch.has_mail)
        return true;
    begin_mail(reading);
    take_quoted(reading, fetch.quoted);
    mail_digest_end(&reading->mail, digest);
    reading->has_begun = false;
    if (fetch.uid == 0)
        return error_permanent(error, "a mail without UID");
    if (reading->named == NULL)
        return keep(reading, &fetch, digest, error);
    reading->named(reading->argument, fetch.uid, reading->mail.message_id);
    return true;
}

static bool
ask(struct reading *reading, const char *command, struct error *error)
{
    const struct imap_sink sink = {take_part, take_line, reading};
    uint8_t digest[DIGEST_SHA256_SIZE];
    bool done = ctl_imap_ask(reading->side->imap, command, &sink, error);

    if (reading->has_begun)
        mail_digest_end(&reading->mail, digest);
    reading->has_begun = false;
    return done;
}

bool
compare_side_read(struct compare_side *side, const char *folder, struct error *error)
{
    struct reading *reading = allocate(sizeof(*reading));
    struct buffer command;
    bool done;

    reading->side = side;
    reading->folder = folder;
    side->count = 0;
    free(side->mails);
    side->mails = NULL;
    buffer_init(&command, COMMAND_MAX);
    buffer_append_text(&command, "EXAMINE ");
    imap_answer_quote(&command, span_of(folder));
    done = ask(reading, buffer_text(&command), error) &&
           (reading->exists == 0 ||
               ask(reading, "FETCH 1:* (UID FLAGS BODY.PEEK[])", error));
    buffer_clear(&command);
    free(reading);
    return done;
}

bool
compare_side_names(struct compare_side *side, const uint32_t *uids, size_t count,
    compare_side_named *named, void *argument, struct error *error)
{
    struct reading *reading = allocate(sizeof(*reading));
    struct buffer command;
    bool done;

    *reading = (struct reading){
        .side = side, .folder = "", .named = named, .argument = argument};
    buffer_init(&command, COMMAND_MAX);
    buffer_append_text(&command, "UID FETCH ");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&command, "%s%u", i > 0 ? "," : "", (unsigned)uids[i]);
    buffer_append_text(&command, " (UID BODY.PEEK[HEADER])");
    done = count == 0 || ask(reading, buffer_text(&command), error);
    buffer_clear(&command);
    free(reading);
    return done;
}

void
compare_side_clear(struct compare_side *side)
{
    ctl_imap_close(side->imap);
    free(side->folders);
    free(side->mails);
    side->imap = NULL;
    side->folders = NULL;
    side->mails = NULL;
}
