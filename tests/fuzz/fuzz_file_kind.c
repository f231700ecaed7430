/*
 * fuzz_file_kind - any octets have a kind, and whatever the library says to have looked
 * at is counted within bounds.
 */
#include "milters/mime/cms.h"
#include "milters/mime/file_kind.h"
#include "milters/mime/opened.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span types[] = {
        {"CL_TYPE_MAIL", 12}, {"CL_TYPE_7Z", 10}, {"CL_TYPE_ZIP", 11}};
    struct span octets = span_make(data, size);
    struct file_kind kind = file_kind_of_leaf(octets);
    struct opened *opened = opened_new();
    struct buffer content;

    assert((kind.state == FILE_PLAIN) == (kind.name == NULL));
    buffer_init(&content, size + 1);
    if (cms_content(octets, &content))
        assert(kind.state == FILE_SIGNED && content.length <= size);
    buffer_clear(&content);
    opened_file(opened, 0, types[size % 3], octets);
    for (size_t i = 0; i < size && i < 64; i++) {
        if (data[i] % 5 == 0)
            opened_member(opened, types[data[i] % 3], data[i]);
        else
            opened_file(opened, data[i], types[data[i] % 3], span_from(octets, i));
    }
    opened_end(opened);
    (void)opened_has(opened, octets);
    opened_free(opened);
    return 0;
}
