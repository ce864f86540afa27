/* The tool's counting engine by itself: what a word is, pieces that add up, tables that
 * overflow, the most frequent of several tables, and which files of a tree are walked. */
#include "harness.h"

#include "tool/count.h"
#include "tool/top.h"
#include "tool/walk.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int file_of(const void *bytes, size_t size)
{
    int file = memfd_create("counted", MFD_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
    return file;
}

static struct table *table_of(uint64_t slots, uint64_t text)
{
    void *memory = malloc(table_size(slots, text));
    ck_assert_ptr_nonnull(memory);
    return table_init(memory, slots, text);
}

static uint64_t count_of(const struct table *table, const char *word)
{
    for (uint64_t i = 0; i < table->slots; i++) {
        const struct table_slot *slot = &table->slot[i];
        if (slot->count && slot->length == strlen(word) &&
            !memcmp(table_text(table, slot), word, slot->length))
            return slot->count;
    }
    return 0;
}

static struct tally count_in_pieces(int file, uint64_t size, uint64_t piece, struct table *table)
{
    struct tally tally = {0};
    struct counter *counter = counter_open(NULL, NULL);
    uint64_t from = 0;
    for (; from + piece < size; from += piece)
        ck_assert_int_eq(count_piece(counter, file, from, from + piece, &tally, table), 0);
    ck_assert_int_eq(count_piece(counter, file, from, COUNT_TO_END, &tally, table), 0);
    counter_free(counter);
    return tally;
}

/* ---- words */

/* What GNU wc 9.1 says in the C locale about the same bytes. */
static const struct {
    const char *bytes;
    size_t size;
    uint64_t lines, words;
} samples[] = {
    {"", 0, 0, 0},
    {"a", 1, 0, 1},
    {"a\n", 2, 1, 1},
    {"\n\n\n", 3, 3, 0},
    {"a\tb\vc\fd\re f\n", 12, 1, 6},
    {"\001\002", 2, 0, 0},
    {"a\001b", 3, 0, 1},
    {"\200\201", 2, 0, 0},
    {"a \200 b", 5, 0, 2},
    {"\0", 1, 0, 0},
    {"a\0b", 3, 0, 1},
    {"\001 \177 x", 5, 0, 1},
    {"\001x\177 ", 4, 0, 1},
    {"12345678 12345678\n1234567 123456789", 35, 1, 4},
};

TEST(words_are_those_of_wc)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        int file = file_of(samples[i].bytes, samples[i].size);
        struct tally tally = count_in_pieces(file, samples[i].size, 100, NULL);
        ck_assert_msg(tally.words == samples[i].words && tally.lines == samples[i].lines &&
                          tally.bytes == samples[i].size,
                      "sample %zu: %d words, %d lines", i, (int)tally.words, (int)tally.lines);
        close(file);
    }
}

/* Long and short words, long and short gaps, bytes of all kinds: the same from each seed. */
static size_t make_text(uint8_t *text, size_t room)
{
    static const char spaces[] = " \n\t\v\f\r";
    uint64_t state = 88172645463325252u;
    size_t used = 0;
    while (used + 20000 < room) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        size_t word = state % 50 == 0 ? state / 50 % 12000 : state / 50 % 12;
        int base = state % 31 == 0 ? 128 : 'a';
        for (size_t i = 0; i < word; i++)
            text[used++] = base + state / 64 % 8;
        for (size_t i = 0; i <= state % 7 / 5; i++)
            text[used++] = spaces[state / 9 % 6];
    }
    return used;
}

TEST(pieces_add_up_wherever_they_are_cut)
{
    enum { ROOM = 1 << 20 };
    static uint8_t text[ROOM];
    static const uint64_t cuts[] = {3, 64, 4095, 4096, 4097, 100000, 262144, 262143, 700000};
    size_t size = make_text(text, ROOM);
    int file = file_of(text, size);
    struct table *table = table_of(1 << 16, 1 << 22), *other = table_of(1 << 16, 1 << 22);
    struct tally whole = count_in_pieces(file, size, size, table);
    ck_assert_int_eq(whole.bytes, size);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        table_clear(other);
        struct tally tally = count_in_pieces(file, size, cuts[i], other);
        ck_assert_msg(!memcmp(&tally, &whole, sizeof whole), "pieces of %d bytes", (int)cuts[i]);
        ck_assert_int_eq(other->used, table->used);
        for (uint64_t s = 0; s < table->slots; s++)
            if (table->slot[s].count)
                ck_assert_int_eq(table_find(other, table, &table->slot[s]), table->slot[s].count);
    }
    free(table), free(other);
    close(file);
}

