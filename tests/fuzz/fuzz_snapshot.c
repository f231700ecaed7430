/*
 * Snapshots: any records, without and with the digests around them; what was read is
 * written and read again as the same.
 */
#include <assert.h>

#include "policyd/replica/snapshot_reader.h"

static const char *const transports[] = {"cutover-old", "cutover-new"};
static const struct replica_rules rules = {
    .state = {.transports = transports, .transport_count = 2},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
into_buffer(void *argument, struct span octets)
{
    return buffer_append(argument, octets);
}

static void
write_and_read_again(const struct snapshot_reader *first)
{
    struct snapshot_reader second;
    struct buffer out;
    struct span rest;
    struct error error;

    buffer_init(&out, 64 << 20);
    assert(snapshot_wire_write(first->replica, &first->extra, into_buffer, &out));
    snapshot_reader_init(&second, replica_new(), &rules);
    rest = buffer_span(&out);
    assert(snapshot_reader_take(&second, &rest, &error));
    assert(snapshot_reader_end(&second, rest, &error));
    assert(replica_domain_count(first->replica) == replica_domain_count(second.replica));
    assert(replica_count(first->replica, REPLICA_PIN) ==
           replica_count(second.replica, REPLICA_PIN));
    assert(replica_count(first->replica, REPLICA_UNIT) ==
           replica_count(second.replica, REPLICA_UNIT));
    assert(replica_member_count(first->replica) == replica_member_count(second.replica));
    assert(first->extra.accepted == second.extra.accepted);
    replica_free(second.replica);
    buffer_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot_reader reader;
    struct span input = span_make(data, size);
    struct error error;

    snapshot_reader_init(&reader, replica_new(), &rules);
    if (snapshot_reader_records(&reader, span_first(input, SNAPSHOT_BLOCK_MAX), &error))
        write_and_read_again(&reader);
    replica_free(reader.replica);

    snapshot_reader_init(&reader, replica_new(), &rules);
    if (snapshot_reader_take(&reader, &input, &error))
        (void)snapshot_reader_end(&reader, input, &error);
    replica_free(reader.replica);
    return 0;
}
