#include "policyd/terminal/moves_format.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/attributes.h"

struct moves_format {
    const char *name;
    const char *head;
    const char *foot;
    void (*write)(struct moves_writer *writer, const struct moves_mover *mover);
};

/* RFC 5321 section 4.1.2: what is no dot-string is quoted. */
static bool
is_dot_string(struct span local)
{
    static const char atoms[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123"
                                "456789!#$%&'*+-/=?^_`{|}~.";

    for (size_t i = 0; i < local.length; i++) {
        bool is_utf8 = (unsigned char)local.data[i] >= 0x80;
        bool is_edge = i == 0 || i + 1 == local.length || local.data[i - 1] == '.';

        if (!is_utf8 && span_find(span_of(atoms), local.data[i]) == SPAN_NONE)
            return false;
        if (local.data[i] == '.' && is_edge)
            return false;
    }
    return local.length > 0;
}

static void
append_escaped(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buffer_append_octet(out, '\\');
        buffer_append_octet(out, text.data[i]);
    }
}

static void
append_address(
    struct buffer *out, struct span local, const char *before, struct span domain)
{
    if (is_dot_string(local)) {
        buffer_append(out, local);
    } else {
        buffer_append_octet(out, '"');
        append_escaped(out, local);
        buffer_append_octet(out, '"');
    }
    buffer_append_octet(out, '@');
    buffer_append_text(out, before);
    buffer_append(out, domain);
}

static void
append_csv(struct buffer *out, struct span text)
{
    bool plain = true;

    for (size_t i = 0; i < text.length; i++)
        plain = plain && span_find(SPAN(",\"\r\n"), text.data[i]) == SPAN_NONE;
    if (plain) {
        buffer_append(out, text);
        return;
    }
    buffer_append_octet(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"')
            buffer_append_octet(out, '"');
        buffer_append_octet(out, text.data[i]);
    }
    buffer_append_octet(out, '"');
}

/* Both forms of an address, with its quotes where it needs them. */
struct redirect {
    struct buffer from;
    struct buffer to;
};

static void
redirect_init(struct redirect *redirect, const struct moves_mover *mover)
{
    buffer_init(&redirect->from, 4096);
    buffer_init(&redirect->to, 4096);
    append_address(&redirect->from, mover->local, "", mover->domain);
    append_address(&redirect->to, mover->local, "new.", mover->domain);
}

static void
redirect_clear(struct redirect *redirect)
{
    buffer_clear(&redirect->from);
    buffer_clear(&redirect->to);
}

static void
write_line(struct moves_writer *writer, const struct moves_mover *mover)
{
    buffer_append(&writer->out, mover->address);
    buffer_append_octet(&writer->out, '\n');
}

static void
write_csv_known(struct buffer *out, const struct moves_known *known)
{
    const struct span texts[] = {known->aliases, known->forwards, known->rehearsal};

    if (known->has_volume)
        buffer_printf(out, ",%" PRIu64 ",%" PRIu64, known->mails, known->mean_octets);
    else
        buffer_append_text(out, ",,");
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        buffer_append_octet(out, ',');
        append_csv(out, texts[i]);
    }
}

static void
write_csv(struct moves_writer *writer, const struct moves_mover *mover)
{
    struct redirect redirect;

    redirect_init(&redirect, mover);
    append_csv(&writer->out, buffer_span(&redirect.from));
    buffer_printf(&writer->out, ",%s,%s,", route_place_name(mover->from),
        route_place_name(mover->to));
    append_csv(&writer->out, mover->unit);
    buffer_append_octet(&writer->out, ',');
    append_csv(&writer->out, buffer_span(&redirect.to));
    write_csv_known(&writer->out, &mover->known);
    buffer_append_octet(&writer->out, '\n');
    redirect_clear(&redirect);
}

static void
write_sieve(struct moves_writer *writer, const struct moves_mover *mover)
{
    struct buffer *out = &writer->out;
    struct redirect redirect;

    redirect_init(&redirect, mover);
    if (mover->to == ROUTE_NEW) {
        buffer_append_text(out, "if envelope :is \"to\" \"");
        append_escaped(out, buffer_span(&redirect.from));
        buffer_append_text(out, "\" { redirect \"");
        append_escaped(out, buffer_span(&redirect.to));
        buffer_append_text(out, "\"; stop; }\n");
    } else {
        buffer_append_text(out, "# no redirect any more: ");
        buffer_append(out, buffer_span(&redirect.from));
        buffer_append_octet(out, '\n');
    }
    redirect_clear(&redirect);
}

static void
write_virtual(struct moves_writer *writer, const struct moves_mover *mover)
{
    struct buffer *out = &writer->out;
    struct redirect redirect;

    redirect_init(&redirect, mover);
    buffer_append_text(out, mover->to == ROUTE_NEW ? "" : "# no redirect any more: ");
    buffer_append(out, buffer_span(&redirect.from));
    if (mover->to == ROUTE_NEW) {
        buffer_append_octet(out, ' ');
        buffer_append(out, buffer_span(&redirect.to));
    }
    buffer_append_octet(out, '\n');
    redirect_clear(&redirect);
}

static void
write_json(struct moves_writer *writer, const struct moves_mover *mover)
{
    struct json *json = &writer->json;

    json_object_begin(json, NULL);
    json_span(json, "address", mover->address);
    json_span(json, "unit", mover->unit);
    json_text(json, "from", route_place_name(mover->from));
    json_text(json, "to", route_place_name(mover->to));
    json_integer(json, "bucket", mover->bucket);
    if (mover->known.has_volume) {
        json_integer(json, "mails", (int64_t)mover->known.mails);
        json_integer(json, "mean_size", (int64_t)mover->known.mean_octets);
    }
    if (mover->known.aliases.length > 0)
        json_span(json, "aliases", mover->known.aliases);
    if (mover->known.forwards.length > 0)
        json_span(json, "forwards", mover->known.forwards);
    if (mover->known.rehearsal.length > 0)
        json_span(json, "rehearsal", mover->known.rehearsal);
    json_object_end(json);
}

static const struct moves_format formats[] = {
    {"lines",   "",                                                                           "",    write_line   },
    {"csv",     "address,from,to,unit,redirect,mails,mean_size,aliases,forwards,rehearsal\n",
     "",                                                                                             write_csv    },
    {"sieve",   "require [\"envelope\"];\n",                                                  "",    write_sieve  },
    {"virtual", "",                                                                           "",    write_virtual},
    {"json",    "[",                                                                          "]\n", write_json   },
};

const struct moves_format *
moves_format_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    }
    return NULL;
}

bool
moves_format_tells(const struct moves_format *format)
{
    return format->write == write_csv || format->write == write_json;
}

void
moves_format_begin(
    struct moves_writer *writer, const struct moves_format *format, size_t ceiling)
{
    writer->format = format;
    buffer_init(&writer->out, ceiling);
    writer->json = json_on(&writer->out);
    buffer_append_text(&writer->out, format->head);
}

void
moves_format_write(struct moves_writer *writer, const struct moves_mover *mover)
{
    writer->format->write(writer, mover);
}

void
moves_format_end(struct moves_writer *writer)
{
    buffer_append_text(&writer->out, writer->format->foot);
}

void
moves_format_clear(struct moves_writer *writer)
{
    buffer_clear(&writer->out);
}
