#include "policyd/compare/mail_digest.h"

#include <string.h>

#include "shared/base/octet.h"

/* --- decoded octets to the digest --- */

static void
flush(struct mail_digest *mail)
{
    digest_stream_add(mail->stream, span_make(mail->out, mail->out_length));
    mail->out_length = 0;
}

static void
put(struct mail_digest *mail, unsigned char octet)
{
    if (mail->out_length == MAIL_DIGEST_OUT)
        flush(mail);
    mail->out[mail->out_length++] = octet;
}

static void
emit(struct mail_digest *mail, unsigned char octet)
{
    if (octet == '\r')
        return;
    if (octet == '\n') {
        mail->empty++;
        return;
    }
    for (; mail->empty > 0; mail->empty--)
        put(mail, '\n');
    put(mail, octet);
}

static void
emit_plain(struct mail_digest *mail, struct span line, bool ends)
{
    for (size_t i = 0; i < line.length; i++)
        emit(mail, (unsigned char)line.data[i]);
    if (ends)
        emit(mail, '\n');
}

static void
emit_quoted(struct mail_digest *mail, struct span line, bool ends)
{
    while (ends && line.length > 0 && octet_is_white(line.data[line.length - 1]))
        line = span_first(line, line.length - 1);
    for (size_t i = 0; i < line.length; i++) {
        int high = i + 2 < line.length ? octet_hex_value(line.data[i + 1]) : -1;
        int low = i + 2 < line.length ? octet_hex_value(line.data[i + 2]) : -1;

        if (line.data[i] != '=') {
            emit(mail, (unsigned char)line.data[i]);
        } else if (high >= 0 && low >= 0) {
            emit(mail, (unsigned char)(high * 16 + low));
            i += 2;
        } else if (ends && i + 1 == line.length) {
            return; /* a soft line end */
        } else {
            emit(mail, '=');
        }
    }
    if (ends)
        emit(mail, '\n');
}

static int
base64_value(char octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return octet - 'A';
    if (octet >= 'a' && octet <= 'z')
        return octet - 'a' + 26;
    if (octet_is_digit(octet))
        return octet - '0' + 52;
    return octet == '+' ? 62 : octet == '/' ? 63 : -1;
}

static void
emit_base64(struct mail_digest *mail, struct span line)
{
    for (size_t i = 0; i < line.length; i++) {
        int value = base64_value(line.data[i]);

        if (line.data[i] == '=')
            mail->bits = mail->bit_count = 0;
        if (value < 0)
            continue;
        mail->bits = (mail->bits << 6 | (uint32_t)value) & 0xffff;
        mail->bit_count += 6;
        if (mail->bit_count >= 8) {
            mail->bit_count -= 8;
            emit(mail, (unsigned char)(mail->bits >> mail->bit_count & 0xff));
        }
    }
}

/* --- lines --- */

static void
add_to_id(struct mail_digest *mail, struct span text)
{
    text = span_trim(text);
    if (mail->id_length + text.length >= MAIL_DIGEST_ID_MAX) {
        mail->id_length = 0;
        mail->in_id = false;
        return;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '\0')
            mail->message_id[mail->id_length++] = text.data[i];
    }
}

static void
note_encoding(struct mail_digest *mail, struct span text)
{
    text = span_trim(text);
    if (span_starts_nocase(text, SPAN("quoted-printable")))
        mail->next = MAIL_QUOTED;
    else if (span_starts_nocase(text, SPAN("base64")))
        mail->next = MAIL_BASE64;
}

static void
take_field(struct mail_digest *mail, struct span line)
{
    static const struct span encoding = {"content-transfer-encoding:", 26};
    static const struct span id = {"message-id:", 11};

    if (line.length > 0 && octet_is_blank(line.data[0])) {
        if (mail->in_id)
            add_to_id(mail, line);
        if (mail->in_encoding)
            note_encoding(mail, line);
        return;
    }
    mail->in_encoding = span_starts_nocase(line, encoding);
    mail->in_id = mail->in_top && !mail->has_id && span_starts_nocase(line, id);
    if (mail->in_encoding)
        note_encoding(mail, span_from(line, encoding.length));
    if (mail->in_id) {
        mail->has_id = true;
        add_to_id(mail, span_from(line, id.length));
    }
}

static void
take_header_line(struct mail_digest *mail, struct span line, bool ends)
{
    if (!mail->is_within && span_trim(line).length == 0) {
        mail->in_header = mail->in_top = mail->in_id = mail->in_encoding = false;
        mail->encoding = mail->next;
        mail->bits = mail->bit_count = 0;
        return;
    }
    if (!mail->is_within)
        take_field(mail, line);
    if (!mail->in_top && !mail->in_encoding)
        emit_plain(mail, line, ends);
}

static void
take_body_line(struct mail_digest *mail, struct span line, bool ends)
{
    if (!mail->is_within && span_starts(line, SPAN("--")) && line.length > 2 &&
        !span_starts(line, SPAN("-- "))) {
        mail->in_header = true;
        mail->in_encoding = false;
        mail->next = MAIL_PLAIN;
        emit(mail, '\n');
        emit_plain(mail, line, ends);
    } else if (mail->encoding == MAIL_QUOTED) {
        emit_quoted(mail, line, ends);
    } else if (mail->encoding == MAIL_BASE64) {
        emit_base64(mail, line);
    } else {
        emit_plain(mail, line, ends);
    }
}

static void
take_line(struct mail_digest *mail, bool ends)
{
    struct span line = span_make(mail->line, mail->length);

    if (ends && line.length > 0 && line.data[line.length - 1] == '\r')
        line = span_first(line, line.length - 1);
    if (mail->in_header)
        take_header_line(mail, line, ends);
    else
        take_body_line(mail, line, ends);
    mail->length = 0;
    mail->is_within = !ends;
}

void
mail_digest_begin(struct mail_digest *mail)
{
    *mail = (struct mail_digest){
        .stream = digest_stream_new(), .in_top = true, .in_header = true};
}

void
mail_digest_add(struct mail_digest *mail, struct span part)
{
    for (size_t i = 0; i < part.length; i++) {
        if (part.data[i] == '\n') {
            take_line(mail, true);
            continue;
        }
        if (mail->length == MAIL_DIGEST_LINE_MAX)
            take_line(mail, false);
        mail->line[mail->length++] = part.data[i];
    }
}

void
mail_digest_end(struct mail_digest *mail, uint8_t digest[DIGEST_SHA256_SIZE])
{
    if (mail->length > 0)
        take_line(mail, true);
    mail->message_id[mail->id_length] = '\0';
    flush(mail);
    digest_stream_end(mail->stream, digest);
    mail->stream = NULL;
}
