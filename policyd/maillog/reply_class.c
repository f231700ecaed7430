#include "policyd/maillog/reply_class.h"
static const char *const names[REPLY_CLASS_COUNT] = {
    "unknown", "disabled", "quota", "size", "policy", "rate", "outage", "other"};
const char *reply_class_name(enum reply_class class)
{
    return names[class];
}
enum reply_class
reply_class_of(const struct maillog_reply *reply)
{
    (void)reply;
    return REPLY_OTHER;
}
