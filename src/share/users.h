/* Who has an area open: its roster, in the area's header, so that a wait which nobody alive can end
 * is seen to be one, and so that what a dead process held comes back.
 *
 * A user is a process (two opens of one process are two users of the same process). It is entered
 * by its open; a child of plait_start, or of a fork of the program's own, is entered by its parent
 * before it runs. It leaves by share_area_close, exit() and exec; everything else is a death. A
 * thread's end changes nothing. */
#ifndef SHARE_USERS_H
#define SHARE_USERS_H

#include "share/area.h"

/* As many at once. Beyond that a forked child is not known, so that from then on nobody can be told
 * that all others are gone. */
enum { SHARE_USERS = 504 };

struct share_others {
    bool ever;  /* another process has had it open, now or before */
    bool alive; /* one has it open now, stopped ones too */
    bool died;  /* one ended without leaving */
};

/* Sets bits of the noun's choice for this process, which no other sees: "has put". Cheap when they
 * are set already. A child starts without. */
void share_user_mark(struct share_area *area, uint32_t bits);
uint32_t share_user_marks(const struct share_area *area); /* this process' own */

/* Looks after the others: for a wait's patrol (each 20 ms), since it makes a system call or two.
 * True: another process has had it open, and all of them are gone: only this process can end its
 * waits. (A private area never has others.) */
bool share_users_others(struct share_area *area, struct share_others *others);

/* This process' number in the area, never used again for another process, so that it marks what
 * is to come back after a death; 0 in a private area. */
uint64_t share_user_me(struct share_area *area);
/* Has that user left or died? One system call. 0 and numbers that never were: gone. */
bool share_user_is_gone(struct share_area *area, uint64_t user);

#endif
