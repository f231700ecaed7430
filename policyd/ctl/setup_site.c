#include "policyd/ctl/setup_site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_file.h"
#include "policyd/ctl/ctl_process.h"
#include "policyd/ctl/postfix_text.h"
#include "shared/base/number.h"

enum { OUTPUT_MAX = 4 << 20 };

/* What we need of Postfix: in-line tables in regexp, socketmap; both built in on Debian.
 */
static const struct {
    const char *name;
    const char *why;
} table_types[] = {
    {"regexp",    "the marks and stamps are made by it"},
    {"socketmap", "policyd is asked by it"             },
    {"static",    "the mark is set by it"              },
};

/* The milters of the suite, in the order in which they are to be asked. */
static const struct {
    const char *name;
    size_t offset; /* of its socket in struct setup_sockets */
    const char *settings;
} milters[] = {
    {"postshift-auth", offsetof(struct setup_sockets, auth),
     "default_action=accept, connect_timeout=3s"                        },
    {"postshift-scan", offsetof(struct setup_sockets, scan),
     "default_action=tempfail, connect_timeout=3s, content_timeout=120s"},
};

/* Runs `postconf [-c DIR] FLAG [NAME]`; what it prints, without the last line end. */
static bool
ask_postconf(const struct setup_site *site, const char *flag, const char *name,
    struct span *answer, struct error *error)
{
    struct setup_step step = {flag, name};
    const char *words[SETUP_WORDS_MAX];
    struct buffer out;
    struct buffer said;
    int status;
    bool done;

    buffer_init(&out, OUTPUT_MAX);
    buffer_init(&said, OUTPUT_MAX);
    setup_site_words(site, &step, words);
    done = ctl_process_run(words, &out, &said, &status, error);
    if (done && (status != 0 || !buffer_ok(&out)))
        done = error_permanent(error, "postconf %s %s failed: %s", flag,
            name != NULL ? name : "", buffer_text(&said));
    if (done)
        *answer = span_trim(arena_span(site->arena, buffer_span(&out)));
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

static bool
ask_text(const struct setup_site *site, const char *flag, const char *name,
    const char **answer, struct error *error)
{
    struct span span;

    if (!ask_postconf(site, flag, name, &span, error))
        return false;
    *answer = arena_text(site->arena, span);
    return true;
}

void
setup_site_words(const struct setup_site *site, const struct setup_step *step,
    const char *words[SETUP_WORDS_MAX])
{
    size_t count = 0;

    words[count++] = step->flag != NULL ? "postconf" : "postfix";
    if (site->given != NULL) {
        words[count++] = "-c";
        words[count++] = site->given;
    }
    words[count++] = step->flag != NULL ? step->flag : "reload";
    if (step->argument != NULL)
        words[count++] = step->argument;
    words[count] = NULL;
}

/* As main.cf should have it: relative to the queue directory, which is right with and
 * without chroot. */
static const char *
postfix_form(const struct setup_site *site, const struct socket_address *address)
{
    struct span queue = span_of(site->queue);
    struct span path = span_of(address->path);
    char text[300];

    if (address->kind == SOCKET_NONE)
        return "";
    if (address->kind == SOCKET_UNIX && span_starts(path, queue) &&
        path.length > queue.length && path.data[queue.length] == '/')
        return arena_printf(site->arena, "unix:%s", path.data + queue.length + 1);
    socket_address_write(address, text);
    return arena_text(site->arena, span_of(text));
}

/* The one to be asked: a unix socket if there is one. */
static const struct socket_address *
pick_socket(const struct config_sockets *sockets)
{
    static const struct socket_address none = {.kind = SOCKET_NONE};

    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i].kind == SOCKET_UNIX)
            return &sockets->items[i];
    }
    return sockets->count > 0 ? &sockets->items[0] : &none;
}

static bool
is_socket(const struct socket_address *address)
{
    struct stat status;

    return address->kind == SOCKET_UNIX && stat(address->path, &status) == 0 &&
           S_ISSOCK(status.st_mode);
}

static void
read_sockets(struct setup_site *site, const struct setup_sockets *sockets)
{
    struct setup_facts *facts = &site->facts;

    facts->route = postfix_form(site, pick_socket(sockets->route));
    facts->policy = postfix_form(site, pick_socket(sockets->policy));
    facts->by_filter = sockets->by_filter;
    for (size_t i = 0; i < ARRAY_LENGTH(milters); i++) {
        const struct config_sockets *listens;
        const struct socket_address *address;

        memcpy(&listens, (const char *)sockets + milters[i].offset, sizeof(listens));
        address = pick_socket(listens);
        facts->milters[facts->milter_count++] = (struct setup_milter){
            .name = milters[i].name,
            .settings = milters[i].settings,
            .address = postfix_form(site, address),
            .present = is_socket(address),
        };
    }
}

