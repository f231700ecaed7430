/*
 * wire - what a reader of a stream can say of the octets it was given.
 */
#ifndef SHARED_BASE_WIRE_H
#define SHARED_BASE_WIRE_H

enum wire_result {
    WIRE_DONE, /* one whole thing was read */
    WIRE_MORE, /* right so far; more octets are needed */
    WIRE_BAD,  /* no continuation makes this right: close */
};

#endif
