#include "policyd/rehearse/rehearse_asker.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "policyd/smtp/smtp_talk.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { EACH_MS = 200, CONNECTIONS = 2, TIMEOUT_MS = 30000, STEP_MS = 10000 };

struct dialog {
    struct rehearse_asker *asker;
    struct smtp_talk *talk; /* NULL: it is free */
    struct rehearsal_question question;
    void *owner;
    bool is_answered;
    enum maillog_phase phase;
    unsigned code;
    char text[SMTP_REPLY_WRITTEN_MAX + 1];
};

struct rehearse_asker {
    struct event_base *base;
    struct rehearse_asker_options options;
    char *hello;
    struct dialog dialogs[CONNECTIONS];
    struct event *turn;
};

static void
tell(struct dialog *dialog, enum rehearsal_heard heard, const char *text)
{
    const struct rehearse_asker_options *options = &dialog->asker->options;
    const struct rehearsal_reply reply = {heard, dialog->phase, dialog->code, text};

    options->answered(options->argument, dialog->owner, &dialog->question, &reply);
}

/* A refused sender is the answer; else the recipient's is. */
static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct dialog *dialog = argument;

    (void)envelope;
    (void)recipient;
    if (reply->code == 421 || (phase == SMTP_MAIL && reply->code / 100 == 2))
        return;
    dialog->is_answered = true;
    dialog->phase = phase == SMTP_MAIL ? PHASE_MAIL : PHASE_RCPT;
    dialog->code = reply->code;
    smtp_reply_write(reply, dialog->text);
}

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct dialog *dialog = argument;
    char said[SMTP_REPLY_WRITTEN_MAX + 1];

    smtp_talk_free(dialog->talk);
    dialog->talk = NULL;
    if (dialog->is_answered) {
        tell(dialog, REHEARSAL_HEARD_REPLY, dialog->text);
    } else if (result->trouble == SMTP_TROUBLE_ADDRESS) {
        tell(dialog, REHEARSAL_HEARD_UNSAID, result->why);
    } else if (result->trouble == SMTP_TROUBLE_REFUSED) {
        smtp_reply_write(&result->reply, said);
        tell(dialog, REHEARSAL_HEARD_NOTHING, said);
    } else {
        tell(dialog, REHEARSAL_HEARD_NOTHING,
            result->why[0] == '\0' ? "no answer" : result->why);
    }
}

static void
begin(struct dialog *dialog, const struct rehearse_task *task)
{
    static const struct smtp_talk_events events = {answered, ended};
    const char *const recipients[] = {task->recipient};
    const struct smtp_envelope envelope = {
        task->question.sender, recipients, 1, task->question.size};
    const struct smtp_talk_options options = {
        .route = task->route,
        .hello = dialog->asker->hello,
        .tls = dialog->asker->options.tls,
        .timeout_ms = TIMEOUT_MS,
        .step_timeout_ms = STEP_MS,
        .envelopes = &envelope,
        .envelope_count = 1,
        .resets = true,
    };
    struct error error = {.text = ""};

    dialog->question = task->question;
    dialog->owner = task->owner;
    dialog->is_answered = false;
    dialog->phase = PHASE_RCPT;
    dialog->code = 0;
    dialog->talk =
        smtp_talk_start(dialog->asker->base, &options, &events, dialog, &error);
    /* An address that can't be said, or no route. */
    if (dialog->talk == NULL)
        tell(dialog, REHEARSAL_HEARD_UNSAID, error.text);
}

/* A fifth of a second after the one before it, so never a sixth within a second. */
static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    struct rehearse_asker *asker = argument;
    const struct timeval wait = clock_timeval(EACH_MS);
    struct rehearse_task task = {.owner = NULL};

    (void)fd;
    (void)what;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (asker->dialogs[i].talk != NULL)
            continue;
        if (asker->options.next(asker->options.argument, &task))
            begin(&asker->dialogs[i], &task);
        break;
    }
    (void)event_add(asker->turn, &wait);
}

struct rehearse_asker *
rehearse_asker_new(struct event_base *base, const struct rehearse_asker_options *options)
{
    struct rehearse_asker *asker = allocate(sizeof(*asker));
    const struct timeval wait = clock_timeval(EACH_MS);

    asker->base = base;
    asker->options = *options;
    asker->hello = allocate_text(span_of(options->hello));
    for (size_t i = 0; i < CONNECTIONS; i++)
        asker->dialogs[i].asker = asker;
    asker->turn = allocated(evtimer_new(base, on_turn, asker));
    (void)event_add(asker->turn, &wait);
    return asker;
}

void
rehearse_asker_free(struct rehearse_asker *asker)
{
    if (asker == NULL)
        return;
    for (size_t i = 0; i < CONNECTIONS; i++)
        smtp_talk_free(asker->dialogs[i].talk);
    event_free(asker->turn);
    free(asker->hello);
    free(asker);
}