TEST(a_file_without_spaces_is_one_word_and_not_kept)
{
    enum { SIZE = 3 << 20 };
    uint8_t *text = malloc(SIZE);
    memset(text, 'x', SIZE);
    int file = file_of(text, SIZE);
    struct table *table = table_of(64, 1 << 16);
    struct tally tally = count_in_pieces(file, SIZE, 1 << 20, table);
    ck_assert_int_eq(tally.words, 1);
    ck_assert_int_eq(tally.bytes, SIZE);
    ck_assert_int_eq(table->text_used, TABLE_LONGEST + 16);
    free(text), free(table);
    close(file);
}

TEST(long_words_that_differ_late_are_two)
{
    static char text[3 * 5002];
    memset(text, 'y', sizeof text);
    text[5000] = text[10001] = text[15002] = ' ';
    text[14999] = 'z';
    int file = file_of(text, sizeof text);
    struct table *table = table_of(64, 1 << 16);
    struct tally tally = count_in_pieces(file, sizeof text, sizeof text, table);
    ck_assert_int_eq(tally.words, 4); /* the last byte is a word of its own */
    ck_assert_int_eq(table->used, 3);
    free(table);
    close(file);
}

static bool three_times(void *asked)
{
    return ++*(int *)asked <= 3;
}

TEST(counting_stops_when_told)
{
    enum { SIZE = 4 << 20 };
    char *text = malloc(SIZE);
    memset(text, ' ', SIZE);
    int file = file_of(text, SIZE), asked = 0;
    struct tally tally = {0};
    struct counter *counter = counter_open(three_times, &asked);
    ck_assert_int_eq(count_piece(counter, file, 0, COUNT_TO_END, &tally, NULL), -ECANCELED);
    ck_assert_int_gt(tally.bytes, 0);
    ck_assert_int_lt(tally.bytes, SIZE);
    counter_free(counter);
    free(text);
    close(file);
}

/* ---- tables */

static void add(struct table *table, const char *word, int times)
{
    uint8_t padded[64] = {0};
    memcpy(padded, word, strlen(word));
    for (int i = 0; i < times; i++)
        table_add(table, padded, strlen(word));
}

static void add_numbered(struct table *table, const char *format, int count)
{
    char word[40];
    for (int i = 0; i < count; i++) {
        snprintf(word, sizeof word, format, i);
        add(table, word, 1);
    }
}

TEST(a_table_grows_inside_its_block)
{
    struct table *table = table_of(1 << 17, 1 << 21);
    ck_assert_int_lt(table->slots, table->slots_most);
    add_numbered(table, "number-%d", 60000);
    add_numbered(table, "%d", 5);
    add_numbered(table, "number-%d", 10);
    ck_assert_int_eq(table->used, 60005);
    ck_assert_int_eq(table->lost, 0);
    ck_assert_int_eq(count_of(table, "number-7"), 2);
    ck_assert_int_eq(count_of(table, "number-59999"), 1);
    ck_assert_int_eq(count_of(table, "4"), 1);
    free(table);
}

TEST(a_full_table_forgets_the_rare_and_says_so)
{
    struct table *table = table_of(4096, 1 << 16);
    add(table, "the", 500);
    add(table, "and-a-longer-word", 300);
    add_numbered(table, "once-%d", 20000);
    add(table, "the", 1);
    ck_assert_int_gt(table->lost, 0);
    ck_assert_int_le(table->used, 2048);
    ck_assert_int_eq(count_of(table, "the"), 501);
    ck_assert_int_eq(count_of(table, "and-a-longer-word"), 300);
    free(table);
}

/* ---- the most frequent */

TEST(the_top_is_by_count_then_bytewise)
{
    struct table *table = table_of(4096, 1 << 16);
    const struct table *tables[] = {table};
    struct top_word top[TOP_MOST];
    add(table, "b", 2), add(table, "a", 2), add(table, "ab", 2), add(table, "Z", 2),
        add(table, "c", 3);
    ck_assert_int_eq(top_words(tables, 1, top), 5);
    static const char *const order[] = {"c", "Z", "a", "ab", "b"};
    for (int i = 0; i < 5; i++)
        ck_assert(top[i].length == strlen(order[i]) &&
                  !memcmp(top[i].text, order[i], top[i].length));
    free(table);
}

