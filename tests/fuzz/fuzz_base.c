/*
 * fuzz_base - what the lowest floor makes of any text: canonical forms stay as they are,
 * numbers are in their bounds, JSON is UTF-8 without control octets.
 */
#include "shared/base/idn.h"
#include "shared/base/json.h"
#include "shared/base/mailbox.h"
#include "shared/base/network.h"
#include "shared/base/number.h"
#include "shared/base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_idn(struct span text)
{
    char first[DOMAIN_MAX + 1];
    char second[DOMAIN_MAX + 1];

    if (!idn_to_ascii(text, first))
        return;
    assert(domain_is_valid(span_of(first)));
    assert(idn_to_ascii(span_of(first), second));
    assert(strcmp(first, second) == 0);
}

static void
check_numbers(struct span text)
{
    uint64_t number;
    int64_t other;
    unsigned hundredths;
    struct network network;

    assert(!number_unsigned(text, 1000, &number) || number <= 1000);
    assert(!number_signed(text, -5, 5, &other) || (other >= -5 && other <= 5));
    assert(!number_percent(text, &hundredths) || hundredths <= 10000);
    assert(!number_size(text, &number) || number <= UINT64_C(1) << 40);
    assert(!number_duration(text, &number) || number <= UINT64_C(366) * 86400000);
    (void)number_thousandths(text, &other);
    (void)number_rfc3339(text, &other);
    assert(!network_parse(text, &network) || network.bits <= 128);
}

static void
check_json_and_mailbox(struct span text)
{
    struct buffer out;
    struct json json;
    struct mailbox mailbox;

    buffer_init(&out, 8 * text.length + 16);
    json = json_on(&out);
    json_span(&json, NULL, text);
    assert(buffer_ok(&out) && utf8_is_valid(buffer_span(&out)));
    assert(!span_has_control(buffer_span(&out)));
    buffer_reset(&out);
    if (mailbox_split(text, &mailbox)) {
        assert(mailbox.local.length + mailbox.domain.length + 1 == text.length);
        assert(
            mailbox_unquote(mailbox.local, &out) && out.length <= mailbox.local.length);
    }
    buffer_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);

    check_idn(text);
    check_numbers(text);
    check_json_and_mailbox(text);
    return 0;
}