static bool
has_word(struct span text, const char *word)
{
    struct span line;

    while (span_split(&text, '\n', &line)) {
        if (span_is(span_trim(line), word))
            return true;
    }
    return false;
}

static bool
check_postfix(const struct setup_site *site, struct error *error)
{
    const char *version;
    struct span types;
    unsigned major = 0;
    unsigned minor = 0;

    if (!ask_text(site, "-h", "mail_version", &version, error))
        return false;
    if (sscanf(version, "%3u.%3u", &major, &minor) != 2 || major < 3 ||
        (major == 3 && minor < 7))
        return error_permanent(
            error, "this is Postfix %s, 3.7 or newer is needed", version);
    if (!ask_postconf(site, "-m", NULL, &types, error))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(table_types); i++) {
        if (!has_word(types, table_types[i].name))
            return error_permanent(error, "this Postfix has no %s tables: %s",
                table_types[i].name, table_types[i].why);
    }
    return true;
}

static bool
read_lifetime(struct setup_site *site, struct error *error)
{
    const char *text;

    if (!ask_text(site, "-xh", "maximal_queue_lifetime", &text, error))
        return false;
    if (!postfix_text_time(span_of(text), 'd', &site->facts.queue_lifetime))
        return error_permanent(error, "maximal_queue_lifetime is no time: %s", text);
    return true;
}

static bool
read_main_cf(struct setup_site *site, struct error *error)
{
    struct buffer text;
    bool done;

    buffer_init(&text, OUTPUT_MAX);
    done = ctl_file_read(
        arena_printf(site->arena, "%s/main.cf", site->directory), &text, error);
    if (done)
        site->facts.main_cf = arena_span(site->arena, buffer_span(&text));
    buffer_clear(&text);
    return done;
}

static bool
make_anchor(struct setup_site *site, struct error *error)
{
    uint64_t number;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return error_temporary(error, "getrandom: %s", strerror(errno));
    site->facts.anchor = arena_printf(site->arena, "%016llx", (unsigned long long)number);
    return true;
}

bool
setup_site_read(struct setup_site *site, const char *directory,
    const struct setup_sockets *sockets, struct arena *arena, struct error *error)
{
    *site = (struct setup_site){.given = directory, .arena = arena};
    if (directory != NULL && directory[0] != '/')
        return error_permanent(error,
            "%s: Postfix takes an absolute path for its directory only", directory);
    if (!ask_text(site, "-h", "config_directory", &site->directory, error) ||
        !ask_text(site, "-xh", "queue_directory", &site->queue, error) ||
        !check_postfix(site, error) || !read_main_cf(site, error) ||
        !ask_postconf(site, "-M", NULL, &site->facts.services, error) ||
        !read_lifetime(site, error) || !make_anchor(site, error))
        return false;
    read_sockets(site, sockets);
    if (site->facts.route[0] == '\0' && !site->facts.by_filter)
        return error_permanent(
            error, "[policyd] route is none: there is nothing to wire Postfix to");
    return true;
}

static bool
is_running(const struct setup_site *site)
{
    const char *words[] = {"postfix", "-c", site->directory, "status", NULL};
    struct error error;
    int status;

    return ctl_process_run(words, NULL, NULL, &status, &error) && status == 0;
}

bool
setup_site_run(const struct setup_site *site, const struct setup_step *step,
    bool *skipped, struct error *error)
{
    const char *words[SETUP_WORDS_MAX];
    struct buffer said;
    int status;
    bool done;

    *skipped = step->flag == NULL && !is_running(site);
    if (*skipped)
        return true;
    setup_site_words(site, step, words);
    buffer_init(&said, OUTPUT_MAX);
    done = ctl_process_run(words, NULL, &said, &status, error);
    if (done && status != 0)
        done = error_permanent(error, "%s %s failed: %s", words[0],
            step->flag != NULL ? step->argument : "reload", buffer_text(&said));
    buffer_clear(&said);
    return done;
}

static const char *
path_of(const struct setup_site *site, const char *name, const char *suffix)
{
    return arena_printf(site->arena, "%s/%s%s", site->directory, name, suffix);
}

bool
setup_site_save(const struct setup_site *site, const char **suffix, struct error *error)
{
    char when[21];

    number_rfc3339_write((int64_t)time(NULL), when);
    *suffix = arena_printf(site->arena, ".postshift-%s", when);
    return ctl_file_copy(
               path_of(site, "main.cf", ""), path_of(site, "main.cf", *suffix), error) &&
           ctl_file_copy(path_of(site, "master.cf", ""),
               path_of(site, "master.cf", *suffix), error);
}

bool
setup_site_restore(const struct setup_site *site, const char *suffix, struct error *error)
{
    return ctl_file_copy(
               path_of(site, "main.cf", suffix), path_of(site, "main.cf", ""), error) &&
           ctl_file_copy(
               path_of(site, "master.cf", suffix), path_of(site, "master.cf", ""), error);
}
