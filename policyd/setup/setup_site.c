#include "policyd/setup/setup_site.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_process.h"
#include "policyd/wiring/postfix_text.h"
#include "shared/base/number.h"

enum { OUTPUT_MAX = 4 << 20 };

/* What we need of Postfix: in-line tables in regexp, socketmap; both built in on Debian.
 */
static const struct {
    const char *name;
    const char *why;
} table_types[] = {
    {"regexp",    "the stamps are made by it"},
    {"socketmap", "policyd is asked by it"   },
};

static const struct {
    const char *name;
    const char *settings;
} milters[SETUP_MILTERS] = {
    [SETUP_MILTER_AUTH] = {"postshift-auth",
                           "default_action=tempfail, connect_timeout=3s"                      },
    [SETUP_MILTER_SCAN] = {"postshift-scan",
                           "default_action=tempfail, connect_timeout=3s, content_timeout=120s"},
};

/* Runs postconf for some names; what it prints, without the last line end. */
static bool
ask_postconf(const struct setup_site *site, const struct setup_step *steps, size_t count,
    struct span *answer, struct error *error)
{
    const char *words[SETUP_WORDS_MAX];
    struct buffer out;
    struct buffer said;
    int status;
    bool done;

    buffer_init(&out, OUTPUT_MAX);
    buffer_init(&said, OUTPUT_MAX);
    setup_site_words(site, steps, count, words);
    done = setup_process_run(words, &out, &said, &status, error);
    if (done && (status != 0 || !buffer_ok(&out)))
        done = error_permanent(
            error, "postconf %s failed: %s", steps->flag, buffer_text(&said));
    if (done)
        *answer = span_trim(arena_span(site->arena, buffer_span(&out)));
    buffer_clear(&out);
    buffer_clear(&said);
    return done;
}

void
setup_site_words(const struct setup_site *site, const struct setup_step *steps,
    size_t count, const char *words[SETUP_WORDS_MAX])
{
    size_t used = 0;

    words[used++] = steps->flag != NULL ? "postconf" : "postfix";
    if (site->given != NULL) {
        words[used++] = "-c";
        words[used++] = site->given;
    }
    words[used++] = steps->flag != NULL ? steps->flag : "reload";
    for (size_t i = 0; i < count && steps[i].argument != NULL; i++)
        words[used++] = steps[i].argument;
    words[used] = NULL;
}

size_t
setup_site_bunch(const struct setup_step *steps, size_t count)
{
    size_t same = 1;

    while (same < count && steps->flag != NULL && steps[same].flag != NULL &&
           strcmp(steps[same].flag, steps->flag) == 0)
        same++;
    return same;
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
        const struct socket_address *address = pick_socket(sockets->milters[i]);

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

/* "3.7.11", "3.8-20220527" */
static bool
check_version(const char *version, struct error *error)
{
    struct span rest = span_of(version);
    struct span part;
    uint64_t major = 0;
    uint64_t minor = 0;

    if (span_split(&rest, '.', &part) && number_unsigned(part, 99, &major) &&
        span_split(&rest, '.', &part) &&
        number_unsigned(span_first(part, span_find(part, '-')), 99, &minor) &&
        (major > 3 || (major == 3 && minor >= 7)))
        return true;
    return error_permanent(error, "this is Postfix %s, 3.7 or newer is needed", version);
}

static bool
check_tables(const struct setup_site *site, struct error *error)
{
    const struct setup_step ask = {"-m", NULL};
    struct span types;

    if (!ask_postconf(site, &ask, 1, &types, error))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(table_types); i++) {
        if (!has_word(types, table_types[i].name))
            return error_permanent(error, "this Postfix has no %s tables: %s",
                table_types[i].name, table_types[i].why);
    }
    return true;
}

