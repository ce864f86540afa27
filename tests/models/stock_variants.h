/* The cases and variants of the stock's model. */
#ifndef MODELS_STOCK_VARIANTS_H
#define MODELS_STOCK_VARIANTS_H

#include "stock_cells.h"

/* Cells, items inside at the start, kills, mode, up to five roles. */
static const struct explore_case cases[] = {
    {"2 puts, 2 gets", {1, 0, 0, 0, PUT, PUT, GET, GET}, false},
    {"large, 2 gets", {1, 0, 0, 0, PUT_LARGE, PUT, GET, GET}, false},
    {"closed, large", {1, 0, 0, 0, PUT_LARGE, CLOSE, GET, GET}, false},
    {"closed, given up", {1, 0, 0, 0, GIVE_UP, CLOSE, GET, PUT}, false},
    {"putter killed", {1, 0, 1, KILLS_PUTTERS, PUT, GET}, false},
    {"2 putters, 1 killed", {1, 0, 1, KILLS_PUTTERS, PUT, PUT, GET}, false},
    {"putter killed, join", {2, 1, 1, KILLS_PUTTERS | JOINS_PATROL, PUT, GET, GET, JOIN}, false},
    {"2 putters, 2 getters", {2, 0, 1, KILLS_PUTTERS, PUT, PUT, GET, GET, VISIT}, true},
    {"put back", {2, 2, 0, 0, PUT_BACK, GET, JOIN}, false},
    {"join", {2, 2, 0, 0, GET, TAKE, JOIN}, false},
    {"2 puts, 1 get, 2 kills", {2, 0, 2, PATROLS, PUT, PUT_LARGE, GET}, false},
    {"taken, 1 kill", {2, 2, 1, PATROLS, TAKE, GET, JOIN}, false},
    {"taken, 2 kills", {2, 2, 2, PATROLS, TAKE, GET, GET}, false},
    {"put back, 1 kill", {2, 2, 1, PATROLS, PUT_BACK, GET, JOIN}, false},
    {"put back, 2 kills", {2, 1, 2, PATROLS, PUT_BACK, TAKE, GET}, false},
    {"leases, closed", {2, 2, 0, REDELIVERS, GET, GET, CLOSE, DROP}, false},
    {"leases, 1 kill", {2, 2, 1, REDELIVERS | PATROLS, GET, TAKE, JOIN}, false},
    {"leases, 2 kills", {1, 1, 2, REDELIVERS | PATROLS, GET, GET, PUT}, false},
    {"closed, 1 kill", {1, 0, 1, PATROLS, PUT_LARGE, CLOSE, GET}, false},
    {"join, 3 kills", {2, 2, 3, PATROLS, TAKE, GET, TAKE, JOIN}, true},
    {"leases, 3 kills", {2, 2, 3, REDELIVERS | PATROLS, GET, TAKE, PUT_BACK, JOIN}, true},
    {"all, 2 kills", {2, 1, 2, PATROLS, PUT, PUT_LARGE, GET, TAKE}, true},
    {0},
};

static const struct explore_variant variants[] = {
    {NO_LOCK, "2 puts, 2 gets", "two inside"},
    {IN_BEFORE_BYTES, "2 puts, 1 get, 2 kills", "5 before 2: commits, then copies"},
    {NO_COVER, "putter killed", "3 left out: no pending around commit and wake"},
    {NO_ORDER, "2 puts, 2 gets", "4 left out: not in the order"},
    {NO_NEWS, "putter killed", "4 left out: no version"},
    {IN_BEFORE_NEWS, "putter killed", "5 before 4: commits, then the version"},
    {NO_WAKE, "2 puts, 2 gets", "6 left out: wakes nobody"},
    {UNCOVER_BEFORE_WAKE, "putter killed", "6 exchanged: pending = NULL, then wakes"},
    {NO_UNCOVER, "2 puts, 2 gets", "6: pending stays"},
    {NO_REPAIR, "2 puts, 1 get, 2 kills", "repair left out"},
    {REPAIR_NO_NEWS, "2 putters, 2 getters", "repair: no version"},
    {REPAIR_SILENT, "2 putters, 1 killed", "repair: wakes nobody"},
    {NO_OWNER, "2 puts, 1 get, 2 kills", "a cell that is out names no owner"},
    {NO_BACK, "2 puts, 1 get, 2 kills", "patrol: cells of the dead stay out"},
    {NO_TURN, "taken, 2 kills", "the count without its turn: taken"},
    {NO_TURN, "put back, 1 kill", "the count without its turn: put back"},
    {TURN_STAYS, "taken, 1 kill", "the count's turn is never over"},
    {STATE_BEFORE_TURN, "taken, 2 kills", "the turn behind the state"},
    {LOST_FIRST, "taken, 2 kills", "patrol: counted as lost, then its turn"},
    {LOST_IS_DONE, "taken, 2 kills", "patrol: what is lost is counted as done"},
    {JOIN_UNLOCKED, "join", "a join looks without the lock"},
    {COMMIT_WAKES_ONE, "closed, large", "closed: a commit wakes one"},
    {DROP_SILENT, "leases, closed", "closed: a drop wakes no getter"},
    {LEASE_SILENT, "leases, closed", "closed: the end of a lease wakes no getter"},
    {NO_D_LOOK, "join", "who is done wakes no joiner"},
    {NO_WRITING, "closed, large", "closed: nobody waits for what is being written"},
    {NO_W, "2 puts, 2 gets", "11 left out: sleeps without W"},
    {NO_LOOK, "2 puts, 2 gets", "12 left out: sleeps without a look"},
    {NO_COMPARE, "2 puts, 2 gets", "13: the kernel does not compare"},
    {NO_VERSION, "putter killed", "13: the kernel compares the word alone"},
    {NO_PATROL, "2 puts, 1 get, 2 kills", "14 left out: no patrol"},
    {0},
};

/* Whoever is killed behind the mend marks the lock once more. */
static const struct explore_variant harmless[] = {
    {MEND_FIRST, "2 puts, 1 get, 2 kills", "repair: mends, then makes it anew"},
    {BACK_SILENT, "2 puts, 1 get, 2 kills", "patrol wakes nobody: each sleeper has its own"},
    {CLOSE_UNLOCKED, "closed, large", "closes without the lock"},
    {GET_FREES_FIRST, "2 puts, 1 get, 2 kills", "a get: the state first, then the order"},
    {0},
};

#endif
