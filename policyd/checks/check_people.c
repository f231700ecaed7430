#include "policyd/checks/check_people.h"

#include <inttypes.h>
#include <stdio.h>

#include "shared/base/number.h"

enum { DATE_LENGTH = 10, MANY = 40 };

bool
check_people_read_alias(struct span line, struct span *address, struct span *owner)
{
    line = span_trim(line);
    if (line.length == 0 || line.data[0] == '#' || !span_word(&line, address) ||
        !span_word(&line, owner) || span_trim(line).length > 0)
        return false;
    if (address->data[address->length - 1] == ':')
        address->length--;
    /* A list, a file, a program, an include. */
    return address->length > 0 && span_find(*owner, ',') == SPAN_NONE &&
           span_find(SPAN("/|:\""), owner->data[0]) == SPAN_NONE;
}

void
check_people_units(const struct check_belongs *rows, size_t count, struct check *check)
{
    size_t split = 0;
    size_t unsure = 0;

    for (size_t i = 0; i < count; i++) {
        const struct check_belongs *row = &rows[i];

        if (row->place == ROUTE_UNKNOWN || row->owner_place == ROUTE_UNKNOWN) {
            unsure++;
        } else if (row->place != row->owner_place) {
            split++;
            check_add(check, CHECK_FAIL, "%.200s goes to %s, %.200s to %s", row->address,
                route_place_name(row->place), row->owner,
                route_place_name(row->owner_place));
        }
    }
    if (unsure > 0)
        check_add(
            check, CHECK_UNKNOWN, "%zu of %zu pairs: no route is known", unsure, count);
    check_add(check, CHECK_PASS, "%zu of %zu pairs stay together at the next stage",
        count - split - unsure, count);
}

/* --- quota --- */

bool
check_people_read_room(struct span line, struct check_room *room)
{
    struct span size;

    line = span_trim(line);
    return span_word(&line, &room->address) && span_word(&line, &size) &&
           span_trim(line).length == 0 && number_size(size, &room->octets);
}

static void
write_size(uint64_t octets, char out[32])
{
    if (octets >= 1 << 20)
        (void)snprintf(out, 32, "%" PRIu64 " MiB", octets >> 20);
    else
        (void)snprintf(out, 32, "%" PRIu64 " octets", octets);
}

void
check_people_quota(const struct check_quota *rows, size_t count, struct check *check)
{
    size_t missing = 0;
    size_t fits = 0;

    for (size_t i = 0; i < count; i++) {
        const struct check_quota *row = &rows[i];
        char used[32];
        char room[32];

        write_size(row->used, used);
        write_size(row->room, room);
        if (!row->has_room && missing++ < MANY)
            check_add(
                check, CHECK_UNKNOWN, "%.200s: not in [ctl] quota_new", row->address);
        else if (row->has_room && row->room != 0 && row->room < row->used)
            check_add(check, CHECK_FAIL, "%.200s: uses %s on old, has room for %s on new",
                row->address, used, room);
        else if (row->has_room)
            fits++;
    }
    check_add(check, CHECK_PASS, "%zu of %zu mailboxes fit", fits, count);
}

/* --- what was exported --- */

/* YYYY-MM-DD */
static bool
is_date(struct span word)
{
    if (word.length != DATE_LENGTH)
        return false;
    for (size_t i = 0; i < DATE_LENGTH; i++) {
        bool is_dash = i == 4 || i == 7;

        if (is_dash ? word.data[i] != '-' : word.data[i] < '0' || word.data[i] > '9')
            return false;
    }
    return true;
}

/* The date of the last line about it; empty: there is none. */
static struct span
find_export(struct span text, const char *what)
{
    struct span found = SPAN("");
    struct span line;

    while (span_split(&text, '\n', &line)) {
        struct span word;
        struct span date;

        line = span_trim(line);
        if (span_word(&line, &word) && span_is(word, what) && span_word(&line, &date) &&
            is_date(date))
            found = date;
    }
    return found;
}

void
check_people_forwards(struct span text, const char *trouble, struct check *check)
{
    static const char *const kinds[] = {"forwards", "filters", "aliases"};

    if (trouble != NULL) {
        check_add(check, CHECK_UNKNOWN, "%s", trouble);
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct span date = find_export(text, kinds[i]);

        if (date.length > 0)
            check_add(check, CHECK_PASS, "%s: exported on %.*s", kinds[i],
                (int)date.length, date.data);
        else
            check_add(
                check, CHECK_FAIL, "%s: nobody says that they were exported", kinds[i]);
    }
}

/* --- loops, arrival --- */

void
check_people_loop(const char *trouble, uint64_t delivered, unsigned days,
    const struct check_returned *rows, size_t count, struct check *check)
{
    if (trouble != NULL) {
        check_add(check, CHECK_UNKNOWN, "%s", trouble);
        return;
    }
    for (size_t i = 0; i < count; i++)
        check_add(check, CHECK_FAIL, "%.200s: %.150s came back from %.60s",
            rows[i].address, rows[i].message_id, rows[i].client);
    if (delivered == 0)
        check_add(check, CHECK_UNKNOWN,
            "new was given no mail in %u days: pin the probe address to new and write to "
            "it",
            days);
    else if (count == 0)
        check_add(check, CHECK_PASS,
            "of %" PRIu64 " delivered to new in %u days none came back", delivered, days);
}

void
check_people_arrival(const struct check_arrival *arrival, struct check *check)
{
    if (arrival->trouble != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", arrival->trouble);
    else
        check_add(check, arrival->has_come ? CHECK_PASS : CHECK_FAIL,
            arrival->has_come ? "a test mail was seen after %.1f s"
                              : "a test mail was not there after %.0f s",
            (double)arrival->after_ms / 1000);
}
