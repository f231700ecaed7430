/*
 * ctl_json_write - a document that was read, written again.
 */
#ifndef POLICYD_CTL_CTL_JSON_WRITE_H
#define POLICYD_CTL_CTL_JSON_WRITE_H

#include "policyd/ctl/ctl_json.h"
#include "shared/base/json.h"

/* As a member; `key` NULL: as an element, or the whole. */
void ctl_json_write(struct json *json, const char *key, const struct ctl_json *value);

#endif
