#include "policyd/ctl/ctl_compare_folder.h"

#include "policyd/ctl/ctl_output.h"
#include "shared/base/json.h"

enum { NAMED_MAX = 400 }; /* of a folder and side, whose Message-IDs are asked for */

struct named {
    uint32_t uid;
    const char *message_id;
};

struct names {
    struct arena *arena;
    struct named items[NAMED_MAX];
    size_t count;
};

static void
take_name(void *argument, uint32_t uid, const char *message_id)
{
    struct names *names = argument;

    if (names->count < NAMED_MAX)
        names->items[names->count++] =
            (struct named){uid, arena_text(names->arena, span_of(message_id))};
}

static const char *
name_of(const struct names *names, uint32_t uid)
{
    for (size_t i = 0; i < names->count; i++) {
        if (names->items[i].uid == uid)
            return names->items[i].message_id;
    }
    return NULL;
}

/* By the mail on old, where there is one. */
static bool
ask_names(struct compare_side *sides, const struct compare_result *result,
    enum domain_side side, struct names *names, struct error *error)
{
    uint32_t uids[NAMED_MAX];
    size_t count = 0;

    for (size_t i = 0; i < result->count && count < NAMED_MAX; i++) {
        const struct compare_difference *difference = &result->differences[i];

        if (side == SIDE_OLD && difference->old_uid != 0)
            uids[count++] = difference->old_uid;
        if (side == SIDE_NEW && difference->old_uid == 0)
            uids[count++] = difference->new_uid;
    }
    return compare_side_names(&sides[side], uids, count, take_name, names, error);
}

static void
write_flags(struct json *json, const char *key, unsigned flags)
{
    static const char *const names[] = {
        "\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"};

    json_array_begin(json, key);
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if ((flags & (1U << i)) != 0)
            json_text(json, NULL, names[i]);
    }
    json_array_end(json);
}

static void
write_uid(struct json *json, const char *key, uint32_t uid)
{
    if (uid == 0)
        json_null(json, key);
    else
        json_integer(json, key, (int64_t)uid);
}

static void
write_difference(struct json *json, const struct compare_difference *difference,
    const struct names names[DOMAIN_SIDES])
{
    bool on_old = difference->old_uid != 0;

    json_object_begin(json, NULL);
    json_text(json, "kind", compare_kind_name(difference->kind));
    json_text(json, "message_id",
        name_of(&names[on_old ? SIDE_OLD : SIDE_NEW],
            on_old ? difference->old_uid : difference->new_uid));
    write_uid(json, "old_uid", difference->old_uid);
    write_uid(json, "new_uid", difference->new_uid);
    if (difference->kind == COMPARE_FLAGS) {
        write_flags(json, "old_flags", difference->old_flags);
        write_flags(json, "new_flags", difference->new_flags);
    }
    json_object_end(json);
}

/* A line of the state file. */
static void
write_folder(struct buffer *out, const struct ctl_compare_folder *folder,
    const struct compare_side *sides, const struct compare_result *result,
    const struct names names[DOMAIN_SIDES])
{
    struct json json = json_on(out);

    json_object_begin(&json, NULL);
    json_text(&json, "user", folder->user);
    json_text(&json, "old", folder->old);
    json_text(&json, "new", folder->new);
    json_integer(&json, "old_mails", (int64_t)sides[SIDE_OLD].count);
    json_integer(&json, "new_mails", (int64_t)sides[SIDE_NEW].count);
    json_integer(&json, "same", (int64_t)result->same);
    json_integer(&json, "only_new", (int64_t)result->only_new);
    json_array_begin(&json, "differences");
    for (size_t i = 0; i < result->count; i++)
        write_difference(&json, &result->differences[i], names);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_octet(out, '\n');
}

bool
ctl_compare_folder(struct arena *arena, struct compare_side sides[DOMAIN_SIDES],
    const struct ctl_compare_folder *folder, struct buffer *out, struct error *error)
{
    struct names *names = arena_take(arena, DOMAIN_SIDES * sizeof(*names));
    struct compare_result result = {.differences = NULL};
    bool done;

    names[SIDE_OLD].arena = arena;
    names[SIDE_NEW].arena = arena;
    sides[SIDE_NEW].count = 0;
    done =
        compare_side_read(&sides[SIDE_OLD], folder->old, error) &&
        (folder->new == NULL || compare_side_read(&sides[SIDE_NEW], folder->new, error));
    if (done)
        compare_match(sides[SIDE_OLD].mails, sides[SIDE_OLD].count, sides[SIDE_NEW].mails,
            sides[SIDE_NEW].count, &result);
    done = done && ask_names(sides, &result, SIDE_OLD, &names[SIDE_OLD], error) &&
           (folder->new == NULL ||
               ask_names(sides, &result, SIDE_NEW, &names[SIDE_NEW], error));
    ctl_output_progress("%s", "");
    if (done)
        write_folder(out, folder, sides, &result, names);
    compare_result_clear(&result);
    return done;
}
