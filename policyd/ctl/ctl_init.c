/*
 * init: a new site's configuration file, by what is asked or given and what is found.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyd/ctl/ctl_init_look.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_file.h"
#include "policyd/terminal/init_place.h"
#include "policyd/terminal/shell_word.h"
#include "shared/service/daemon.h"

#define GROUP "postshift"

enum { FILE_MODE = 0640, FILE_MAX = 1 << 20, LINE_SIZE = 1100 };

struct init {
    struct ctl *ctl;
    const char *file;
    bool usual;     /* the file that the units read */
    bool may_ask;   /* a person is there */
    bool is_sample; /* there is a file, but nobody ever set anything in it */
    struct init_text text;
};

/* The words, in the order in which they are asked for. */
enum word { WORD_DOMAIN, WORD_OLD, WORD_NEW, WORDS };

static const struct {
    enum ctl_option option;
    const char *question;
    const char *proposal; /* NULL: none */
} asked[WORDS] = {
    [WORD_DOMAIN] = {CTL_DOMAIN, "Domain that is to be moved",                 NULL  },
    [WORD_OLD] = {CTL_OLD,    "Old backend (site: where main.cf sends it)", "site"},
    [WORD_NEW] = {CTL_NEW,    "New backend (host, host:port, lmtp:host)",   NULL  },
};

static bool
take_word(struct init *init, enum word word, const char *given)
{
    struct ctl *ctl = init->ctl;
    const char *side = word == WORD_OLD ? "old" : "new";
    const char **route = &init->text.routes[word == WORD_OLD ? 0 : 1];
    struct error error;

    if (word == WORD_DOMAIN) {
        init->text.domain = ctl_store_canonical_domain(ctl, given);
        return init->text.domain != NULL;
    }
    if (init_place_read(span_of(given), side, ctl->arena, route, &error))
        return true;
    (void)ctl_output_fail(CTL_USAGE, "--%s %s: %s", side, given, error.text);
    return false;
}

/* A line of standard input; false: there is none any more. */
static bool
read_answer(const struct init *init, const char *question, const char *proposal,
    const char **answer)
{
    char line[LINE_SIZE];
    struct span text;

    (void)printf("%s%s%s%s: ", question, proposal != NULL ? " [" : "",
        proposal != NULL ? proposal : "", proposal != NULL ? "]" : "");
    (void)fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        (void)printf("\n");
        return false;
    }
    text = span_trim(span_of(line));
    *answer = text.length > 0    ? arena_text(init->ctl->arena, text)
              : proposal != NULL ? proposal
                                 : "";
    return true;
}

/* Until it is one. */
static bool
ask_word(struct init *init, enum word word)
{
    const char *answer;

    do {
        if (!read_answer(init, asked[word].question, asked[word].proposal, &answer))
            return false;
    } while (answer[0] == '\0' || !take_word(init, word, answer));
    return true;
}

static int
fail_missing(bool yes)
{
    return yes ? ctl_output_fail(CTL_USAGE,
                     "init --yes asks nothing: --domain and --new must be given (without "
                     "--old it is site)")
               : ctl_output_fail(CTL_USAGE, "nobody is at a terminal to be asked: give "
                                            "--domain, --old and --new, "
                                            "or --yes, which takes what is proposed");
}

static int
take_words(struct init *init)
{
    const struct ctl_arguments *arguments = &init->ctl->arguments;
    bool yes = ctl_arguments_has(arguments, CTL_YES);

    for (int i = 0; i < WORDS; i++) {
        const char *given = arguments->values[asked[i].option];

        if (given == NULL && yes)
            given = asked[i].proposal;
        if (given == NULL && !init->may_ask)
            return fail_missing(yes);
        if (given != NULL && !take_word(init, (enum word)i, given))
            return CTL_USAGE;
        if (given == NULL && !ask_word(init, (enum word)i))
            return ctl_output_fail(CTL_NO, "nothing was written");
    }
    return CTL_DONE;
}

/* The file that an installation brings, every key a comment: it lies beside us, too. */
static bool
is_sample(const char *file)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *slash;
    struct buffer there;
    struct buffer sample;
    char path[PATH_MAX + 40];
    struct error ignored;
    bool same;

    own[length > 0 ? length : 0] = '\0';
    slash = strrchr(own, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    (void)snprintf(path, sizeof(path), "%s/../share/postshift/postshift.conf", own);
    buffer_init(&there, FILE_MAX);
    buffer_init(&sample, FILE_MAX);
    same = setup_file_read(file, &there, &ignored) &&
           setup_file_read(path, &sample, &ignored) &&
           span_equal(buffer_span(&there), buffer_span(&sample));
    buffer_clear(&there);
    buffer_clear(&sample);
    return same;
}

static int
check_place(struct init *init)
{
    struct stat status;

    if (lstat(init->file, &status) != 0)
        return errno == ENOENT
                   ? CTL_DONE
                   : ctl_output_fail(CTL_NO, "%s: %s", init->file, strerror(errno));
    init->is_sample = S_ISREG(status.st_mode) && is_sample(init->file);
    if (init->is_sample)
        return CTL_DONE;
    return ctl_output_fail(CTL_REFUSED,
        "%s is there already and stays as it is; nothing was written (move it away to "
        "begin anew, or name another by -c)",
        init->file);
}

static bool
needs_of(struct init *init, struct error *error)
{
    const struct domain_state_rules *rules = &init->ctl->config->serve->state_rules;

    for (size_t i = 0; i < INIT_ROUTES; i++) {
        struct init_place_needs needs;

        if (!init_place_needs(
                init->text.routes[i], rules, init->ctl->arena, &needs, error))
            return false;
        init->text.transports[i] = needs.transport;
        init->text.loopback = init->text.loopback || needs.loopback;
    }
    return true;
}