/* No single table has it among its first twenty, but their sum does. */
TEST(the_top_of_several_tables_is_that_of_their_sum)
{
    struct table *tables[3];
    struct top_word top[TOP_MOST];
    for (int t = 0; t < 3; t++) {
        char format[32];
        tables[t] = table_of(4096, 1 << 16);
        snprintf(format, sizeof format, "table%d-%%d", t);
        for (int i = 0; i < 10; i++)
            add_numbered(tables[t], format, 30);
        add(tables[t], "everywhere", 9);
    }
    ck_assert_int_eq(top_words((const struct table *const *)tables, 3, top), TOP_MOST);
    ck_assert_int_eq(top[0].count, 27);
    ck_assert(!memcmp(top[0].text, "everywhere", 10));
    ck_assert_int_eq(top[1].count, 10);
    ck_assert_int_eq(top[TOP_MOST - 1].count, 10);
    for (int t = 0; t < 3; t++)
        free(tables[t]);
}

/* ---- the walk */

static char root[] = "/tmp/plait-walk-XXXXXX";

static void put_file(const char *name, const char *text)
{
    int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static void put_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, name);
    ck_assert_int_eq(bind(end, (struct sockaddr *)&address, sizeof address), 0);
    close(end);
}

static void make_tree(void)
{
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(chdir(root), 0);
    ck_assert_int_eq(mkdir("deep", 0755) | mkdir("deep/.hidden", 0755), 0);
    put_file("plain", "one two\n");
    put_file(".dot", "x");
    put_file("new\nline", "y");
    put_file("deep/.hidden/last", "z z z");
    put_file("deep/empty", "");
    ck_assert_int_eq(
        link("plain", "deep/again") | symlink("plain", "link") | symlink("..", "deep/up"), 0);
    ck_assert_int_eq(symlink("loop", "loop") | mkfifo("fifo", 0644), 0);
    put_socket("socket");
}

static void remove_tree(void)
{
    static const char *const names[] = {
        "plain",      ".dot",       "new\nline", "deep/.hidden/last",
        "deep/empty", "deep/again", "link",      "deep/up",
        "loop",       "fifo",       "socket",    "deep/.hidden",
        "deep"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(remove(names[i]) == 0, "%s", names[i]);
    ck_assert_int_eq(chdir("/") | rmdir(root), 0);
}

TEST(a_walk_sees_each_regular_file_once)
{
    struct walk walk = {.go_on = NULL};
    make_tree();
    ck_assert_int_eq(walk_tree(&walk, root), 0);
    ck_assert_int_eq(walk.file_count, 5);
    ck_assert_int_eq(walk.bytes, 8 + 1 + 1 + 5);
    ck_assert_int_eq(walk.repeats, 1);
    ck_assert_int_eq(walk.links, 3);
    ck_assert_int_eq(walk.specials, 2);
    ck_assert_int_eq(walk.failure_count, 0);
    ck_assert_int_eq(walk.folder_count, 3);
    walk_free(&walk);
    remove_tree();
}

TEST(what_is_no_file_any_more_is_refused)
{
    struct walk walk = {.go_on = NULL};
    make_tree();
    ck_assert_int_eq(walk_tree(&walk, root), 0);
    for (size_t i = 0; i < walk.file_count; i++) {
        const char *name = walk_name(&walk, walk.files[i].name);
        if (strcmp(name, "deep/empty"))
            continue;
        ck_assert_int_eq(remove(name), 0);
        ck_assert_int_eq(walk_open(&walk, &walk.files[i]), -ENOENT);
        ck_assert_int_eq(mkfifo(name, 0644), 0);
        ck_assert_int_eq(walk_open(&walk, &walk.files[i]),
                         -EINVAL); /* and does not wait for a writer */
        ck_assert_int_eq(remove(name) | symlink("../plain", name), 0);
        ck_assert_int_eq(walk_open(&walk, &walk.files[i]), -ELOOP);
    }
    walk_free(&walk);
    remove_tree();
}

TEST(a_directory_that_is_none_says_so)
{
    struct walk walk = {.go_on = NULL};
    ck_assert_int_eq(walk_tree(&walk, "/nonexistent"), -ENOENT);
    walk_free(&walk);
    ck_assert_int_eq(walk_tree(&walk, "/dev/null"), -ENOTDIR);
    walk_free(&walk);
}
