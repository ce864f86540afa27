/* The undo journal, cut off after each of its stores. */
#include "harness.h"
#include "share/journal.h"

#include <string.h>

enum { WORDS = 8, MOST = 6 };

struct memory {
    uint64_t words[WORDS];
    union {
        struct share_journal journal;
        char room[SHARE_JOURNAL_SIZE(MOST)];
    };
};

static struct share_log log_of(struct memory *memory)
{
    return (struct share_log){&memory->journal, MOST, 0, (char *)memory, sizeof memory->words};
}

static void fill(struct memory *memory)
{
    memset(memory, 0, sizeof *memory);
    for (uint64_t i = 0; i < WORDS; i++)
        memory->words[i] = 100 + i;
}

static void must_be_old(const struct memory *memory)
{
    for (uint64_t i = 0; i < WORDS; i++)
        ck_assert_uint_eq(memory->words[i], 100 + i);
}

TEST(a_change_stands_when_it_is_done)
{
    struct memory memory;
    fill(&memory);
    struct share_log log = log_of(&memory);
    share_journal_set(&log, &memory.words[1], 7);
    share_journal_done(&log);
    ck_assert_int_eq(share_journal_undo(&log), 0);
    ck_assert_uint_eq(memory.words[1], 7);
}

TEST(each_half_change_is_undone)
{
    for (int steps = 1; steps <= 4; steps++) {
        struct memory memory;
        fill(&memory);
        struct share_log log = log_of(&memory);
        share_journal_set(&log, &memory.words[1], 7);
        if (steps > 1)
            share_journal_set(&log, &memory.words[1], 8); /* the older value must win */
        if (steps > 2)
            share_journal_save(&log, &memory.words[4], 3 * sizeof(uint64_t));
        if (steps > 3)
            memset(&memory.words[4], 0, 3 * sizeof(uint64_t));
        struct share_log next = log_of(&memory); /* another process */
        ck_assert_int_eq(share_journal_undo(&next), steps == 1 ? 1 : steps == 2 ? 2 : 5);
        must_be_old(&memory);
        ck_assert_int_eq(share_journal_undo(&next), 0);
    }
}

TEST(an_undo_may_be_cut_off_and_done_again)
{
    struct memory memory;
    fill(&memory);
    struct share_log log = log_of(&memory);
    share_journal_set(&log, &memory.words[0], 7);
    share_journal_set(&log, &memory.words[1], 8);
    memory.words[1] = 101; /* the first store of an undo */
    ck_assert_int_eq(share_journal_undo(&log), 2);
    must_be_old(&memory);
}

TEST(lies_are_found_before_anything_is_touched)
{
    static const uint64_t offsets[] = {WORDS * 8, WORDS * 8 - 4, 1, UINT64_MAX, UINT64_MAX - 7};
    struct memory memory;
    fill(&memory);
    struct share_log log = log_of(&memory);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        memory.journal.saved[0] = (struct share_saved){0, 1};
        memory.journal.saved[1] = (struct share_saved){offsets[i], 1};
        memory.journal.count = 2;
        ck_assert_int_eq(share_journal_undo(&log), -PLAIT_EFORMAT);
        must_be_old(&memory);
    }
    memory.journal.count = MOST + 1;
    ck_assert_int_eq(share_journal_undo(&log), -PLAIT_EFORMAT);
    memory.journal.count = UINT64_MAX;
    ck_assert_int_eq(share_journal_undo(&log), -PLAIT_EFORMAT);
    must_be_old(&memory);
}

static void overfill(void *arg)
{
    struct memory memory;
    fill(&memory);
    struct share_log log = log_of(&memory);
    share_journal_save(&log, memory.words, MOST * sizeof(uint64_t));
    share_journal_set(&log, &memory.words[7], 1);
}

TEST_LABELED(a_change_that_is_too_large_is_misuse, "process")
{
    harness_dies(overfill, NULL, "a change of more than 6 words");
}

TEST(the_word_that_others_see_decides)
{
    for (int committed = 0; committed < 2; committed++) {
        struct memory memory;
        fill(&memory);
        struct share_log log = log_of(&memory);
        share_journal_plan(&log, &memory.words[3], 7);
        share_journal_set(&log, &memory.words[1], 8);
        if (committed)
            memory.words[3] = 7; /* and killed before the end */
        struct share_log next = log_of(&memory);
        ck_assert_int_eq(share_journal_undo(&next), !committed);
        ck_assert_uint_eq(memory.words[1], committed ? 8 : 101);
        ck_assert_uint_eq(memory.words[3], committed ? 7 : 103);
        ck_assert_uint_eq(memory.journal.count, 0);
    }
}
