/* The area's case: a process enters a roster in which all places are dead ones'. The nouns' own
 * rows enter one that has room. */
#include "kill.h"
#include "share/inside.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 4096, SERIAL = 1 << 20 };

static struct share_area *area;
static char url[60];
static pid_t gone;
static bool forgotten;

static struct share_area *attach(void)
{
    const struct share_request request = {
        .kind = "kill", .where = PLAIT_SHARED, .url = url, .size = SIZE};
    return share_area_open(&request);
}

static void area_open(void)
{
    gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    snprintf(url, sizeof url, "shm:kill-area-%d", getpid());
    area = attach();
    if (!area)
        _exit(1);
}

static void forget_deaths(void)
{
    __atomic_store_n(&area->header->roster.died, 0, __ATOMIC_SEQ_CST);
}

static void area_fresh(void)
{
    for (uint64_t i = 0; i < SHARE_USERS; i++)
        if (!area->header->entries[i].id) {
            area->header->entries[i].pid = (uint32_t)gone;
            area->header->entries[i].id = (uint64_t)SERIAL << 9 | i;
        }
    area->header->roster.top = SHARE_USERS;
}

static void enter(void)
{
    if (!attach())
        _exit(1);
}

/* Nobody may be buried whose death was not noted down before. */
static void look(void)
{
    bool buried = false;
    for (int i = 0; i < SHARE_USERS; i++)
        buried |= !area->header->entries[i].id;
    forgotten |= buried && !area->header->roster.died;
}

static int area_use(int64_t deadline, int64_t *got_at)
{
    struct share_area *mine = attach();
    *got_at = plait_now();
    if (!mine)
        return -errno;
    share_area_close(mine);
    return 0;
}

static bool area_is_sound(void)
{
    return !forgotten;
}

static const struct kill_noun area_noun = {
    .open = area_open,
    .fresh = area_fresh,
    .rescue = look,
    .use = area_use,
    .is_sound = area_is_sound,
    .endless = true, /* an open of the same name */
};

const struct kill_case kill_area_cases[] = {
    {.name = "area: repair of a full roster",
     .noun = &area_noun,
     .prepare = forget_deaths,
     .operate = enter},
    {0},
};
