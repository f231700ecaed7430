#include "policyd/ctl/ctl_init_look.h"

#include <glob.h>
#include <string.h>

#include "policyd/ctl/ctl_client.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_postconf.h"
#include "policyd/ctl/ctl_setup.h"
#include "policyd/setup/setup_domains.h"
#include "policyd/setup/setup_process.h"

#define FOUND "found      "
#define NOT_FOUND "not found  "
#define NOTE "note       "

#define REDIS_USUAL "inet:127.0.0.1:6379"
#define SPAMD_USUAL "inet:127.0.0.1:783"
#define QUEUE_USUAL "/var/spool/postfix"
#define LOG_USUAL "/var/log/mail.log"
#define SIGNATURES "/var/lib/clamav"

enum { VERSION_MAX = 4096, REDIS_WAIT_MS = 1000 };

static const char *
ask_postfix(struct ctl *ctl, const char *name)
{
    const char *fault = NULL;
    const char *value = ctl_postconf(ctl, name, &fault);

    return value != NULL ? value : "";
}

/* The sockets where the file will have them. */
static void
use_queue(struct ctl *ctl, const char *queue)
{
    const struct {
        struct config_sockets *sockets;
        const char *name;
    } rows[] = {
        {&ctl->config->serve->route,  "route" },
        {&ctl->config->serve->policy, "policy"},
        {&ctl->config->auth_listen,   "auth"  },
        {&ctl->config->scan_listen,   "scan"  },
    };
    struct error error;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *place =
            arena_printf(ctl->arena, "unix:%s/postshift/%s.sock", queue, rows[i].name);

        if (socket_address_parse(span_of(place), &rows[i].sockets->items[0], &error))
            rows[i].sockets->count = 1;
    }
}

/* What carries the domain today, and what stands against routing it. */
static void
look_at_domain(struct ctl *ctl, struct init_text *text)
{
    struct route_rules *rules = &ctl->config->serve->route_rules;
    struct setup_site site;
    struct setup_plan plan;
    struct setup_today today;
    struct error error = {ERROR_NONE, ""};
    const char *refusal = NULL;

    rules->domains = &text->domain;
    rules->domain_count = 1;
    if (!ctl_setup_gather(ctl, &site, &plan, &refusal, &error) ||
        !setup_domains_today(text->domain, &site, &today, &error)) {
        ctl_output_say(
            NOTE "what carries %s today can't be told: %s", text->domain, error.text);
        return;
    }
    if (refusal == NULL)
        refusal = site.facts.refusal;
    text->carried = arena_printf(ctl->arena, "%s%s%s%s%s%s", today.service,
        today.nexthop[0] == '\0' ? "" : ":", today.nexthop,
        today.list[0] == '\0' ? "" : " (", today.list, today.list[0] == '\0' ? "" : ")");
    if (today.list[0] == '\0')
        ctl_output_say(NOT_FOUND
            "%s in the lists of main.cf: %s carries it today, as any "
            "domain; relay_domains is where it belongs",
            text->domain, text->carried);
    else
        ctl_output_say(FOUND "%s, which %s carries today", text->domain, text->carried);
    if (refusal != NULL)
        ctl_output_say(NOTE "postfix-setup would refuse: %s", refusal);
}

static void
look_at_postfix(struct ctl *ctl, struct init_text *text)
{
    const char *fault = NULL;
    const char *version = ctl_postconf(ctl, "mail_version", &fault);
    const char *directory =
        setup_site_directory(ctl->arguments.values[CTL_DIRECTORY], NULL);
    const char *queue;
    const char *log;

    if (version == NULL) {
        ctl_output_say(NOT_FOUND "Postfix: %s", fault);
        return;
    }
    ctl_output_say(FOUND "Postfix %s, %s", version, ask_postfix(ctl, "config_directory"));
    text->postfix = directory;
    queue = ask_postfix(ctl, "queue_directory");
    if (queue[0] == '/' && strcmp(queue, QUEUE_USUAL) != 0)
        text->queue = queue;
    if (text->queue != NULL)
        use_queue(ctl, queue);
    text->delimiter = ask_postfix(ctl, "recipient_delimiter");
    if (strcmp(text->delimiter, "+") == 0)
        text->delimiter = NULL;
    log = ask_postfix(ctl, "maillog_file");
    if (log[0] == '/' && strcmp(log, LOG_USUAL) != 0 &&
        !span_starts(span_of(log), SPAN("/dev/")))
        text->log = log;
    look_at_domain(ctl, text);
}

