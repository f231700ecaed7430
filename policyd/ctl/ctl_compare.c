/*
 * compare: two mailboxes over IMAP, folder by folder; what was told of a folder is kept
 * in a file, so that a run which was interrupted goes on behind it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policyd/compare/compare_folders.h"
#include "policyd/ctl/ctl_compare_folder.h"
#include "policyd/ctl/ctl_json_write.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_file.h"
#include "shared/base/attributes.h"
#include "shared/base/json.h"
#include "shared/service/config.h"

enum {
    STATE_MAX = 256 << 20,
    OUT_MAX = 256 << 20,
    PASSWORD_MAX = 1024,
};

struct comparing {
    struct ctl *ctl;
    struct compare_side sides[DOMAIN_SIDES];
    char passwords[DOMAIN_SIDES][PASSWORD_MAX];
    const char *user;
    int state;                    /* where folders that are done are noted; -1: nowhere */
    const struct ctl_json *known; /* such folders of an earlier run, an array; or NULL */
    struct json *json;            /* NULL: told as text */
    size_t differences;
    size_t troubles;
    struct hash_key key;
};

/* --- telling it --- */

static const char *
flags_of(struct ctl *ctl, const struct ctl_json *list)
{
    const char *text = "";

    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        text = arena_printf(ctl->arena, "%s%s%s", text, text[0] == '\0' ? "" : " ",
            ctl_output_text(ctl->arena, i->text));
    return text[0] == '\0' ? "none" : text;
}

static void
tell_difference(struct ctl *ctl, const struct ctl_json *difference)
{
    struct span kind = ctl_json_text(difference, "kind");
    struct span id = ctl_json_text(difference, "message_id");
    struct span old = ctl_json_text(difference, "old_uid");
    struct span new = ctl_json_text(difference, "new_uid");
    bool flags = span_is(kind, "flags");

    ctl_output_note("  %.*s  %s  uid %s -> %s%s%s%s%s", (int)kind.length, kind.data,
        id.length == 0 ? "(no Message-ID)" : ctl_output_text(ctl->arena, id),
        old.length == 0 ? "-" : arena_text(ctl->arena, old),
        new.length == 0 ? "-" : arena_text(ctl->arena, new), flags ? ", " : "",
        flags ? flags_of(ctl, ctl_json_get(difference, "old_flags")) : "",
        flags ? " -> " : "",
        flags ? flags_of(ctl, ctl_json_get(difference, "new_flags")) : "");
}

static void
tell_folder(struct comparing *comparing, const struct ctl_json *folder)
{
    struct ctl *ctl = comparing->ctl;
    const struct ctl_json *first = ctl_json_get(folder, "differences")->first;
    struct span new = ctl_json_text(folder, "new");

    for (const struct ctl_json *i = first; i != NULL; i = i->next)
        comparing->differences++;
    if (comparing->json != NULL) {
        ctl_json_write(comparing->json, NULL, folder);
        return;
    }
    ctl_output_say("%s  %s -> %s: %s mails on old, %s on new, %s on new alone",
        ctl_output_text(ctl->arena, span_of(comparing->user)),
        ctl_output_text(ctl->arena, ctl_json_text(folder, "old")),
        new.length == 0 ? "no such folder" : ctl_output_text(ctl->arena, new),
        arena_text(ctl->arena, ctl_json_text(folder, "old_mails")),
        arena_text(ctl->arena, ctl_json_text(folder, "new_mails")),
        arena_text(ctl->arena, ctl_json_text(folder, "only_new")));
    for (const struct ctl_json *i = first; i != NULL; i = i->next)
        tell_difference(ctl, i);
}

/* --- one mailbox --- */

static const struct ctl_json *
find_known(const struct comparing *comparing, const char *old)
{
    const struct ctl_json *i = comparing->known;

    while (i != NULL && (!span_is(ctl_json_text(i, "user"), comparing->user) ||
                            !span_is(ctl_json_text(i, "old"), old)))
        i = i->next;
    return i;
}

static bool
note(const struct comparing *comparing, struct span line, struct error *error)
{
    return comparing->state < 0 ||
           write(comparing->state, line.data, line.length) == (ssize_t)line.length ||
           error_temporary(error, "the state file can't be written");
}

static bool
do_folder(struct comparing *comparing, size_t place, struct error *error)
{
    struct ctl *ctl = comparing->ctl;
    const struct compare_side *old = &comparing->sides[SIDE_OLD];
    const struct compare_side *new = &comparing->sides[SIDE_NEW];
    const struct ctl_json *folder = find_known(comparing, old->folders[place].name);
    size_t found = compare_folders_find(
        old->folders, old->folder_count, place, new->folders, new->folder_count);
    const struct ctl_compare_folder asked = {
        .user = comparing->user,
        .old = old->folders[place].name,
        .new = found < new->folder_count ? new->folders[found].name : NULL,
    };
    struct buffer out;
    bool done = true;

    if (folder != NULL) {
        tell_folder(comparing, folder);
        return true;
    }
    buffer_init(&out, OUT_MAX);
    done = ctl_compare_folder(ctl->arena, comparing->sides, &asked, &out, error) &&
           note(comparing, buffer_span(&out), error);
    folder = done ? ctl_json_parse(ctl->arena,
                        arena_span(ctl->arena, span_trim(buffer_span(&out))), error)
                  : NULL;
    buffer_clear(&out);
    if (folder == NULL)
        return false;
    tell_folder(comparing, folder);
    return true;
}

