/*
 * ask_backend - one dialog with a mail server, for a system test: what came of it as
 * JSON.
 *
 *     ask_backend ROUTE TIMEOUT_MS [SENDER RECIPIENT...]
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/smtp/smtp_talk.h"
#include "shared/base/json.h"

enum { OUT_MAX = 1 << 20 };

struct asking {
    struct event_base *base;
    struct smtp_talk *talk;
    struct json json;
};

static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct asking *asking = argument;
    char text[SMTP_REPLY_WRITTEN_MAX + 1];

    (void)phase;
    (void)envelope;
    (void)recipient;
    smtp_reply_write(reply, text);
    json_text(&asking->json, NULL, text);
}

static void
write_tls(struct json *json, const struct smtp_tls_facts *tls)
{
    json_object_begin(json, "tls");
    json_bool(json, "offered", tls->is_offered);
    json_bool(json, "in_use", tls->is_in_use);
    json_bool(json, "verified", tls->is_verified);
    json_text(json, "why", tls->why);
    json_text(json, "fingerprint", tls->fingerprint);
    json_text(json, "version", tls->version);
    json_integer(json, "not_after", tls->not_after);
    json_object_end(json);
}

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct asking *asking = argument;
    struct json *json = &asking->json;

    json_array_end(json);
    json_integer(json, "trouble", result->trouble);
    json_text(json, "phase", smtp_phase_name(result->phase));
    json_text(json, "why", result->why);
    json_text(json, "host", result->host);
    json_integer(json, "size", (int64_t)result->extensions.size_max);
    json_integer(json, "total_us", result->total_us);
    write_tls(json, &result->tls);
    json_object_begin(json, "duration_us");
    for (int i = 0; i < SMTP_PHASES; i++) {
        if (result->duration_us[i] >= 0)
            json_integer(
                json, smtp_phase_name((enum smtp_phase)i), result->duration_us[i]);
    }
    json_object_end(json);
    smtp_talk_free(asking->talk);
    (void)event_base_loopexit(asking->base, NULL);
}

int
main(int argc, char **argv)
{
    static const struct smtp_talk_events events = {answered, ended};
    struct error error = {.text = ""};
    struct asking asking = {.base = event_base_new()};
    struct smtp_envelope envelope = {.sender = argc > 3 ? argv[3] : ""};
    struct smtp_talk_options options = {.hello = "gw.example", .envelopes = &envelope};
    struct buffer out;

    if (argc < 3)
        return EXIT_FAILURE;
    (void)signal(SIGPIPE, SIG_IGN);
    buffer_init(&out, OUT_MAX);
    envelope.recipients = (const char *const *)argv + 4;
    envelope.recipient_count = argc > 4 ? (size_t)argc - 4 : 0;
    options.route = argv[1];
    options.timeout_ms = (unsigned)atoi(argv[2]);
    options.step_timeout_ms = options.timeout_ms;
    options.envelope_count = argc > 4;
    options.tls = smtp_tls_new(&error);
    asking.json = json_on(&out);
    json_object_begin(&asking.json, NULL);
    json_array_begin(&asking.json, "answers");
    asking.talk = smtp_talk_start(asking.base, &options, &events, &asking, &error);
    if (asking.talk == NULL) {
        (void)fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    (void)event_base_dispatch(asking.base);
    json_object_end(&asking.json);
    (void)puts(buffer_text(&out));
    smtp_tls_free(options.tls);
    event_base_free(asking.base);
    buffer_clear(&out);
    return EXIT_SUCCESS;
}
