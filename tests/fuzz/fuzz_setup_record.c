/*
 * What is understood of a record is written so that it is understood again.
 */
#include <assert.h>
#include <string.h>

#include "policyd/wiring/setup_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct setup_record record;
    struct setup_record again;
    struct buffer out;

    setup_record_parse(&record, span_make(data, size));
    buffer_init(&out, 65536);
    setup_record_write(&out, &record);
    setup_record_parse(&again, buffer_span(&out));
    for (size_t i = 0; i < SETUP_FILES; i++) {
        assert(record.files[i].known == again.files[i].known);
        assert(!record.files[i].known ||
               strcmp(record.files[i].copy, again.files[i].copy) == 0);
    }
    buffer_clear(&out);
    return 0;
}