static bool
is_redis(struct ctl *ctl, const char *address, bool *locked)
{
    struct redis_options options = ctl->config->serve->redis.options;
    struct error error = {ERROR_NONE, ""};
    struct redis_sync *redis;

    if (!socket_address_parse(span_of(address), &options.address, &error))
        return false;
    options.timeout_ms = REDIS_WAIT_MS;
    options.quiet = true;
    redis = redis_sync_open(&options, &error);
    *locked = redis == NULL &&
              (span_find_text(span_of(error.text), SPAN("NOAUTH")) != SPAN_NONE ||
                  span_find_text(span_of(error.text), SPAN("password")) != SPAN_NONE);
    redis_sync_close(redis);
    return redis != NULL || *locked;
}

static void
tell_redis(const char *address, bool locked)
{
    ctl_output_say(FOUND "Redis at %s%s", address,
        locked ? ", which wants a password ([redis] password_file)" : "");
}

static void
look_at_redis(struct ctl *ctl, struct init_text *text)
{
    glob_t sockets = {0};

    if (is_redis(ctl, REDIS_USUAL, &text->redis_locked)) {
        tell_redis(REDIS_USUAL, text->redis_locked);
        return;
    }
    if (glob("/run/redis/*.sock", 0, NULL, &sockets) == 0) {
        for (size_t i = 0; i < sockets.gl_pathc && text->redis == NULL; i++) {
            const char *address =
                arena_printf(ctl->arena, "unix:%s", sockets.gl_pathv[i]);

            if (is_redis(ctl, address, &text->redis_locked))
                text->redis = address;
        }
    }
    globfree(&sockets);
    if (text->redis != NULL)
        tell_redis(text->redis, text->redis_locked);
    else
        ctl_output_say(
            NOT_FOUND "Redis at " REDIS_USUAL " or in /run/redis: start one, or "
                      "say in [redis] address where it is");
}

static void
look_at_dovecot(struct ctl *ctl)
{
    static const char *const words[] = {"dovecot", "--version", NULL};
    struct buffer out;
    struct error error;
    int status = 1;

    buffer_init(&out, VERSION_MAX);
    if (setup_process_run(words, &out, NULL, &status, &error) && status == 0)
        ctl_output_say(FOUND "Dovecot %s: postshift-policyd(8) says how logins follow",
            ctl_output_text(ctl->arena,
                span_first(buffer_span(&out), span_find(buffer_span(&out), ' '))));
    else
        ctl_output_say(NOT_FOUND "Dovecot: logins are not led to old or new from here");
    buffer_clear(&out);
}

static void
look_at_signatures(void)
{
    glob_t files = {0};

    if (glob(SIGNATURES "/*.c[vl]d", 0, NULL, &files) == 0)
        ctl_output_say(FOUND "ClamAV's signatures in " SIGNATURES);
    else
        ctl_output_say(
            NOT_FOUND "ClamAV's signatures in " SIGNATURES
                      " (freshclam brings them): postshift-scan waits for them");
    globfree(&files);
}

static void
look_at_spamd(struct init_text *text)
{
    struct socket_address address;
    struct error error;

    if (socket_address_parse(SPAN(SPAMD_USUAL), &address, &error) &&
        ctl_client_spamd(&address, &error)) {
        text->spamd = SPAMD_USUAL;
        ctl_output_say(FOUND "spamd at " SPAMD_USUAL);
    } else {
        ctl_output_say(
            NOT_FOUND "spamd at " SPAMD_USUAL ": mail is scanned for viruses alone");
    }
}

void
ctl_init_look(struct ctl *ctl, struct init_text *text)
{
    look_at_postfix(ctl, text);
    look_at_redis(ctl, text);
    look_at_dovecot(ctl);
    look_at_signatures();
    look_at_spamd(text);
}
