#include "policyd/wire/policy_wire.h"

#include "shared/base/octet.h"

#define ATTRIBUTE(name)                                                                  \
    {                                                                                    \
        {#name, sizeof(#name) - 1}, offsetof(struct policy_request, name)                \
    }

static const struct attribute {
    struct span name;
    size_t offset;
} attributes[] = {
    ATTRIBUTE(request),
    ATTRIBUTE(protocol_state),
    ATTRIBUTE(client_address),
    ATTRIBUTE(recipient),
    ATTRIBUTE(queue_id),
    ATTRIBUTE(instance),
};

struct names {
    struct span items[POLICY_ATTRIBUTES_MAX];
    size_t count;
    uint64_t marks; /* of all items: most new names show by it that they are new */
};

static enum wire_result
bad(struct error *error, const char *why)
{
    (void)error_permanent(error, "%s", why);
    return WIRE_BAD;
}

static bool
is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char octet = name.data[i];

        if (!octet_is_letter_or_digit(octet) && octet != '_')
            return false;
    }
    return name.length > 0;
}

/* False: it came before, or there are too many.  The name isn't empty. */
static bool
add_name(struct names *names, struct span name)
{
    size_t first = (unsigned char)name.data[0];
    size_t last = (unsigned char)name.data[name.length - 1];
    uint64_t mark = (uint64_t)1 << ((name.length * 5 + first * 3 + last) % 64);

    for (size_t i = 0; (names->marks & mark) != 0 && i < names->count; i++) {
        if (names->items[i].length == name.length && span_equal(names->items[i], name))
            return false;
    }
    if (names->count == POLICY_ATTRIBUTES_MAX)
        return false;
    names->marks |= mark;
    names->items[names->count++] = name;
    return true;
}

static void
keep(struct policy_request *request, struct span name, struct span value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(attributes); i++) {
        if (attributes[i].name.length == name.length &&
            span_equal(attributes[i].name, name)) {
            *(struct span *)(void *)((char *)request + attributes[i].offset) = value;
            return;
        }
    }
}

static enum wire_result
parse_attribute(struct span line, struct policy_request *request, struct names *names,
    struct error *error)
{
    size_t equals = span_find(line, '=');
    struct span name;

    if (equals == SPAN_NONE)
        return bad(error, "a line without '='");
    name = span_first(line, equals);
    if (!is_name(name))
        return bad(error, "a name that is none");
    if (!add_name(names, name))
        return bad(error, "an attribute that came twice, or one too many");
    keep(request, name, span_from(line, equals + 1));
    return WIRE_DONE;
}

/* Behind the last of the lines that are whole. */
static enum wire_result
check_end(struct span input, size_t length, const struct policy_request *request,
    struct error *error)
{
    struct span lines = span_first(input, length);

    if (span_find(lines, '\0') != SPAN_NONE || span_find(lines, '\r') != SPAN_NONE)
        return bad(error, "NUL or carriage return in a line");
    if (!span_equal(request->request, SPAN("smtpd_access_policy")))
        return bad(error, "no request=smtpd_access_policy");
    return WIRE_DONE;
}

enum wire_result
policy_wire_parse(
    struct span input, struct policy_request *request, size_t *used, struct error *error)
{
    struct span rest = span_first(input, POLICY_REQUEST_MAX);
    struct names names;
    size_t end;

    *request = (struct policy_request){0};
    names.count = 0;
    names.marks = 0;
    while ((end = span_find(rest, '\n')) != SPAN_NONE) {
        struct span line = span_first(rest, end);

        rest = span_from(rest, end + 1);
        if (line.length == 0) {
            *used = (size_t)(rest.data - input.data);
            return check_end(input, *used, request, error);
        }
        if (parse_attribute(line, request, &names, error) == WIRE_BAD)
            return WIRE_BAD;
    }
    if (input.length >= POLICY_REQUEST_MAX)
        return bad(error, "a request that is too long");
    return WIRE_MORE;
}

/* What comes from configuration or Redis must not end our line. */
static void
append_printable(struct buffer *out, struct span text)
{
    if (!span_has_control(text)) {
        buffer_append(out, text);
        return;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char octet = (unsigned char)text.data[i];

        if (octet < 0x20 || octet == 0x7f)
            buffer_append_octet(out, '?');
        else
            buffer_append_octet(out, text.data[i]);
    }
}

void
policy_wire_write(struct buffer *out, struct span action, struct span text)
{
    buffer_append(out, SPAN("action="));
    append_printable(out, action);
    if (text.length > 0) {
        buffer_append_octet(out, ' ');
        append_printable(out, text);
    }
    buffer_append(out, SPAN("\n\n"));
}
