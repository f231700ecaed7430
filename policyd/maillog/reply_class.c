#include "policyd/maillog/reply_class.h"

#include "shared/base/attributes.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

enum {
    TEXT_MAX = 8 << 10,
    START = 3,
    BUCKETS = 1024
}; /* what stands behind it says no more */

static const char *const names[REPLY_CLASS_COUNT] = {
    "unknown", "disabled", "quota", "size", "policy", "rate", "outage", "other"};

const char *reply_class_name(enum reply_class class)
{
    return names[class];
}

struct phrase {
    struct span text;
    enum reply_class class;
    int strength;
};

/* clang-format off */
#define PHRASE(class, strength, text) {{"" text, sizeof(text) - 1}, REPLY_##class, strength},
static const struct phrase phrases[] = {
#include "policyd/maillog/reply_phrases.h"
};
#undef PHRASE
/* clang-format on */

/* The strongest so far; what comes first wins where two are alike. */
struct verdict {
    enum reply_class class;
    int strength;
};

static void
hear(struct verdict *verdict, enum reply_class class, int strength)
{
    if (strength > verdict->strength)
        *verdict = (struct verdict){class, strength};
}

/* --- codes --- */

static void
hear_enhanced(struct verdict *verdict, const struct maillog_reply *reply)
{
    static const struct {
        const char *behind; /* of the class and its point */
        enum reply_class class;
        int strength;
    } rows[] = {
        {"1.1",   REPLY_UNKNOWN,  5},
        {"1.10",  REPLY_UNKNOWN,  6},
        {"1.0",   REPLY_UNKNOWN,  4},
        {"1.2",   REPLY_UNKNOWN,  4},
        {"1.3",   REPLY_UNKNOWN,  4},
        {"1.6",   REPLY_DISABLED, 6},
        {"1.7",   REPLY_POLICY,   5},
        {"1.8",   REPLY_POLICY,   5},
        {"2.1",   REPLY_DISABLED, 4},
        {"2.2",   REPLY_QUOTA,    6},
        {"2.3",   REPLY_SIZE,     6},
        {"2.121", REPLY_RATE,     9},
        {"2.122", REPLY_RATE,     9},
        {"3.1",   REPLY_OUTAGE,   4},
        {"3.2",   REPLY_OUTAGE,   5},
        {"3.4",   REPLY_SIZE,     6},
        {"3.0",   REPLY_OUTAGE,   3},
        {"3.5",   REPLY_OUTAGE,   5},
        {"4.0",   REPLY_OUTAGE,   3},
        {"4.1",   REPLY_OUTAGE,   3},
        {"4.2",   REPLY_OUTAGE,   4},
        {"4.3",   REPLY_OUTAGE,   4},
        {"4.4",   REPLY_OUTAGE,   4},
        {"4.5",   REPLY_OUTAGE,   4},
        {"4.6",   REPLY_OTHER,    5},
        {"4.7",   REPLY_OUTAGE,   3},
        {"5.3",   REPLY_RATE,     5},
        {"5.1",   REPLY_OTHER,    4},
        {"5.2",   REPLY_OTHER,    4},
        {"5.4",   REPLY_OTHER,    4},
        {"6.0",   REPLY_POLICY,   4},
        {"7.500", REPLY_RATE,     9},
    };
    struct span code = reply->enhanced;

    if (code.length < 5)
        return;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is(span_from(code, 2), rows[i].behind))
            hear(verdict, rows[i].class, rows[i].strength);
    }
    if (span_starts(code, SPAN("5.7.")))
        hear(verdict, REPLY_POLICY, 5);
    else if (span_starts(code, SPAN("4.7.")) || span_starts(code, SPAN("5.6.")) ||
             span_starts(code, SPAN("4.6.")))
        hear(verdict, REPLY_POLICY, 3);
    /* Exchange Online's word for a mailbox that its directory does not have. */
    if (span_is(code, "5.4.1") && reply->phase == PHASE_RCPT)
        hear(verdict, REPLY_UNKNOWN, 7);
}

/* What a code alone would mean in its place. */
static void
hear_code(struct verdict *verdict, const struct maillog_reply *reply)
{
    bool to_recipient = reply->phase == PHASE_RCPT;

    switch (reply->code) {
    case 550:
    case 551:
    case 553:
        hear(verdict, to_recipient ? REPLY_UNKNOWN : REPLY_POLICY, to_recipient ? 2 : 1);
        break;
    case 552:
        hear(verdict, to_recipient ? REPLY_QUOTA : REPLY_SIZE, 3);
        break;
    case 554:
    case 530:
    case 535:
    case 521:
    case 571:
        hear(verdict, REPLY_POLICY, 2);
        break;
    case 452:
        hear(verdict, REPLY_QUOTA, 2);
        break;
    case 421:
    case 432:
    case 451:
        hear(verdict, REPLY_OUTAGE, 2);
        break;
    case 450:
        hear(verdict, to_recipient ? REPLY_RATE : REPLY_OUTAGE, 1);
        break;
    default:
        break;
    }
}

