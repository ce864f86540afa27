/* Areas and forks. The child is entered before the fork, by a description that its parent opens for
 * it, so that it is known from its first instruction on, and its end is seen whatever it is.
 *
 * Before:  open and enter a description for the child, in each area
 * Child:   drop the parent's description, go on with its own, confirm the entry
 * Parent:  confirm (plait_start knows that there is a child), drop the child's description
 * A fork that failed leaves an entry that nobody confirmed: it is buried as if it had never
 * been. */
#include "base/report.h"
#include "share/inside.h"
#include "share/name.h"
#include "task/process.h"

#include <pthread.h>
#include <unistd.h>

static void area_before(struct share_area *area)
{
    int file = share_area_check(area) == 0 ? os_file_again(area->me.file) : -1;
    area->child.file = area->child_name = -1;
    if (file < 0)
        return;
    if (roster_enter(area->header, file, USER_CHILD, &area->child) < 0)
        os_close(file);
    else if (area->url_name[0])
        area->child_name = name_hold(area);
}

static void area_parent(struct share_area *area, pid_t pid)
{
    if (area->child.file < 0)
        return;
    if (pid > 0)
        roster_confirm(area->header, &area->child, (uint32_t)pid);
    else if (pid < 0)
        roster_leave(area->header, &area->child);
    os_close(area->child.file);
    os_close(area->child_name);
    area->child.file = area->child_name = -1;
}

/* Without a description of its own the child lives by its parent's, so that nobody can tell its
 * death. */
static void area_child(struct share_area *area, uint32_t pid)
{
    area->pid = pid;
    atom_store(&area->marks, 0, RELAXED);
    area->is_new = false;
    if (area->child.file < 0) {
        atom_store(&area->header->roster.unknown, 1, RELAXED);
        area->me.borrowed = true;
        return;
    }
    if (share_area_check(area) == 0)
        os_close(area->me.file);
    area->me = area->child;
    area->child.file = -1;
    area->mapping->file = area->me.file;
    if (area->url_name[0])
        name_add_held(area, area->child_name);
    area->child_name = -1;
    roster_confirm(area->header, &area->me, pid);
}

static struct share_area *area_next(struct mapping **at)
{
    do
        *at = mapping_next(*at);
    while (*at && !(*at)->area);
    return *at ? (*at)->area : NULL;
}

static void fork_before(void)
{
    struct mapping *at = NULL;
    base_spin_lock(&share_lock);
    for (struct share_area *area; (area = area_next(&at));)
        area_before(area);
}

/* pid 0: not known. */
static void fork_ended(pid_t pid)
{
    struct mapping *at = NULL;
    for (struct share_area *area; (area = area_next(&at));)
        area_parent(area, pid);
    base_spin_unlock(&share_lock);
}

/* plait_start calls fork_ended itself, because it knows of what it started. */
static void fork_parent(void)
{
    if (!process_forking)
        fork_ended(0);
}

static void fork_child(void)
{
    struct mapping *at = NULL;
    uint32_t pid = (uint32_t)getpid();
    base_spin_unlock(&share_lock);
    name_fork_child();
    for (struct share_area *area; (area = area_next(&at));)
        area_child(area, pid);
}

static void area_leave(struct share_area *area)
{
    if (area->url_name[0])
        name_leave(area, true);
    roster_leave(area->header, &area->me);
}

/* The program's end: every area is left, though not unmapped, since handlers that run later may
 * still use it. */
static void all_leave(void)
{
    struct mapping *at = NULL;
    for (struct share_area *area; (area = area_next(&at));)
        if (area->pid == (uint32_t)getpid())
            area_leave(area);
}

static void prepare(void)
{
    process_hooks.forked = fork_ended;
    process_hooks.leaving = all_leave;
    exit_prepare();
    base_at_fork(fork_before, fork_parent, fork_child);
}

void share_fork_prepare_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    wait_me(); /* its handlers first, because the child's runtime must be sound before ours */
    pthread_once(&once, prepare);
}
