/*
 * fuzz_domain_state - the first octet chooses the rules, then lines `field=value`: a
 * state names only what the rules allow, and written again it is the same.
 */
#include "policyd/state/domain_state.h"
#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/domain.h"
#include "shared/base/number.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const nexthops[] = {
    "a.example", "192.0.2.0/24", "2001:db8::/32", "unix:/run/lmtp"};
static const char *const own[] = {"198.51.100.1"};

static void
check_warning(void *argument, const struct domain_problem *problem)
{
    (void)argument;
    assert(strlen(problem->field) < sizeof(problem->field));
    assert(!span_has_control(span_of(problem->field)));
    assert(!span_has_control(span_of(problem->value)));
}

static void
check_route(const char *route, const struct domain_state_rules *rules)
{
    struct error error;

    if (route[0] == '\0')
        return;
    assert(domain_route_check(span_of(route), rules, &error));
    assert(strncmp(route, "cutover-", 8) == 0);
    assert(!span_has_control(span_of(route)) && span_is_ascii(span_of(route)));
    /* A socket's path may have any text, one in brackets too. */
    if (!rules->allow_loopback && strstr(route, ":unix:") == NULL)
        assert(strstr(route, "[127.0.0.1]") == NULL && strstr(route, "[::1]") == NULL);
}

static struct domain_state *
parse(struct span text, const struct domain_state_rules *rules)
{
    struct domain_field fields[DOMAIN_STATE_FIELDS_MAX];
    struct domain_problem problem = {0};
    struct span line;
    size_t count = 0;
    struct domain_state *state;

    while (count < ARRAY_LENGTH(fields) && span_split(&text, '\n', &line)) {
        size_t equals = span_find(line, '=');

        if (equals == SPAN_NONE)
            continue;
        fields[count].name = span_first(line, equals);
        fields[count++].value = span_from(line, equals + 1);
    }
    state = domain_state_parse(
        SPAN("example.com"), fields, count, rules, &problem, check_warning, NULL);
    if (state == NULL) {
        check_warning(NULL, &problem);
        assert(problem.text[0] != '\0');
    }
    return state;
}

static void
write_text(struct buffer *out, const char *name, const char *value)
{
    if (value[0] != '\0')
        buffer_printf(out, "%s=%s\n", name, value);
}

static void
write_state(const struct domain_state *state, struct buffer *out)
{
    char weight[8];

    domain_weight_write(state->weight, weight);
    if (state->complete || state->weight != 0)
        write_text(out, "weight", weight);
    write_text(out, "old", state->old_route);
    write_text(out, "new", state->new_route);
    write_text(out, "standby", state->standby_route);
    write_text(out, "mode", domain_mode_name(state->mode));
    write_text(out, "same_as", state->same_as);
    for (enum domain_login i = 0; i < DOMAIN_LOGINS; i++) {
        for (enum domain_side side = 0; side < DOMAIN_SIDES; side++)
            write_text(out, domain_login_field(i, side), state->logins[i][side]);
    }
    write_text(out, "inside", domain_inside_name(state->inside));
    if (state->has_rev)
        buffer_printf(out, "rev=%llu\n", (unsigned long long)state->rev);
    buffer_append_text(out, "lists=");
    for (size_t i = 0; i < state->list_count; i++)
        buffer_printf(out, "%s ", state->lists[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct domain_state_rules rules = {.own_addresses = own, .own_address_count = 1};
    struct domain_state *state;
    struct domain_state *again;
    struct buffer out;

    if (size == 0)
        return 0;
    rules.nexthops = nexthops;
    rules.nexthop_count = (data[0] & 1) != 0 ? ARRAY_LENGTH(nexthops) : 0;
    rules.allow_loopback = (data[0] & 2) != 0;
    state = parse(span_make(data + 1, size - 1), &rules);
    if (state == NULL)
        return 0;
    assert(state->weight <= 10000 && state->list_count <= DOMAIN_STATE_LISTS_MAX);
    check_route(state->old_route, &rules);
    check_route(state->new_route, &rules);
    check_route(state->standby_route, &rules);
    assert(state->mode != DOMAIN_MODE_STANDBY || state->standby_route[0] != '\0');
    assert(state->same_as[0] == '\0' || domain_is_valid(span_of(state->same_as)));
    assert(state->complete || state->mode == DOMAIN_MODE_FORGOTTEN ||
           state->same_as[0] != '\0');
    buffer_init(&out, 100000);
    write_state(state, &out);
    again = parse(buffer_span(&out), &rules);
    assert(again != NULL && domain_state_equal(state, again));
    domain_state_free(again);
    domain_state_free(state);
    buffer_clear(&out);
    return 0;
}
