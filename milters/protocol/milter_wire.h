/*
 * milter_wire - the milter protocol (versions 2 to 6): packets of an MTA to values, a
 * milter's answers to packets.
 *
 * A packet is a length (u32, of what follows), a command and its data; at most
 * MILTER_PACKET_MAX octets, which holds the longest field.  Texts end in NUL and have
 * none inside: data that is not so is malformed, as is what is left over.  Spans are
 * borrowed from the input.
 */
#ifndef MILTERS_PROTOCOL_MILTER_WIRE_H
#define MILTERS_PROTOCOL_MILTER_WIRE_H

#include "shared/base/buffer.h"
#include "shared/base/wire.h"

enum {
    MILTER_VERSION = 6,
    MILTER_VERSION_LEAST = 2,
    MILTER_PACKET_MAX = (1 << 20) + 65536,
};

enum milter_command {
    MILTER_ABORT = 'A',   /* of the message; no answer */
    MILTER_BODY = 'B',    /* a chunk */
    MILTER_CONNECT = 'C', /* milter_wire_connect */
    MILTER_MACROS =
        'D',           /* the command they go with, name and value by turns; no answer */
    MILTER_END = 'E',  /* of the message; data: its last chunk */
    MILTER_HELO = 'H', /* a text */
    MILTER_QUIT_NEW = 'K', /* another client on the same connection; no answer */
    MILTER_FIELD = 'L',    /* two texts: name, value */
    MILTER_MAIL = 'M',     /* texts: address in <>, ESMTP parameters */
    MILTER_END_FIELDS = 'N',
    MILTER_NEGOTIATE = 'O', /* milter_wire_offer */
    MILTER_QUIT = 'Q',      /* no answer */
    MILTER_RCPT = 'R',
    MILTER_DATA = 'T',
    MILTER_UNKNOWN = 'U', /* an SMTP command that the MTA does not know */
};

/* What a milter may do to a message. */
enum milter_action {
    MILTER_ADD_FIELDS = 0x01,
    MILTER_CHANGE_FIELDS = 0x10,
    MILTER_QUARANTINES = 0x20,
};

/* Steps left out (NO), steps without an answer (NR), and two manners of speaking. */
enum milter_step {
    MILTER_NO_RCPT = 0x08,
    MILTER_NR_FIELD = 0x80,
    MILTER_NO_UNKNOWN = 0x100,
    MILTER_NO_DATA = 0x200,
    MILTER_SKIP = 0x400, /* "no more of the body" is understood */
    MILTER_NR_CONNECT = 0x1000,
    MILTER_NR_HELO = 0x2000,
    MILTER_NR_MAIL = 0x4000,
    MILTER_NR_RCPT = 0x8000,
    MILTER_NR_DATA = 0x10000,
    MILTER_NR_UNKNOWN = 0x20000,
    MILTER_NR_END_FIELDS = 0x40000,
    MILTER_NR_BODY = 0x80000,
    MILTER_LEADING_SPACE = 0x100000, /* field values carry their own first blank */
};

struct milter_packet {
    char command; /* enum milter_command, or one we don't know */
    struct span data;
};

/* WIRE_DONE: *used octets of the input were the packet.  WIRE_MORE: *used is how many it
 * needs in all, as far as is known. */
enum wire_result milter_wire_parse(
    struct span input, struct milter_packet *packet, size_t *used);

/* The next text of the data; false: none is left, or what is left is none (*data is then
 * not empty). */
bool milter_wire_text(struct span *data, struct span *text);

struct milter_offer {
    uint32_t version;
    uint32_t actions;
    uint32_t steps;
};

/* Lists of macros behind it are passed over. */
bool milter_wire_offer(struct span data, struct milter_offer *offer);

enum milter_family {
    MILTER_FAMILY_UNKNOWN = 'U', /* also what is no family at all */
    MILTER_FAMILY_LOCAL = 'L',
    MILTER_FAMILY_IP4 = '4',
    MILTER_FAMILY_IP6 = '6',
};

struct milter_connect {
    struct span
        name; /* as the MTA calls the client: verified, in brackets, or "unknown" */
    enum milter_family family;
    struct span address; /* text, whatever it is; empty where there is none */
};

bool milter_wire_connect(struct span data, struct milter_connect *connect);

void milter_wire_write(struct buffer *out, char command, struct span data);
void milter_wire_write_offer(struct buffer *out, const struct milter_offer *offer);

/* Answers without data. */
enum milter_answer {
    MILTER_ACCEPT = 'a',
    MILTER_CONTINUE = 'c',
    MILTER_DISCARD = 'd',
    MILTER_REJECT = 'r',
    MILTER_SKIP_BODY = 's',
    MILTER_TEMPFAIL = 't',
};

void milter_wire_write_answer(struct buffer *out, enum milter_answer answer);

/* "550 5.7.1 text"; each '%' is doubled. */
void milter_wire_write_reply(
    struct buffer *out, const char *code, const char *enhanced, const char *text);

/* `leading_space`: values carry their own first blank. */
void milter_wire_write_append(
    struct buffer *out, const char *name, const char *value, bool leading_space);
void milter_wire_write_insert(struct buffer *out, uint32_t index, const char *name,
    const char *value, bool leading_space);
void milter_wire_write_delete(struct buffer *out, uint32_t number, const char *name);
void milter_wire_write_quarantine(struct buffer *out, const char *reason);

#endif
