#include "policyd/wire/smtp_command.h"

#include <string.h>

#include "shared/base/domain.h"
#include "shared/base/mailbox.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

/* RFC 5321 atext; beyond ASCII RFC 6531. */
static bool
is_atom_octet(char octet)
{
    return octet_is_letter_or_digit(octet) || (unsigned char)octet >= 0x80 ||
           (octet != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);
}

static bool
is_dot_string(struct span local)
{
    bool after_dot = true;

    for (size_t i = 0; i < local.length; i++) {
        if (local.data[i] == '.' ? after_dot : !is_atom_octet(local.data[i]))
            return false;
        after_dot = local.data[i] == '.';
    }
    return !after_dot;
}

/* "[192.0.2.1]", "[IPv6:::1]". */
static bool
is_literal(struct span domain)
{
    if (domain.length < 3 || domain.data[0] != '[' ||
        domain.data[domain.length - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < domain.length; i++) {
        if (!octet_is_letter_or_digit(domain.data[i]) && domain.data[i] != '.' &&
            domain.data[i] != ':' && domain.data[i] != '-')
            return false;
    }
    return true;
}

/* U-labels: what isn't ASCII, between what a name may have. */
static bool
is_wide_name(struct span domain)
{
    for (size_t i = 0; i < domain.length; i++) {
        char octet = domain.data[i];

        if ((unsigned char)octet < 0x80 && !octet_is_letter_or_digit(octet) &&
            octet != '.' && octet != '-' && octet != '_')
            return false;
    }
    return !span_is_ascii(domain) && domain.length <= DOMAIN_MAX;
}

bool
smtp_address_check(struct span address, struct error *error)
{
    struct mailbox mailbox;

    if (address.length > SMTP_ADDRESS_MAX)
        return error_permanent(
            error, "the address is longer than %d octets", SMTP_ADDRESS_MAX);
    if (span_has_control(address) || !utf8_is_valid(address))
        return error_permanent(error, "the address has controls, or is no UTF-8");
    if (!mailbox_split(address, &mailbox))
        return error_permanent(error, "the address has no local part or no domain");
    if (!domain_is_valid(mailbox.domain) && !is_literal(mailbox.domain) &&
        !is_wide_name(mailbox.domain))
        return error_permanent(error, "the address has no valid domain");
    return true;
}

static bool
append_quoted(struct buffer *out, struct span local)
{
    (void)buffer_append_octet(out, '"');
    for (size_t i = 0; i < local.length; i++) {
        if (local.data[i] == '"' || local.data[i] == '\\')
            (void)buffer_append_octet(out, '\\');
        (void)buffer_append_octet(out, local.data[i]);
    }
    return buffer_append_octet(out, '"');
}

static bool
append_path(struct buffer *out, struct span address, struct error *error)
{
    struct mailbox mailbox;
    struct buffer bare;

    if (!smtp_address_check(address, error))
        return false;
    (void)mailbox_split(address, &mailbox);
    buffer_init(&bare, SMTP_ADDRESS_MAX);
    (void)mailbox_unquote(mailbox.local, &bare);
    if (is_dot_string(buffer_span(&bare)))
        (void)buffer_append(out, buffer_span(&bare));
    else
        (void)append_quoted(out, buffer_span(&bare));
    buffer_clear(&bare);
    (void)buffer_append_octet(out, '@');
    return buffer_append(out, mailbox.domain);
}

static bool
check_utf8(bool is_wide, const struct smtp_extensions *extensions, struct error *error)
{
    return !is_wide || extensions->smtputf8 ||
           error_permanent(error, "the address needs SMTPUTF8, which the server lacks");
}

bool
smtp_command_mail(struct buffer *out, struct span sender, uint64_t size, bool utf8,
    const struct smtp_extensions *extensions, struct error *error)
{
    bool is_wide = utf8 || !span_is_ascii(sender);

    if (!check_utf8(is_wide, extensions, error))
        return false;
    (void)buffer_append_text(out, "MAIL FROM:<");
    if (sender.length > 0 && !append_path(out, sender, error))
        return false;
    (void)buffer_append_octet(out, '>');
    if (size > 0 && extensions->size)
        (void)buffer_printf(out, " SIZE=%llu", (unsigned long long)size);
    if (is_wide)
        (void)buffer_append_text(out, " SMTPUTF8");
    return buffer_append_text(out, "\r\n");
}

bool
smtp_command_rcpt(struct buffer *out, struct span recipient,
    const struct smtp_extensions *extensions, struct error *error)
{
    if (!check_utf8(!span_is_ascii(recipient), extensions, error))
        return false;
    (void)buffer_append_text(out, "RCPT TO:<");
    if (!append_path(out, recipient, error))
        return false;
    return buffer_append_text(out, ">\r\n");
}