/* --- words --- */

/* The phrases by how they start: where each bucket's begin, ends at the next one's. */
struct index {
    unsigned short begins[BUCKETS + 1];
    unsigned short rows[ARRAY_LENGTH(phrases)];
};

/* No phrase is shorter than START. */
static size_t
bucket_of(const char *text)
{
    unsigned first = (unsigned char)text[0];
    unsigned second = (unsigned char)text[1];
    unsigned third = (unsigned char)text[2];

    return (first * 961 + second * 31 + third) % BUCKETS;
}

static void
make_index(struct index *index)
{
    unsigned short count[BUCKETS] = {0};
    unsigned short at = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(phrases); i++)
        count[bucket_of(phrases[i].text.data)]++;
    for (size_t i = 0; i < BUCKETS; i++) {
        index->begins[i] = at;
        at = (unsigned short)(at + count[i]);
        count[i] = index->begins[i];
    }
    index->begins[BUCKETS] = at;
    for (size_t i = 0; i < ARRAY_LENGTH(phrases); i++)
        index->rows[count[bucket_of(phrases[i].text.data)]++] = (unsigned short)i;
}

/* Latin, Greek and Cyrillic letters; each has as many octets in either case. */
static uint32_t
lower_letter(uint32_t letter)
{
    if ((letter >= 0xc0 && letter <= 0xde && letter != 0xd7) ||
        (letter >= 0x391 && letter <= 0x3a9) || (letter >= 0x410 && letter <= 0x42f))
        return letter + 0x20;
    if (letter >= 0x400 && letter <= 0x40f)
        return letter + 0x50;
    /* In pairs. */
    if (letter >= 0x139 && letter <= 0x148)
        return letter + (letter & 1);
    if (letter >= 0x100 && letter <= 0x177 && letter != 0x130)
        return letter | 1;
    return letter;
}

/* In lower case into `out`, of TEXT_MAX octets; what is no UTF-8 stays as it is. */
static struct span
lower(struct span text, char *out)
{
    text = span_first(text, TEXT_MAX);
    for (size_t at = 0; at < text.length;) {
        struct span rest = span_from(text, at);
        size_t length = utf8_length(rest);

        if (length == 2) {
            uint32_t letter = lower_letter(utf8_code_point(rest, length));

            out[at] = (char)(0xc0 | letter >> 6);
            out[at + 1] = (char)(0x80 | (letter & 0x3f));
        } else {
            length = 1;
            out[at] = span_lower_octet(text.data[at]);
        }
        at += length;
    }
    return span_make(out, text.length);
}

static void
hear_words(struct verdict *verdict, struct span text)
{
    struct index index;
    char lowered[TEXT_MAX];
    char before = ' ';

    make_index(&index);
    text = lower(text, lowered);
    for (size_t at = 0; at + START <= text.length; before = text.data[at++]) {
        bool is_ascii = (unsigned char)text.data[at] < 0x80;
        size_t bucket;

        if (is_ascii && (octet_is_letter_or_digit(before) || text.data[at] == ' '))
            continue;
        bucket = bucket_of(text.data + at);
        for (size_t i = index.begins[bucket]; i < index.begins[bucket + 1]; i++) {
            const struct phrase *phrase = &phrases[index.rows[i]];

            if (phrase->strength > verdict->strength &&
                span_starts(span_from(text, at), phrase->text))
                hear(verdict, phrase->class, phrase->strength);
        }
    }
}

/* Before RCPT nobody has asked for a mailbox: who is unknown then is the sender. */
static bool
is_about_sender(enum maillog_phase phase, enum reply_class class)
{
    return phase >= PHASE_CONNECT && phase <= PHASE_MAIL &&
           (class == REPLY_UNKNOWN || class == REPLY_DISABLED);
}

enum reply_class
reply_class_of(const struct maillog_reply *reply)
{
    struct verdict verdict = {REPLY_OTHER, 0};

    if (reply->said == SAID_NOTHING || reply->said == SAID_SUSPENDED)
        return REPLY_OUTAGE;
    if (reply->said == SAID_TOO_BIG)
        return REPLY_SIZE;
    hear_enhanced(&verdict, reply);
    hear_words(&verdict, reply->text);
    hear_code(&verdict, reply);
    return is_about_sender(reply->phase, verdict.class) ? REPLY_POLICY : verdict.class;
}
