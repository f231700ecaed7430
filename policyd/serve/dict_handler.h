/*
 * dict_handler - answers Dovecot's dict look-ups `shared/route/PROTOCOL/USER`: which
 * backend has this user's mailbox (`shared/route/USER`: by IMAP).
 *
 * One JSON object of passdb fields: proxy, nopassword, host, port; or nologin with a
 * reason while the mailbox is held or on standby, where nobody reads mail.
 */
#ifndef POLICYD_SERVE_DICT_HANDLER_H
#define POLICYD_SERVE_DICT_HANDLER_H

#include "policyd/serve/serve_context.h"
#include "shared/service/server_client.h"

extern const struct server_protocol dict_protocol;

struct dict_handler;

/* The argument of dict_protocol. */
struct dict_handler *dict_handler_new(const struct serve_context *context);
void dict_handler_free(struct dict_handler *handler);

#endif
