#include "milters/scan/scan_message.h"

#include <sys/mman.h>

#include "shared/base/cursor.h"
#include "shared/base/digest.h"

struct span
scan_message_map(const struct scan_message *message)
{
    size_t size = (size_t)message->size;
    void *memory;

    if (message->fd < 0)
        return message->octets;
    memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE, message->fd, 0);
    return memory == MAP_FAILED ? (struct span){NULL, 0} : span_make(memory, size);
}

void
scan_message_unmap(const struct scan_message *message, struct span mapped)
{
    union {
        const char *given;
        void *passed;
    } memory = {.given = mapped.data};

    if (message->fd >= 0 && mapped.length > 0)
        (void)munmap(memory.passed, mapped.length);
}

uint64_t
scan_message_digest(const struct scan_message *message)
{
    uint8_t digest[DIGEST_SHA256_SIZE] = {0};
    struct cursor cursor = cursor_on(span_make(digest, sizeof(digest)));
    struct span octets = scan_message_map(message);

    digest_sha256(octets, digest);
    scan_message_unmap(message, octets);
    return cursor_u64(&cursor);
}