/* What we have written is right, or nobody gets it. */
static bool
is_right(const char *file)
{
    struct ctl_config *config = ctl_config_read(file, true, "ctl");
    bool right = ctl_config_serves(config, CTL_NEEDS_ALL);

    if (!right)
        (void)ctl_output_fail(CTL_NO, "%s", buffer_text(&config->wrong));
    ctl_config_free(config);
    return right;
}

/* Its readers are the daemons.  Who is neither root nor of their group is told later;
 * before the users are made all may read it, since nothing in it is secret. */
static bool
open_to_group(const char *file)
{
    const struct group *group = getgrnam(GROUP);

    if (group == NULL)
        return chmod(file, FILE_MODE | S_IROTH) == 0;
    return (chown(file, (uid_t)-1, group->gr_gid) == 0 || errno == EPERM) &&
           chmod(file, FILE_MODE) == 0;
}

/* Whole, and only where nothing is: link(2) takes no name that is taken. */
static int
put_file(const struct init *init, struct span text)
{
    struct setup_pending pending;
    struct error error;
    int status = CTL_DONE;

    if (!setup_pending_write(&pending, init->file, text, &error))
        return ctl_output_fail(CTL_NO, "%s; nothing was written", error.text);
    if (!is_right(pending.temporary))
        status = CTL_NO;
    else if (init->is_sample) {
        if (!setup_pending_commit(&pending, &error))
            status = ctl_output_fail(CTL_NO, "%s; nothing was written", error.text);
    } else if (!open_to_group(pending.temporary) ||
               link(pending.temporary, init->file) != 0)
        status = ctl_output_fail(errno == EEXIST ? CTL_REFUSED : CTL_NO,
            "%s: %s; nothing was written", init->file, strerror(errno));
    setup_pending_drop(&pending);
    return status;
}

static void
tell_file(const struct init *init)
{
    const struct group *group = getgrnam(GROUP);
    struct stat status;

    ctl_output_say("wrote      %s%s", init->file,
        init->is_sample ? ", in the place of the sample, in which nothing was set" : "");
    if (group != NULL && stat(init->file, &status) == 0 && status.st_gid != group->gr_gid)
        ctl_output_say(
            "note       the daemons can't read it yet: chgrp " GROUP " %s", init->file);
}

static void
tell_next(const struct init *init)
{
    const struct init_text *text = &init->text;
    struct buffer option;
    struct buffer set;

    buffer_init(&option, FILE_MAX);
    buffer_init(&set, FILE_MAX);
    if (!init->usual) {
        buffer_append_text(&option, "-c ");
        shell_word_write(&option, init->file);
        buffer_append_octet(&option, ' ');
    }
    for (size_t i = 0; i < INIT_ROUTES; i++) {
        buffer_append_octet(&set, ' ');
        shell_word_write(&set, arena_printf(init->ctl->arena, "%s=%s",
                                   i == 0 ? "old" : "new", text->routes[i]));
    }
    ctl_output_say("next:");
    if (init->usual && access("/run/systemd/system", F_OK) == 0)
        ctl_output_say(
            "  postshift-policyd -t && systemctl enable --now postshift-policyd");
    else
        ctl_output_say("  postshift-policyd %s&", buffer_text(&option));
    ctl_output_say("  postshiftctl %sset %s%s weight=0", buffer_text(&option),
        text->domain, buffer_text(&set));
    ctl_output_say("  postshiftctl %spostfix-setup", buffer_text(&option));
    buffer_clear(&option);
    buffer_clear(&set);
}

/* On a terminal a person sees it first. */
static bool
is_wanted(const struct init *init, struct span text)
{
    const char *answer = "";

    if (!init->may_ask)
        return true;
    ctl_output_say("%s", "");
    ctl_output_raw(text);
    ctl_output_say("%s", "");
    if (!read_answer(
            init, arena_printf(init->ctl->arena, "Write %s", init->file), "yes", &answer))
        return false;
    return strcmp(answer, "yes") == 0 || strcmp(answer, "y") == 0;
}

static int
write_file(struct init *init)
{
    struct buffer out;
    int status;

    buffer_init(&out, INIT_TEXT_MAX);
    if (!init_text_write(&out, &init->text))
        status = ctl_output_fail(CTL_NO,
            "what was found has a line end or blanks that no file can say; nothing was "
            "written");
    else if (!is_wanted(init, buffer_span(&out)))
        status = ctl_output_fail(CTL_NO, "nothing was written");
    else
        status = put_file(init, buffer_span(&out));
    buffer_clear(&out);
    return status;
}

int
ctl_init_run(struct ctl *ctl)
{
    const char *given = ctl->arguments.values[CTL_CONFIG];
    struct init init = {
        .ctl = ctl,
        .file = given != NULL ? given : DAEMON_CONFIG_FILE,
        .usual = given == NULL || strcmp(given, DAEMON_CONFIG_FILE) == 0,
        .may_ask = !ctl_arguments_has(&ctl->arguments, CTL_YES) &&
                   isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1,
    };
    struct error error;
    int status = check_place(&init);

    if (status == CTL_DONE)
        status = take_words(&init);
    if (status != CTL_DONE)
        return status;
    if (!needs_of(&init, &error))
        return ctl_output_fail(CTL_USAGE, "%s", error.text);
    ctl_init_look(ctl, &init.text);
    status = write_file(&init);
    if (status != CTL_DONE)
        return status;
    tell_file(&init);
    tell_next(&init);
    return CTL_DONE;
}