static bool
open_side(struct comparing *comparing, enum domain_side place, struct error *error)
{
    const struct ctl_config *config = comparing->ctl->config;
    struct compare_side *side = &comparing->sides[place];
    const char *master = config->compare.master[place];
    const struct ctl_imap_login login = {
        .url = config->compare.url[place],
        .user = master[0] == '\0'
                    ? comparing->user
                    : arena_printf(comparing->ctl->arena, "%s%s%s", comparing->user,
                          config->compare.separator, master),
        .password = comparing->passwords[place],
        .tls_ca = config->compare.tls_ca,
    };

    *side = (struct compare_side){
        .name = place == SIDE_OLD ? "old" : "new", .key = comparing->key};
    side->imap = ctl_imap_open(&login, error);
    return side->imap != NULL && compare_side_list(side, error);
}

static void
compare_user(struct comparing *comparing)
{
    struct compare_side *old = &comparing->sides[SIDE_OLD];
    struct error error;
    bool done =
        open_side(comparing, SIDE_OLD, &error) && open_side(comparing, SIDE_NEW, &error);

    for (size_t i = 0; done && i < old->folder_count; i++) {
        if (old->folders[i].can_select)
            done = do_folder(comparing, i, &error);
    }
    if (!done) {
        comparing->troubles++;
        (void)ctl_output_fail(CTL_NO, "%s: %s",
            ctl_output_text(comparing->ctl->arena, span_of(comparing->user)),
            ctl_output_text(comparing->ctl->arena, span_of(error.text)));
    }
    compare_side_clear(&comparing->sides[SIDE_OLD]);
    compare_side_clear(&comparing->sides[SIDE_NEW]);
}

/* --- all of it --- */

static bool
read_passwords(struct comparing *comparing)
{
    const struct ctl_config *config = comparing->ctl->config;

    for (int side = 0; side <= SIDE_NEW; side++) {
        const char *file = config->compare.password_file[side];
        struct buffer password;
        struct error error;
        bool done;

        if (config->compare.url[side][0] == '\0' || file[0] == '\0') {
            (void)ctl_output_fail(CTL_NO,
                "[compare] old, new, old_password_file and new_password_file are wanted");
            return false;
        }
        buffer_init(&password, PASSWORD_MAX);
        done = config_read_password(file, &password, &error);
        if (done)
            (void)span_copy(
                buffer_span(&password), comparing->passwords[side], PASSWORD_MAX);
        else
            (void)ctl_output_fail(CTL_NO, "%s", error.text);
        if (password.data != NULL)
            explicit_bzero(password.data, password.capacity);
        buffer_clear(&password);
        if (!done)
            return false;
    }
    return true;
}

/* What an earlier run has noted: each whole line is a folder. */
static bool
read_state(struct comparing *comparing, const char *path, struct error *error)
{
    struct arena *arena = comparing->ctl->arena;
    struct buffer text;
    struct buffer list;
    size_t end;

    buffer_init(&text, STATE_MAX);
    buffer_init(&list, STATE_MAX);
    if (access(path, F_OK) == 0 && !setup_file_read(path, &text, error)) {
        buffer_clear(&text);
        return false;
    }
    /* A line that was cut is written anew, on a line of its own. */
    end = span_find_last(buffer_span(&text), '\n');
    buffer_append_octet(&list, '[');
    for (size_t i = 0; end != SPAN_NONE && i < end; i++)
        buffer_append(
            &list, text.data[i] == '\n' ? SPAN(",") : span_make(text.data + i, 1));
    buffer_append_octet(&list, ']');
    comparing->known =
        ctl_json_parse(arena, arena_span(arena, buffer_span(&list)), error);
    if (comparing->known != NULL)
        comparing->known = comparing->known->first;
    else if (end != SPAN_NONE)
        end = 0;
    comparing->state = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (comparing->state >= 0 && end != SPAN_NONE)
        (void)!ftruncate(comparing->state, end == 0 ? 0 : (off_t)end + 1);
    buffer_clear(&text);
    buffer_clear(&list);
    return comparing->state >= 0 || error_temporary(error, "%s can't be written", path);
}

static void
compare_all(struct comparing *comparing)
{
    const struct ctl_arguments *arguments = &comparing->ctl->arguments;
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    if (ctl_arguments_has(arguments, CTL_JSON)) {
        json = json_on(&out);
        comparing->json = &json;
        json_object_begin(&json, NULL);
        json_array_begin(&json, "folders");
    }
    for (size_t i = 0; i < arguments->count; i++) {
        comparing->user = arguments->words[i];
        compare_user(comparing);
    }
    if (comparing->json != NULL) {
        json_array_end(&json);
        json_integer(&json, "differences", (int64_t)comparing->differences);
        json_integer(&json, "not_read", (int64_t)comparing->troubles);
        json_object_end(&json);
        ctl_output_document(&out);
    } else {
        ctl_output_say("%zu difference%s", comparing->differences,
            comparing->differences == 1 ? "" : "s");
    }
    buffer_clear(&out);
}

int
ctl_compare_run(struct ctl *ctl)
{
    struct comparing *comparing = arena_take(ctl->arena, sizeof(*comparing));
    const char *state = ctl->arguments.values[CTL_FILE];
    struct error error;

    comparing->ctl = ctl;
    comparing->state = -1;
    if (getrandom(&comparing->key, sizeof(comparing->key), 0) !=
        (ssize_t)sizeof(comparing->key))
        return ctl_output_fail(CTL_NO, "no random octets");
    if (!read_passwords(comparing))
        return CTL_NO;
    if (state != NULL && !read_state(comparing, state, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    compare_all(comparing);
    explicit_bzero(comparing->passwords, sizeof(comparing->passwords));
    if (comparing->state >= 0) {
        (void)close(comparing->state);
        if (comparing->troubles == 0 && state != NULL)
            (void)unlink(state);
    }
    return comparing->differences + comparing->troubles > 0 ? CTL_NO : CTL_DONE;
}
