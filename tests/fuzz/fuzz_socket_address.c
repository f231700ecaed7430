/*
 * fuzz_socket_address - an address that is taken reads back from what is written of it.
 */
#include "shared/service/socket_address.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socket_address address;
    struct socket_address again;
    struct error error = {.text = ""};
    char out[300];

    if (!socket_address_parse(span_make(data, size), &address, &error)) {
        assert(error.kind == ERROR_PERMANENT && error.text[0] != '\0');
        return 0;
    }
    socket_address_write(&address, out);
    assert(socket_address_parse(span_of(out), &again, &error));
    assert(memcmp(&address, &again, sizeof(address)) == 0);
    return 0;
}
