/*
 * undo_address - whom Postfix writes the copies for undo to: a recipient that cleanup(8)
 * adds, for the listener of postshift-undo alone.
 *
 * The domain can't exist (RFC 2606): where it is not routed to the listener it leads
 * nowhere.  It stands in no balance of the books.
 */
#ifndef POLICYD_WIRE_UNDO_ADDRESS_H
#define POLICYD_WIRE_UNDO_ADDRESS_H

#define UNDO_ADDRESS "undo@undo.postshift.invalid"

#endif
