#include "policyd/wiring/setup_record.h"

#include <string.h>

const char *const setup_file_names[SETUP_FILES] = {"main.cf", "master.cf"};

static const char digits[] = "0123456789abcdef";

static bool
parse_digest(struct span *rest, uint8_t digest[DIGEST_SHA256_SIZE])
{
    struct span word;

    if (!span_word(rest, &word) || word.length != (size_t)2 * DIGEST_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++) {
        size_t high = span_find(span_of(digits), word.data[2 * i]);
        size_t low = span_find(span_of(digits), word.data[2 * i + 1]);

        if (high == SPAN_NONE || low == SPAN_NONE)
            return false;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
parse_line(struct setup_remembered *file, struct span rest)
{
    struct span copy;
    struct span more;

    return span_word(&rest, &copy) && span_find(copy, '/') == SPAN_NONE &&
           copy.data[0] != '.' && span_copy(copy, file->copy, sizeof(file->copy)) &&
           parse_digest(&rest, file->original) && parse_digest(&rest, file->ours[0]) &&
           parse_digest(&rest, file->ours[1]) && !span_word(&rest, &more);
}

void
setup_record_parse(struct setup_record *record, struct span text)
{
    struct span line;
    struct span name;

    *record = (struct setup_record){0};
    while (span_line(&text, &line)) {
        if (!span_word(&line, &name))
            continue;
        for (size_t i = 0; i < SETUP_FILES; i++) {
            struct setup_remembered file = {.known = true};

            if (span_is(name, setup_file_names[i]) && parse_line(&file, line))
                record->files[i] = file;
        }
    }
}

static void
write_digest(struct buffer *out, const uint8_t digest[DIGEST_SHA256_SIZE])
{
    buffer_append_octet(out, ' ');
    for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
        buffer_printf(out, "%02x", digest[i]);
}

void
setup_record_write(struct buffer *out, const struct setup_record *record)
{
    buffer_append_text(out,
        "# Written by postshiftctl postfix-setup: what --remove gives back where nobody\n"
        "# else has changed the file since, and how that is told.\n");
    for (size_t i = 0; i < SETUP_FILES; i++) {
        const struct setup_remembered *file = &record->files[i];

        if (!file->known)
            continue;
        buffer_printf(out, "%s %s", setup_file_names[i], file->copy);
        write_digest(out, file->original);
        write_digest(out, file->ours[0]);
        write_digest(out, file->ours[1]);
        buffer_append_octet(out, '\n');
    }
}

bool
setup_record_is_original(const struct setup_remembered *file, struct span text)
{
    uint8_t digest[DIGEST_SHA256_SIZE];

    digest_sha256(text, digest);
    return file->known && memcmp(digest, file->original, sizeof(digest)) == 0;
}

bool
setup_record_has(const struct setup_remembered *file, struct span text)
{
    uint8_t digest[DIGEST_SHA256_SIZE];

    digest_sha256(text, digest);
    return file->known && (memcmp(digest, file->ours[0], sizeof(digest)) == 0 ||
                              memcmp(digest, file->ours[1], sizeof(digest)) == 0 ||
                              memcmp(digest, file->original, sizeof(digest)) == 0);
}
