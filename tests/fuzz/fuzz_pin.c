/*
 * fuzz_pin - a pin that is understood, written again, says the same.
 */
#include "policyd/state/pin.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct error error = {0};
    struct buffer out;
    struct pin pin;
    struct pin again;

    if (!pin_parse(text, &pin, &error)) {
        assert(pin.place == PIN_BAD && error.kind == ERROR_PERMANENT);
        return 0;
    }
    assert(pin.place != PIN_BAD && pin.until >= 0 && !span_has_control(pin.note));
    assert(pin_counts(&pin, INT64_MIN) == (pin.place != PIN_NONE));
    assert(!pin_counts(&pin, INT64_MAX) || pin.until == 0);
    buffer_init(&out, 2 * PIN_TEXT_MAX);
    buffer_append_text(&out, pin_place_name(pin.place));
    if (pin.until != 0) {
        char until[21];

        number_rfc3339_write(pin.until, until);
        buffer_printf(&out, " until=%s", until);
    }
    if (pin.note.length > 0) {
        buffer_append_text(&out, " note=");
        buffer_append(&out, pin.note);
    }
    if (out.length <= PIN_TEXT_MAX) {
        assert(pin_parse(buffer_span(&out), &again, &error));
        assert(again.place == pin.place && span_equal(again.note, pin.note));
        /* 9999-12-31 with an offset may lie in the year 10000, which is not written. */
        assert(again.until == pin.until || again.until == INT64_C(253402300799));
    }
    buffer_clear(&out);
    return 0;
}