/* One question, since each may have to wait. */
static bool
ask_parameters(struct setup_site *site, struct error *error)
{
    static const char *const names[] = {"config_directory", "queue_directory",
        "mail_version", "maximal_queue_lifetime", "bounce_queue_lifetime"};
    const char *values[ARRAY_LENGTH(names)];
    const struct setup_step steps[] = {
        {"-xh", names[0]},
        {"-xh", names[1]},
        {"-xh", names[2]},
        {"-xh", names[3]},
        {"-xh", names[4]},
    };
    struct span answer;
    struct span line;

    if (!ask_postconf(site, steps, ARRAY_LENGTH(steps), &answer, error))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (!span_split(&answer, '\n', &line))
            return error_permanent(error, "postconf does not know %s", names[i]);
        values[i] = arena_text(site->arena, span_trim(line));
    }
    site->directory = values[0];
    site->queue = values[1];
    if (!postfix_text_time(span_of(values[3]), 'd', &site->facts.queue_lifetime))
        return error_permanent(error, "maximal_queue_lifetime is no time: %s", values[3]);
    if (!postfix_text_time(span_of(values[4]), 'd', &site->facts.bounce_lifetime))
        return error_permanent(error, "bounce_queue_lifetime is no time: %s", values[4]);
    return check_version(values[2], error);
}

static bool
read_file(
    struct setup_site *site, const char *name, struct span *text, struct error *error)
{
    struct buffer buffer;
    bool done;

    buffer_init(&buffer, OUTPUT_MAX);
    done = setup_file_read(
        arena_printf(site->arena, "%s/%s", site->directory, name), &buffer, error);
    if (done)
        *text = arena_span(site->arena, buffer_span(&buffer));
    buffer_clear(&buffer);
    return done;
}

bool
setup_site_read_again(struct setup_site *site, struct error *error)
{
    struct buffer joined;
    struct span master_cf;

    if (!read_file(site, "main.cf", &site->facts.main_cf, error) ||
        !read_file(site, "master.cf", &master_cf, error))
        return false;
    buffer_init(&joined, (size_t)2 * OUTPUT_MAX);
    postfix_text_join(&joined, master_cf);
    site->facts.services = arena_span(site->arena, buffer_span(&joined));
    buffer_clear(&joined);
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
    if (!ask_parameters(site, error) || !check_tables(site, error) ||
        !setup_site_read_again(site, error))
        return false;
    read_sockets(site, sockets);
    if (site->facts.route[0] == '\0' && !site->facts.by_filter)
        return error_permanent(
            error, "[policyd] route is none: there is nothing to wire Postfix to");
    return true;
}

/* The master keeps its pid file locked.  `postfix status` would tell too, but waits until
 * main.cf has not been changed for a while. */
static bool
is_running(const struct setup_site *site)
{
    int fd = open(arena_printf(site->arena, "%s/pid/master.pid", site->queue),
        O_RDONLY | O_CLOEXEC);
    bool locked;

    if (fd < 0)
        return false;
    locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd);
    return locked;
}

bool
setup_site_run(const struct setup_site *site, const struct setup_step *steps,
    size_t count, bool *skipped, struct error *error)
{
    const char *words[SETUP_WORDS_MAX];
    struct buffer said;
    int status;
    bool done;

    *skipped = steps->flag == NULL && !is_running(site);
    if (*skipped)
        return true;
    setup_site_words(site, steps, count, words);
    buffer_init(&said, OUTPUT_MAX);
    done = setup_process_run(words, NULL, &said, &status, error);
    if (done && status != 0)
        done = error_permanent(error, "%s %s failed: %s", words[0],
            steps->flag != NULL ? steps->flag : "reload", buffer_text(&said));
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
    return setup_file_copy(
               path_of(site, "main.cf", ""), path_of(site, "main.cf", *suffix), error) &&
           setup_file_copy(path_of(site, "master.cf", ""),
               path_of(site, "master.cf", *suffix), error);
}

bool
setup_site_restore(const struct setup_site *site, const char *suffix, struct error *error)
{
    return setup_file_copy(
               path_of(site, "main.cf", suffix), path_of(site, "main.cf", ""), error) &&
           setup_file_copy(
               path_of(site, "master.cf", suffix), path_of(site, "master.cf", ""), error);
}
