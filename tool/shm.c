/* `plait shm`: the names of shared objects in /dev/shm, who has them open, and which are left over.
 * With the doctor the only part of the tool that looks behind the public interface. */
#include "escape.h"
#include "result.h"
#include "share/listed.h"
#include "tour.h"
#include "usage.h"

#include <plait.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 32 };

struct listing {
    bool cleans, begun;
    int names, left_over, removed;
};

static const char *state_of(const struct share_listed *one)
{
    switch (one->state) {
    case 0:
        return "in use";
    case -ENOENT:
        return "stale";
    case -PLAIT_EFORMAT:
        return "damaged";
    case -EXDEV:
        return "another PID namespace's";
    case -EAGAIN:
        return "being opened";
    default:
        return plait_strerror(one->state);
    }
}

static void write_page(const struct share_listed *one, bool removes, struct listing *listing)
{
    char name[SHOWN * 4 + 1];
    escape_cut(name, sizeof name, SHOWN, (const uint8_t *)one->name, strlen(one->name));
    if (!listing->begun)
        printf("%-*s  %-10s  %12s  %12s  used by\n", SHOWN, "name", "kind", "bytes", "limit");
    listing->begun = true;
    if (one->state) {
        printf("%-*s  %s%s\n", SHOWN, name, state_of(one), removes ? ", removed" : "");
        return;
    }
    printf("%-*s  %-10s  %12llu  %12llu ", SHOWN, name, one->kind, (unsigned long long)one->size,
           (unsigned long long)one->limit);
    for (uint32_t i = 0; i < one->users; i++)
        printf(" %d", one->pids[i]);
    putchar('\n');
}

static void write_json(const struct share_listed *one, bool removes)
{
    result_object(NULL);
    result_bytes("name", (const uint8_t *)one->name, strlen(one->name));
    result_text("state", state_of(one));
    result_bool("removed", removes);
    if (one->state == 0) {
        result_bytes("kind", (const uint8_t *)one->kind, strlen(one->kind));
        result_number("bytes", one->size);
        result_number("limit", one->limit);
        result_array("pids");
        for (uint32_t i = 0; i < one->users; i++)
            result_number(NULL, (uint64_t)(uint32_t)one->pids[i]);
        result_end();
    }
    result_end();
}

static bool show(const struct share_listed *one, void *arg)
{
    struct listing *listing = arg;
    bool is_left_over = one->state == -ENOENT || one->state == -PLAIT_EFORMAT;
    bool removes = is_left_over && listing->cleans;
    listing->names++;
    listing->left_over += is_left_over;
    listing->removed += removes;
    write_json(one, removes);
    if (!result_is_open())
        write_page(one, removes, listing);
    return removes;
}

static int finish(const struct listing *listing)
{
    if (result_is_open()) {
        result_end();
        return !result_close();
    }
    if (!listing->names)
        puts("no names of shared objects");
    else if (listing->left_over > listing->removed)
        printf("\n%d left over: plait shm --clean takes them away\n", listing->left_over);
    return 0;
}

int shm_main(int argc, char **argv)
{
    struct listing listing = {0};
    bool json = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--clean"))
            listing.cleans = true;
        else
            return usage_fail("shm", "\"%s\" is no option; see: plait help shm", argv[i]);
    }
    if (json) {
        result_open(stdout);
        result_array("names");
    }
    share_list(show, &listing);
    return finish(&listing);
}
