#include "inodes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum { FIRST_ROOM = 1024 };

static struct inode *seek(const struct inodes *set, dev_t device, ino_t number)
{
    uint64_t hash = ((uint64_t)number ^ ((uint64_t)device << 40)) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t at = hash >> 20;; at++) {
        struct inode *place = &set->places[at & (set->room - 1)];
        if (!place->number || (place->number == number && place->device == device))
            return place;
    }
}

static int grow(struct inodes *set)
{
    size_t room = set->room ? set->room * 2 : FIRST_ROOM;
    struct inodes larger = {calloc(room, sizeof *larger.places), room, set->used};
    if (!larger.places)
        return -ENOMEM;
    for (size_t i = 0; i < set->room; i++)
        if (set->places[i].number)
            *seek(&larger, set->places[i].device, set->places[i].number) = set->places[i];
    free(set->places);
    *set = larger;
    return 0;
}

int inodes_add(struct inodes *set, dev_t device, ino_t number)
{
    if (set->used >= set->room / 2 && grow(set) < 0)
        return -ENOMEM;
    struct inode *place = seek(set, device, number);
    if (place->number)
        return 0;
    *place = (struct inode){device, number};
    set->used++;
    return 1;
}

void inodes_free(struct inodes *set)
{
    free(set->places);
    *set = (struct inodes){0};
}
