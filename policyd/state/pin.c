#include "policyd/state/pin.h"

#include "shared/base/attributes.h"
#include "shared/base/number.h"

static const char *const names[] = {
    [PIN_NONE] = "none",
    [PIN_OLD] = "old",
    [PIN_NEW] = "new",
    [PIN_STANDBY] = "standby",
    [PIN_HOLD] = "hold",
    [PIN_BAD] = "bad",
};

/* What a text may say; "bad" is our name for the rest. */
static bool
parse_place(struct span word, enum pin_place *place)
{
    for (size_t i = PIN_NONE; i <= PIN_HOLD; i++) {
        if (span_is(word, names[i])) {
            *place = (enum pin_place)i;
            return true;
        }
    }
    return false;
}

/* 0 stands for ever: a time at or before 1970 is as much over as one second after it. */
static bool
parse_until(struct span text, int64_t *until)
{
    if (!number_rfc3339(text, until))
        return false;
    if (*until < 1)
        *until = 1;
    return true;
}

bool
pin_parse(struct span text, struct pin *pin, struct error *error)
{
    static const struct span until = {"until=", 6};
    static const struct span note = {"note=", 5};
    struct span rest = text;
    struct span word;
    struct pin parsed = {.place = PIN_BAD};

    *pin = parsed;
    if (text.length > PIN_TEXT_MAX)
        return error_permanent(error, "a pin has at most %d octets", PIN_TEXT_MAX);
    if (span_has_control(text))
        return error_permanent(error, "a pin has no control characters");
    if (!span_word(&rest, &word) || !parse_place(word, &parsed.place))
        return error_permanent(
            error, "a pin begins with old, new, standby or hold (or is none)");
    if (!span_word(&rest, &word)) {
        *pin = parsed;
        return true;
    }
    if (parsed.place == PIN_NONE)
        return error_permanent(error, "nothing follows none");
    if (span_starts(word, until)) {
        if (!parse_until(span_from(word, until.length), &parsed.until))
            return error_permanent(
                error, "until= takes a time such as 2026-11-24T12:00:00Z");
        if (!span_word(&rest, &word)) {
            *pin = parsed;
            return true;
        }
    }
    if (!span_starts(word, note))
        return error_permanent(
            error, "until=TIME and then note=TEXT may follow, nothing else");
    /* The rest of the line, from where this word begins. */
    parsed.note = span_from(text, (size_t)(word.data - text.data) + note.length);
    *pin = parsed;
    return true;
}

bool
pin_counts(const struct pin *pin, int64_t now)
{
    return pin->place != PIN_NONE && (pin->until == 0 || now < pin->until);
}

const char *
pin_place_name(enum pin_place place)
{
    return (size_t)place < ARRAY_LENGTH(names) ? names[place] : "bad";
}
