#include "policyd/setup/setup_site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_process.h"
#include "policyd/setup/setup_sockets.h"
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
        "mail_version", "maximal_queue_lifetime", "bounce_queue_lifetime",
        "compatibility_level", "mail_owner"};
    const char *values[ARRAY_LENGTH(names)];
    const struct setup_step steps[] = {
        {"-xh", names[0]},
        {"-xh", names[1]},
        {"-xh", names[2]},
        {"-xh", names[3]},
        {"-xh", names[4]},
        {"-xh", names[5]},
        {"-xh", names[6]},
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
    /* Postfix 3.10 forgets what it was told where main.cf has just been changed. */
    site->directory = site->given != NULL ? site->given : values[0];
    site->queue = values[1];
    site->owner = values[6];
    if (!postfix_text_time(span_of(values[3]), 'd', &site->facts.queue_lifetime))
        return error_permanent(error, "maximal_queue_lifetime is no time: %s", values[3]);
    if (!postfix_text_time(span_of(values[4]), 'd', &site->facts.bounce_lifetime))
        return error_permanent(error, "bounce_queue_lifetime is no time: %s", values[4]);
    /* Before Postfix 3.0 services were chrooted unless told otherwise. */
    site->facts.chroot_preset = span_starts(span_of(values[5]), SPAN("0"));
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
    if (done && span_find(buffer_span(&buffer), '\0') != SPAN_NONE)
        done = error_permanent(error,
            "%s/%s has a NUL octet, which no text file has: mend it by hand",
            site->directory, name);
    if (done)
        *text = arena_span(site->arena, buffer_span(&buffer));
    buffer_clear(&buffer);
    return done;
}

bool
setup_site_read_again(struct setup_site *site, struct error *error)
{
    struct buffer joined;

    if (!read_file(site, "main.cf", &site->facts.main_cf, error) ||
        !read_file(site, "master.cf", &site->master_cf, error))
        return false;
    buffer_init(&joined, (size_t)2 * OUTPUT_MAX);
    postfix_text_join(&joined, site->master_cf);
    site->facts.services = arena_span(site->arena, buffer_span(&joined));
    buffer_clear(&joined);
    return true;
}

const char *
setup_site_directory(const char *given, const char *configured)
{
    const char *environment = getenv("MAIL_CONFIG");

    if (given != NULL)
        return given;
    if (configured != NULL && configured[0] != '\0')
        return configured;
    return environment != NULL && environment[0] != '\0' ? environment : NULL;
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
    setup_sockets_read(site, sockets);
    if (site->facts.route[0] == '\0' && !site->facts.by_filter)
        return error_permanent(
            error, "[policyd] route is none: there is nothing to wire Postfix to");
    return true;
}

/* The master keeps its pid file locked.  `postfix status` would tell too, but waits until
 * main.cf has not been changed for a while. */
bool
setup_site_is_running(const struct setup_site *site)
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
setup_site_reload(const struct setup_site *site, bool *skipped, struct error *error)
{
    const struct setup_step reload = {NULL, NULL};
    const char *words[SETUP_WORDS_MAX];
    struct buffer said;
    int status;
    bool done;

    *skipped = !setup_site_is_running(site);
    if (*skipped)
        return true;
    setup_site_words(site, &reload, 1, words);
    buffer_init(&said, OUTPUT_MAX);
    done = setup_process_run(words, NULL, &said, &status, error);
    if (done && status != 0)
        done = error_permanent(error, "postfix reload failed: %s", buffer_text(&said));
    buffer_clear(&said);
    return done;
}

bool
setup_site_list(
    const struct setup_site *site, struct setup_listing *listing, struct error *error)
{
    const struct setup_step parameters = {"-n", NULL};
    const struct setup_step services = {"-M", NULL};

    return ask_postconf(site, &parameters, 1, &listing->parameters, error) &&
           ask_postconf(site, &services, 1, &listing->services, error);
}
