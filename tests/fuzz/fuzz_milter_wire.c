/*
 * fuzz_milter_wire - a packet is read once it is whole and no sooner, and is written the
 * same again; offers, clients and macros too.
 */
#include "milters/protocol/milter_client.h"
#include "milters/protocol/milter_macros.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
connects(struct span data)
{
    struct milter_connect connect;
    struct milter_client client;

    if (!milter_wire_connect(data, &connect))
        return;
    milter_client_connect(&client, &connect);
    milter_client_helo(&client, connect.address);
    assert(!client.local || client.address[0] == '\0');
    assert(connect.name.length + connect.address.length < data.length);
}

static void
offers(struct span data)
{
    struct milter_offer offer;
    struct buffer out = {.ceiling = 64};

    if (!milter_wire_offer(data, &offer))
        return;
    milter_wire_write_offer(&out, &offer);
    assert(span_equal(span_from(buffer_span(&out), 5), span_first(data, 12)));
    buffer_clear(&out);
}

static void
macros(struct span data)
{
    struct milter_macros macros;
    struct span rest = span_from(data, 1);
    struct span name;
    char copy[64];

    milter_macros_init(&macros);
    if (milter_macros_take(&macros, data) &&
        milter_macros_stage(data.data[0]) != MILTER_STAGES &&
        milter_wire_text(&rest, &name) && span_copy(name, copy, sizeof(copy)) &&
        copy[0] != '{')
        assert(strcmp(milter_macros_find(&macros, copy), rest.data) == 0);
    milter_macros_clear(&macros);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct milter_packet packet;
    struct buffer out;
    size_t used;

    buffer_init(&out, size);
    while (milter_wire_parse(rest, &packet, &used) == WIRE_DONE) {
        struct milter_packet early;
        size_t needed;

        assert(
            milter_wire_parse(span_first(rest, used - 1), &early, &needed) == WIRE_MORE);
        assert(needed <= used);
        buffer_reset(&out);
        milter_wire_write(&out, packet.command, packet.data);
        assert(span_equal(buffer_span(&out), span_first(rest, used)));
        connects(packet.data);
        offers(packet.data);
        macros(packet.data);
        rest = span_from(rest, used);
    }
    buffer_clear(&out);
    return 0;
}
