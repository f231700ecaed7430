#include "policyd/ctl/ctl_copies.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_books.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/undo/undo_told.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

enum {
    SILENT_S = 5,      /* it tells every second */
    REFUSED_S = 86400, /* a hole of today */
};

static const char *const numbers[] = {
    "since", "time", "bytes", "files", "copies", "refused", "refused_at"};

static int64_t
number_of(const struct ctl_json *told, const char *name)
{
    uint64_t number = 0;

    (void)number_unsigned(ctl_json_text(told, name), INT64_MAX / 1000, &number);
    return (int64_t)number;
}

/* NULL: *failed says why, 0 where it is no document. */
static const struct ctl_json *
read_told(struct ctl *ctl, int *failed)
{
    char text[UNDO_TOLD_SIZE];
    struct error ignored;
    ssize_t length;
    int fd =
        open(arena_printf(ctl->arena, "%s/" UNDO_TOLD_NAME, ctl->config->undo_folder),
            O_RDONLY | O_CLOEXEC);

    *failed = fd < 0 ? errno : 0;
    if (fd < 0)
        return NULL;
    length = read(fd, text, sizeof(text));
    (void)close(fd);
    return length <= 0
               ? NULL
               : ctl_json_parse(ctl->arena,
                     arena_span(ctl->arena, span_make(text, (size_t)length)), &ignored);
}

static const char *
size_text(struct arena *arena, int64_t octets)
{
    static const char *const units[] = {"octets", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (octets >= 10000 && unit + 1 < ARRAY_LENGTH(units)) {
        octets /= 1000;
        unit++;
    }
    return arena_printf(arena, "%" PRId64 " %s", octets, units[unit]);
}

static void
judge(const struct ctl_json *told, struct ctl_health *health, struct ctl *ctl)
{
    struct arena *arena = ctl->arena;
    int64_t now = (int64_t)time(NULL);
    int64_t since = number_of(told, "since");
    int64_t last = number_of(told, "time");
    int64_t refused_at = number_of(told, "refused_at");

    if (now - last > SILENT_S)
        ctl_health_add(health, NULL, true,
            arena_printf(arena,
                "undo: postshift-undo has said nothing since %s, copies wait in the "
                "queue: "
                "systemctl status postshift-undo",
                ctl_books_stamp(arena, last * 1000)));
    if (refused_at > 0 && now - refused_at < REFUSED_S)
        ctl_health_add(health, NULL, true,
            arena_printf(arena,
                "undo: %" PRId64 " copies could not be kept, the last at %s: what undo "
                "covers has a hole (a full disk, undo_max)",
                number_of(told, "refused"), ctl_books_stamp(arena, refused_at * 1000)));
    ctl_health_add(health, NULL, false,
        since == 0 ? "undo covers nothing yet: there are no copies"
                   : arena_printf(arena, "undo covers since %s, %s",
                         ctl_books_stamp(arena, since * 1000),
                         size_text(arena, number_of(told, "bytes"))));
}

void
ctl_copies_look(struct ctl_copies *copies, struct ctl_health *health, struct ctl *ctl)
{
    int failed;

    *copies = (struct ctl_copies){.is_on = strcmp(ctl->config->undo, "no") != 0};
    if (!copies->is_on)
        return;
    copies->told = read_told(ctl, &failed);
    if (copies->told != NULL)
        judge(copies->told, health, ctl);
    else if (failed == EACCES || failed == EPERM)
        ctl_health_add(health, NULL, false,
            "undo: what its journal says may not be read by this user");
    else
        ctl_health_add(health, NULL, true,
            "undo: no copies are kept, postshift-undo has never run: systemctl enable "
            "--now postshift-undo");
}

void
ctl_copies_write(struct json *json, const struct ctl_copies *copies)
{
    if (copies->told == NULL) {
        json_null(json, "undo");
        return;
    }
    json_object_begin(json, "undo");
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        json_integer(json, numbers[i], number_of(copies->told, numbers[i]));
    json_object_end(json);
}
