/*
 * fuzz_replica - operations of four octets each on units and pins, beside a plain array
 * that does the same: in the end both hold the same, and going through meets each once.
 *
 * Octet 0 says what, 1 and 2 say which, 3 how long or how many.
 */
#include "policyd/replica/replica.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES = 1 << 14, RANGES_MAX = 200 };

static uint16_t lengths[NAMES]; /* of the unit; 0: none */
static uint8_t places[NAMES];
static char letters[REPLICA_NAME_MAX];

static struct span
name_of(char text[32], size_t number)
{
    return span_make(text, (size_t)snprintf(text, 32, "%zu@example.com", number));
}

static struct span
unit_of(size_t length)
{
    return span_make(letters, length);
}

static void
put(struct replica *replica, size_t number, uint8_t what, size_t length)
{
    char text[32];
    struct span name = name_of(text, number);

    if ((what & 1) != 0) {
        assert(replica_put_unit(replica, name, unit_of(length)));
        lengths[number] = (uint16_t)length;
    } else {
        places[number] = (uint8_t)(length % (PIN_BAD + 1));
        assert(replica_put_pin(
            replica, name, (enum pin_place)places[number], (int64_t)(length & 8)));
    }
}

static void
check(const struct replica *replica)
{
    size_t pins = 0;
    size_t units = 0;
    uint64_t cursor = 0;
    struct span name;
    struct span unit;
    struct pin pin;
    char text[32];

    for (size_t i = 0; i < NAMES; i++) {
        pins += places[i] != PIN_NONE;
        units += lengths[i] != 0;
    }
    assert(replica_count(replica, REPLICA_PIN) == pins &&
           replica_count(replica, REPLICA_UNIT) == units);
    while (replica_next(replica, REPLICA_UNIT, &cursor, &name, &unit)) {
        assert(span_equal(replica_find_unit(replica, name), unit));
        units--;
    }
    for (cursor = 0; replica_next(replica, REPLICA_PIN, &cursor, &name, &unit);)
        pins--;
    assert(pins == 0 && units == 0);
    for (size_t i = 0; i < NAMES; i++) {
        if (lengths[i] == 0 && places[i] == PIN_NONE)
            continue;
        name = name_of(text, i);
        assert(span_equal(replica_find_unit(replica, name), unit_of(lengths[i])));
        (void)replica_find_pin(replica, name, &pin);
        assert(pin.place == places[i]);
    }
}

/* What is met is removed, at once: half of everything. */
static void
remove_while_going_through(struct replica *replica, uint8_t odd)
{
    uint64_t cursor = 0;
    struct span name;
    struct span unit;

    while (replica_next(replica, REPLICA_UNIT, &cursor, &name, &unit)) {
        size_t number = 0;

        for (size_t i = 0; name.data[i] != '@'; i++)
            number = number * 10 + (size_t)(name.data[i] - '0');
        if (number % 2 != odd % 2)
            continue;
        replica_remove(replica, REPLICA_UNIT, name);
        lengths[number] = 0;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct replica *replica = replica_new();
    size_t ranges = 0;

    memset(lengths, 0, sizeof(lengths));
    memset(places, 0, sizeof(places));
    memset(letters, 'x', sizeof(letters));
    for (size_t at = 0; at + 4 <= size; at += 4) {
        size_t number = ((size_t)data[at + 1] << 8 | data[at + 2]) % NAMES;
        uint8_t what = data[at];
        size_t length = data[at + 3];

        if ((what & 6) != 6 || ranges++ > RANGES_MAX)
            put(replica, number, what, (what & 8) != 0 ? length * 4 : length);
        else if ((what & 8) == 0)
            remove_while_going_through(replica, data[at + 3]);
        else
            for (size_t i = 0; i < length; i++)
                put(replica, (number + i) % NAMES, what, (what & 16) != 0 ? 0 : i * 4);
    }
    check(replica);
    replica_free(replica);
    return 0;
}
