/*
 * fuzz_milter_session - whatever an MTA sends, the milter is called as its contract says
 * (tests/fakes/milter_contract.h), and what comes back are whole answers.
 *
 * The first octet says which milter and which verdict; the rest is octets of the
 * connection, or (mostly) a list of packets: command, length, data.
 */
#include "tests/fakes/milter_contract.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/base/attributes.h"
#include "shared/base/cursor.h"
#include "shared/service/log.h"

enum { SENT_MAX = 2048, ANSWERS_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct verdict_edit edits[] = {
    {VERDICT_INSERT, "A", "1", 0},
    {VERDICT_DELETE, "X", NULL, 1},
};

static const struct verdict verdicts[] = {
    {.action = VERDICT_ACCEPT, .edits = edits, .edit_count = ARRAY_LENGTH(edits)},
    {.action = VERDICT_QUARANTINE, .edits = edits, .edit_count = ARRAY_LENGTH(edits)},
    {.action = VERDICT_REJECT, .code = "550", .enhanced = "5.7.1", .text = "no"},
    {.action = VERDICT_TEMPFAIL},
};

static void
write_packets(struct buffer *out, struct cursor input)
{
    static const struct milter_offer offer = {6, 0x1ff, 0x1fffff};

    milter_wire_write_offer(out, &offer);
    while (cursor_left(&input) > 0) {
        char command = (char)cursor_u8(&input);
        size_t length = cursor_u8(&input);

        if (length > cursor_left(&input))
            length = cursor_left(&input);
        milter_wire_write(out, command, cursor_bytes(&input, length));
    }
}

/* Gives how many messages were answered. */
static unsigned
check_answers(struct span rest)
{
    struct milter_packet packet;
    unsigned last = 0;
    size_t used;

    while (milter_wire_parse(rest, &packet, &used) == WIRE_DONE) {
        assert(strchr("Ocsimqaryt", packet.command) != NULL);
        last += strchr("aryt", packet.command) != NULL ? 1 : 0;
        rest = span_from(rest, used);
    }
    assert(rest.length == 0);
    return last;
}

static void
receive(int fd, struct buffer *out)
{
    ssize_t got;

    do {
        buffer_reserve(out, 65536);
        got = recv(fd, out->data + out->length, 65536, MSG_DONTWAIT);
        if (got > 0)
            out->length += (size_t)got;
    } while (got > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct milter_contract contract;
    struct milter_counts counts = {0};
    struct buffer out;
    struct span sent;
    int fds[2];
    uint8_t how = size > 0 ? data[0] : 0;

    if (size == 0)
        return 0;
    log_set_level(LOG_LEVEL_ERROR);
    milter_contract_init(&contract);
    contract.verdict = verdicts[how & 3];
    contract.body_wanted = (how & 4) != 0 ? 8 : 0;
    contract.macros = "i auth_authen";
    buffer_init(&out, ANSWERS_MAX);
    if ((how & 8) != 0)
        buffer_append(&out, span_make(data + 1, size - 1));
    else
        write_packets(&out, cursor_on(span_make(data + 1, size - 1)));
    sent = span_first(buffer_span(&out), SENT_MAX);

    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    assert(sent.length == 0 || send(fds[0], sent.data, sent.length, 0) > 0);
    (void)shutdown(fds[0], SHUT_WR);
    milter_session_run(fds[1],
        (how & 16) != 0 ? &milter_contract_talker : &milter_contract_handler, &contract,
        &counts);
    buffer_reset(&out);
    receive(fds[0], &out);

    assert(check_answers(buffer_span(&out)) <= contract.messages);
    assert(contract.state == CONTRACT_CLOSED);
    assert(contract.closed == (contract.calls.length > 0));
    assert(atomic_load(&counts.messages) == 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    buffer_clear(&out);
    milter_contract_clear(&contract);
    return 0;
}
