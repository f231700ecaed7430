#include "tests/fakes/dns_table.h"

#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/dns/dns_name.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { CHAIN_MAX = 10 };

struct dns_question {
    struct dns_answer answer;
};

static struct span
row_text(const struct dns_table_row *row)
{
    if (row->text == NULL)
        return span_make(NULL, 0);
    return span_make(row->text, row->length != 0 ? row->length : strlen(row->text));
}

static void
fill_record(struct dns_record *record, const struct dns_table_row *row)
{
    struct span text = row_text(row);
    struct span word;
    uint64_t preference;

    switch (row->type) {
    case DNS_A:
        assert(inet_pton(AF_INET, row->text, record->address) == 1);
        break;
    case DNS_AAAA:
        assert(inet_pton(AF_INET6, row->text, record->address) == 1);
        break;
    case DNS_SOA:
        assert(span_word(&text, &word));
        assert(number_unsigned(span_trim(text), UINT32_MAX, &preference));
        record->preference = (unsigned)preference;
        record->text = word;
        break;
    case DNS_MX:
        assert(span_word(&text, &word));
        assert(number_unsigned(word, 65535, &preference));
        record->preference = (unsigned)preference;
        record->text = span_trim(text);
        break;
    default:
        record->text = text;
    }
}

/* What is known of one name: gives the CNAME's target, or the empty span. */
static struct span
look(const struct dns_table *table, struct span name, enum dns_type type,
    struct dns_answer *answer, struct dns_record *records)
{
    struct span target = {NULL, 0};

    answer->status = DNS_NXDOMAIN;
    answer->count = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct dns_table_row *row = &table->rows[i];
        struct span row_name = span_of(row->name);

        if (!span_equal_nocase(row_name, name)) {
            if (answer->status == DNS_NXDOMAIN && row_name.length > name.length &&
                row_name.data[row_name.length - name.length - 1] == '.' &&
                span_equal_nocase(
                    span_from(row_name, row_name.length - name.length), name))
                answer->status = DNS_NODATA;
            continue;
        }
        if (row->status != DNS_OK && (row->type == 0 || row->type == (int)type)) {
            answer->status = row->status;
            answer->count = 0;
            return target;
        }
        if (row->type == DNS_TABLE_CNAME)
            target = span_of(row->text);
        if (answer->count == 0)
            answer->status = DNS_NODATA;
        if (row->type != (int)type)
            continue;
        fill_record(&records[answer->count++], row);
        answer->status = DNS_OK;
        answer->secure = row->secure;
    }
    return target;
}

static struct dns_question *
ask(void *context, struct span name, enum dns_type type)
{
    struct dns_table *table = context;
    struct dns_question *question = arena_take(table->arena, sizeof(*question));
    struct dns_record *records =
        arena_take(table->arena, (table->count + 1) * sizeof(*records));

    table->asked++;
    if (table->saw != NULL)
        table->saw(table->context, name, type);
    question->answer.records = records;
    question->answer.status = DNS_BADNAME;
    if (!dns_name_parse(name, &(struct dns_name){{0}, 0}))
        return question;
    question->answer.ttl = 60;
    for (int i = 0; i < CHAIN_MAX; i++) {
        struct span target = look(table, name, type, &question->answer, records);

        question->answer.owner = arena_span(table->arena, name);
        if (question->answer.status != DNS_NODATA || target.length == 0)
            return question;
        name = target;
    }
    question->answer.status = DNS_MALFORMED;
    return question;
}

static const struct dns_answer *
wait_for(void *context, struct dns_question *question)
{
    (void)context;
    return &question->answer;
}

struct dns_lookup
dns_table_lookup(struct dns_table *table)
{
    return (struct dns_lookup){table, ask, wait_for};
}
