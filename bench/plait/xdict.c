/* xdict plait dict|counter PROCESSES OPERATIONS - the dictionary between processes, in the harness
 * of its peers (bench/peers/ipc/xdict.h). counter: plait_dict_add on one key. */
#include "../peers/ipc/xdict.h"

#include <plait.h>

static plait_dict *values, *counter;
static const char counter_key[] = "counter";

static void setup(void)
{
    values = plait_dict_open(PLAIT_MESSAGES, &(plait_dict_options){.where = PLAIT_SHARED});
    counter = plait_dict_open(sizeof(uint64_t), &(plait_dict_options){.where = PLAIT_SHARED});
    CHECK(values && counter);
}

static void nothing(void)
{
}

static void set(const char *key, const void *value, size_t size)
{
    CHECK(plait_dict_set_bytes(values, key, strlen(key), value, size) == 0);
}

static void get(uint32_t index, const char *key)
{
    char value[VALUE_MAX];
    ssize_t size = plait_dict_get_bytes(values, key, strlen(key), value, sizeof value);
    CHECK(size >= 0);
    check_value(index, value, (size_t)size);
}

static void zero(void)
{
    CHECK(plait_dict_set(counter, counter_key, &(uint64_t){0}) == 0);
}

static void add_one(void)
{
    CHECK(plait_dict_add(counter, counter_key, 1, NULL) == 0);
}

static uint64_t read_counter(void)
{
    uint64_t count;
    CHECK(plait_dict_get(counter, counter_key, &count) == 0);
    return count;
}

static const struct peer plait = {"plait", setup, nothing, NULL,         NULL, set,
                                  get,     zero,  add_one, read_counter, NULL};
static const struct peer *find_peer(const char *name)
{
    return strcmp(name, plait.name) == 0 ? &plait : NULL;
}
