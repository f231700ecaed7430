#include "policyd/redis/redis_login.h"

#include <stdio.h>

#include "policyd/redis/redis_link.h"

enum { STEP_AUTH, STEP_SELECT, STEP_ROLE };

static bool
is_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

size_t
redis_login_words(const struct redis_options *options, unsigned step,
    struct span words[REDIS_LOGIN_WORDS_MAX], char number[16])
{
    size_t count = 0;

    if (step == STEP_AUTH &&
        (!is_empty(options->password) || !is_empty(options->username))) {
        words[count++] = SPAN("AUTH");
        if (!is_empty(options->username))
            words[count++] = span_of(options->username);
        words[count++] = span_of(options->password);
    } else if (step == STEP_SELECT && options->database != 0) {
        snprintf(number, 16, "%u", options->database);
        words[count++] = SPAN("SELECT");
        words[count++] = span_of(number);
    } else if (step == STEP_ROLE) {
        words[count++] = SPAN("ROLE");
    }
    return count;
}

static enum redis_trouble
trouble_of(unsigned step, const struct redis_reply *reply)
{
    if (redis_reply_is_error_of(reply, "NOAUTH") ||
        redis_reply_is_error_of(reply, "WRONGPASS"))
        return REDIS_TROUBLE_AUTH;
    if (redis_reply_is_error_of(reply, "NOPERM"))
        return REDIS_TROUBLE_PERMISSION;
    if (redis_reply_is_error_of(reply, "LOADING") ||
        redis_reply_is_error_of(reply, "MASTERDOWN") ||
        redis_reply_is_error_of(reply, "BUSY") ||
        span_find_text(reply->text, SPAN("max number of clients")) != SPAN_NONE)
        return REDIS_TROUBLE_BUSY;
    return step == STEP_AUTH     ? REDIS_TROUBLE_AUTH
           : step == STEP_SELECT ? REDIS_TROUBLE_DATABASE
                                 : REDIS_TROUBLE_BUSY;
}

bool
redis_login_check(unsigned step, const struct redis_reply *reply,
    enum redis_trouble *trouble, struct error *error)
{
    if (redis_reply_is_error(reply)) {
        *trouble = trouble_of(step, reply);
        return error_temporary(error, "%.*s",
            (int)(reply->text.length < 180 ? reply->text.length : 180), reply->text.data);
    }
    if (step != STEP_ROLE)
        return true;
    if (!redis_reply_is_array(reply, 1) || !redis_reply_is_string(&reply->elements[0])) {
        *trouble = REDIS_TROUBLE_PROTOCOL;
        return error_temporary(error, "ROLE was not answered with a role");
    }
    if (!span_is(reply->elements[0].text, "master")) {
        *trouble = REDIS_TROUBLE_ROLE;
        return error_temporary(error, "not a primary but a %.*s",
            (int)(reply->elements[0].text.length < 32 ? reply->elements[0].text.length
                                                      : 32),
            reply->elements[0].text.data);
    }
    return true;
}

static void say_next(struct redis_login *login);

static void
was_answered(void *argument, const struct redis_reply *reply)
{
    struct redis_login *login = argument;
    enum redis_trouble trouble = REDIS_TROUBLE_PROTOCOL;
    struct error error = {0};

    if (reply == NULL)
        return;
    if (!redis_login_check(login->step, reply, &trouble, &error)) {
        login->callback(login->argument, false, trouble, error.text);
        return;
    }
    login->step++;
    say_next(login);
}

static void
say_next(struct redis_login *login)
{
    struct span words[REDIS_LOGIN_WORDS_MAX];
    char number[16];
    size_t count = 0;

    while (login->step < REDIS_LOGIN_STEPS &&
           (count = redis_login_words(login->options, login->step, words, number)) == 0)
        login->step++;
    if (login->step == REDIS_LOGIN_STEPS)
        login->callback(login->argument, true, REDIS_TROUBLE_COUNT, "");
    else
        redis_link_send(login->link, was_answered, login, count, words);
}

void
redis_login_start(struct redis_login *login, struct redis_link *link,
    const struct redis_options *options, redis_logged_in *callback, void *argument)
{
    *login = (struct redis_login){link, options, 0, callback, argument};
    say_next(login);
}
