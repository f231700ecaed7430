#include "policyd/redis/redis_access.h"

size_t
redis_access_wants(const struct redis_config *redis, struct access_want *wants)
{
    bool own_password = redis->own_password_file[0] != '\0';
    const char *key = own_password ? "redis_password_file" : "redis.password_file";
    const char *password = own_password ? redis->own_password_file : redis->password_file;
    bool by_path = redis->address.kind == SOCKET_UNIX && redis->sentinels.count == 0;

    wants[0] = (struct access_want){key, ACCESS_READ, password};
    wants[1] = (struct access_want){
        "redis.address", ACCESS_CONNECT, by_path ? redis->address.path : ""};
    return REDIS_ACCESS_WANTS;
}
