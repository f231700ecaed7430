#include "milters/message/auth_result.h"

const char *
auth_result_name(enum auth_result result)
{
    static const char *const names[AUTH_RESULT_COUNT] = {
        [AUTH_NONE] = "none",
        [AUTH_PASS] = "pass",
        [AUTH_FAIL] = "fail",
        [AUTH_SOFTFAIL] = "softfail",
        [AUTH_NEUTRAL] = "neutral",
        [AUTH_POLICY] = "policy",
        [AUTH_TEMPERROR] = "temperror",
        [AUTH_PERMERROR] = "permerror",
    };

    return names[result];
}
