/* The dictionary's and the array's cases. Each value is painted with its size, so that half a one
 * would be seen; after each kill every block and chunk must have one owner. */
#include "../dict_verify.h"
#include "dict/array.h"
#include "kill.h"
#include "share/inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { FILLED = 20000, ELEMENTS = 20, SMALL = 40, IN_PLACE = 48, OTHER = 120, LARGE = 3000 };

static plait_dict *texts, *numbers;
static plait_array *words, *dozens, *larges;
static char bytes[LARGE];

/* All of their memory, when it was new, or as a dead one has left it. */
static struct image {
    char *bytes[5];
    size_t size[5];
} as_new, half_done;

static void need(bool holds)
{
    if (!holds)
        _exit(1);
}

static void paint(size_t size)
{
    memset(bytes, (int)(size % 251 + 1), size);
}

static bool is_painted(const char *got, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (got[i] != (char)(size % 251 + 1))
            return false;
    return true;
}

static void set_size(const char *key, size_t size)
{
    paint(size);
    need(plait_dict_set_bytes(texts, key, strlen(key), bytes, size) == 0);
}

/* ---- as new: the memory is written back whole, since nobody uses it */

static struct share_area *area_of(int i)
{
    return i == 0   ? texts->area
           : i == 1 ? numbers->area
           : i == 2 ? words->area
           : i == 3 ? dozens->area
                    : larges->area;
}

static void image_take(struct image *image)
{
    for (int i = 0; i < 5; i++) {
        image->size[i] = share_area_size(area_of(i));
        image->bytes[i] = malloc(image->size[i]);
        need(image->bytes[i]);
        memcpy(image->bytes[i], share_area_memory(area_of(i)), image->size[i]);
    }
}

static void dict_open(void)
{
    plait_dict_options shared = {.where = PLAIT_SHARED};
    plait_array_options also = {.where = PLAIT_SHARED};
    texts = plait_dict_open(PLAIT_MESSAGES, &shared);
    numbers = plait_dict_open(8, &shared);
    words = plait_array_open(8, ELEMENTS, &also);
    dozens = plait_array_open(12, ELEMENTS, &also);
    larges = plait_array_open(300, ELEMENTS, &also);
    need(texts && numbers && words && dozens && larges);
    set_size("small", SMALL);
    set_size("large", LARGE);
    need(plait_dict_add(numbers, "old", 5, NULL) == 0);
    image_take(&as_new);
}

/* Else it would grow by a quarter at each point. The waiter must not believe in the size that it
 * had. */
static void shrink(struct share_area *area, size_t size)
{
    char *memory = share_area_memory(area);
    memset(memory + size, 0, share_area_size(area) - size);
    waiter_end();
    area->header->is.size = size;
    area->mapping->size = area->size = size;
    waiter_start(NULL);
}

static void image_put_back(const struct image *image)
{
    for (int i = 0; i < 5; i++) {
        if (share_area_size(area_of(i)) != image->size[i])
            shrink(area_of(i), image->size[i]);
        memcpy(share_area_memory(area_of(i)), image->bytes[i], image->size[i]);
    }
}

static void dict_fresh(void)
{
    image_put_back(&as_new);
}

/* ---- what a survivor does */

static bool is_whole(const char *key)
{
    static char got[LARGE];
    ssize_t size = plait_dict_get_bytes(texts, key, strlen(key), got, sizeof got);
    return size == -ENOENT || (size > 0 && is_painted(got, (size_t)size));
}

static bool is_number(const char *key, long was, long is)
{
    long number = 0;
    int rc = plait_dict_get(numbers, key, &number);
    return (rc == 0 && (number == was || number == is)) || (rc == -ENOENT && was == 0);
}

static bool is_element(plait_array *array)
{
    char got[300];
    size_t size = array->element;
    if (plait_array_get_bytes(array, 3, got, size) != 0)
        return false;
    for (size_t i = 1; i < size; i++)
        if (got[i] != got[0])
            return false;
    return true;
}

static int dict_use(int64_t deadline, int64_t *got_at)
{
    static char item[300];
    bool whole = is_whole("small") && is_whole("large") && is_whole("new") &&
                 is_number("old", 5, 7) && is_number("new", 0, 2) && is_element(words) &&
                 is_element(dozens) && is_element(larges);
    set_size("small", SMALL);
    set_size("large", LARGE);
    need(plait_dict_delete(texts, "new") != -PLAIT_EFORMAT);
    need(plait_dict_delete(numbers, "new") != -PLAIT_EFORMAT);
    need(plait_dict_set(numbers, "old", &(long){5}) == 0);
    need(plait_array_set_bytes(words, 3, item, 8) == 0);
    need(plait_array_set_bytes(dozens, 3, item, 12) == 0);
    need(plait_array_set_bytes(larges, 3, item, 300) == 0);
    *got_at = plait_now();
    return *got_at > deadline ? -ETIMEDOUT : whole ? 0 : -EILSEQ;
}

static int look_at(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    return is_painted(value, size) ? 0 : -EILSEQ;
}

static int count_it(const void *key, size_t key_size, const void *value, size_t size, void *arg)
{
    return 0;
}

/* Asked behind a visit, because that takes every guard, and all is repaired then. */
static bool dict_is_sound(void)
{
    if (plait_dict_visit(texts, look_at, NULL) || plait_dict_visit(numbers, count_it, NULL))
        return false;
    return !dict_verify(texts) && !dict_verify(numbers);
}

static struct dict_stripe *stripe_of(const plait_dict *dict, const char *key)
{
    return dict_stripe(dict, dict_stripe_of(dict_hash(key, strlen(key), dict->seed)));
}

static void block(void)
{
    need(guard_take(&stripe_of(texts, "small")->guard, true, NULL) == 0);
}

static void unblock(void)
{
    guard_give(&stripe_of(texts, "small")->guard, true, NULL);
}

static bool is_waited_for(pid_t waiter)
{
    const struct robust_word *lock =
        (struct robust_word *)(void *)&stripe_of(texts, "small")->guard;
    return __atomic_load_n(&lock->word, __ATOMIC_ACQUIRE) & ROBUST_WAITERS;
}

static const struct kill_noun dict_noun = {
    .open = dict_open,
    .fresh = dict_fresh,
    .block = block,
    .unblock = unblock,
    .use = dict_use,
    .is_waited_for = is_waited_for,
    .is_sound = dict_is_sound,
    .endless = true,
};

/* ---- the operations */

static void register_thread(void)
{
    robust_tid();
}

static void set_new(void)
{
    set_size("new", SMALL);
}

static void set_in_place(void)
{
    set_size("small", IN_PLACE);
}

static void set_other_size(void)
{
    set_size("small", OTHER);
}

static void set_chunk_for_block(void)
{
    set_size("small", LARGE);
}

static void set_block_for_chunk(void)
{
    set_size("large", SMALL);
}

static void delete_block(void)
{
    need(plait_dict_delete(texts, "small") == 0);
}

static void delete_chunk(void)
{
    need(plait_dict_delete(texts, "large") == 0);
}

static void add_new(void)
{
    need(plait_dict_add(numbers, "new", 2, NULL) == 0);
}

static void add_old(void)
{
    need(plait_dict_add(numbers, "old", 2, NULL) == 0);
}

static int by_two(void *value, bool is_new, void *arg)
{
    *(long *)value += 2;
    return 0;
}

static void update(void)
{
    need(plait_dict_update(numbers, "old", by_two, NULL) == 0);
}

static void get(void)
{
    need(is_whole("small"));
}

static void get_large(void)
{
    need(is_whole("large"));
}

static void visit(void)
{
    need(plait_dict_visit(numbers, count_it, NULL) == 0);
}

static void count(void)
{
    need(plait_dict_count(numbers) == 1);
}

/* The stripe of "new" is filled until one more makes a larger table. Keys are numbers, values are
 * painted. */
static void fill_table(void)
{
    struct dict_stripe *stripe = stripe_of(texts, "new");
    struct dict_slots slots = {NULL, 0};
    for (unsigned key = 0; key < FILLED; key++) {
        if (dict_stripe(texts, dict_stripe_of(dict_hash(&key, sizeof key, texts->seed))) != stripe)
            continue;
        paint(8);
        need(plait_dict_set_bytes(texts, &key, sizeof key, bytes, 8) == 0);
        need(table_slots(texts, stripe, &slots) == 0);
        if ((stripe->used + 1) * 5 > slots.count * 4)
            return;
    }
    need(false);
}

/* The pool has handed out what there is, so that the next chunk makes the memory grow. */
static void fill_pool(void)
{
    char key[16] = "";
    for (unsigned i = 0; i < FILLED; i++) {
        snprintf(key, sizeof key, "%u", i);
        if (share_area_size(texts->area) - dict_head(texts)->pool.top < 2 * LARGE)
            return;
        set_size(key, LARGE);
    }
    need(false);
}

static void set_twice_large(void)
{
    set_size("new", LARGE);
    set_size("small", LARGE);
}

/* A larger free chunk must be halved, since the pool may not grow beyond its limit. */
static void fill_and_limit(void)
{
    delete_chunk();
    texts->limit = dict_head(texts)->pool.top;
}

static void set_half(void)
{
    set_size("new", LARGE / 3);
}

static void set_element(plait_array *array)
{
    memset(bytes, 7, array->element);
    need(plait_array_set_bytes(array, 3, bytes, array->element) == 0);
}

static void array_set_word(void)
{
    set_element(words);
}

static void array_set_dozen(void)
{
    set_element(dozens);
}

static void array_set_large(void)
{
    set_element(larges);
}

static void array_get(void)
{
    need(is_element(words) && is_element(dozens));
}

static void array_get_large(void)
{
    need(is_element(larges));
}

/* ---- repairs: the victim is the first to come after a death inside */

static uint64_t journaled(const uint64_t *journal)
{
    return __atomic_load_n(&((const struct share_journal *)(const void *)journal)->count,
                           __ATOMIC_ACQUIRE);
}

static bool is_owner(const struct dict_stripe *stripe, uint64_t chunk)
{
    const struct dict_chunk *at = dict_at(texts, chunk, sizeof *at);
    return at && at->owner == (uint64_t)(stripe - dict_stripe(texts, 0)) + 1;
}

static bool small_is_half_set(void)
{
    return journaled(stripe_of(texts, "small")->journal) >= 4;
}

static bool old_is_half_set(void)
{
    return journaled(stripe_of(numbers, "old")->journal) >= 1;
}

/* 4a .. 4b, dict.h */
static bool has_taken(void)
{
    const struct dict_stripe *stripe = stripe_of(texts, "new");
    return stripe->taking && is_owner(stripe, stripe->taking) &&
           !journaled(dict_head(texts)->pool.journal);
}

/* 6 .. 7a */
static bool is_giving(void)
{
    const struct dict_stripe *stripe = stripe_of(texts, "new");
    return stripe->giving && is_owner(stripe, stripe->giving) && !journaled(stripe->journal);
}

/* With two guards. */
static bool is_inside_pool(void)
{
    return journaled(dict_head(texts)->pool.journal) >= 2;
}

static bool is_half_element(void)
{
    const char *element = (char *)plait_array_memory(larges) + 3 * 300;
    return element[0] == 7 && element[299] != 7;
}

static bool is_half_dozen(void)
{
    const char *element = (char *)plait_array_memory(dozens) + 3 * 12;
    return element[0] == 7 && element[11] != 7;
}

/* Killed once, and from then on all memory as that death has left it. */
static void half_fresh(void (*prepare)(void), void (*operate)(void), bool (*is_half_done)(void))
{
    if (half_done.bytes[0]) {
        image_put_back(&half_done);
        return;
    }
    dict_fresh();
    dead_leave(prepare, operate, is_half_done);
    image_take(&half_done);
}

#define HALF(noun, prepare, operate, is_half_done)                                                 \
    static void noun##_fresh(void)                                                                 \
    {                                                                                              \
        half_fresh(prepare, operate, is_half_done);                                                \
    }                                                                                              \
    static const struct kill_noun noun = {                                                         \
        .open = dict_open,                                                                         \
        .fresh = noun##_fresh,                                                                     \
        .use = dict_use,                                                                           \
        .is_sound = dict_is_sound,                                                                 \
        .endless = true,                                                                           \
    }
HALF(half_in_place, register_thread, set_in_place, small_is_half_set);
HALF(half_set, register_thread, set_other_size, small_is_half_set);
HALF(half_deleted, register_thread, delete_block, small_is_half_set);
HALF(half_updated, register_thread, update, old_is_half_set);
HALF(table_taken, fill_table, set_new, has_taken);
HALF(table_given, fill_table, set_new, is_giving);
HALF(pool_taken, register_thread, set_chunk_for_block, is_inside_pool);
HALF(pool_given, register_thread, delete_chunk, is_inside_pool);
HALF(half_large, register_thread, array_set_large, is_half_element);
HALF(half_dozen, register_thread, array_set_dozen, is_half_dozen);

static void set_large(void)
{
    set_size("large", LARGE);
}

static void visit_texts(void)
{
    need(plait_dict_visit(texts, count_it, NULL) == 0);
}

#define CASE(text, does) .name = text, .noun = &dict_noun, .operate = does
#define READY .prepare = register_thread
#define REPAIR(text, left, does)                                                                   \
    .name = text, .noun = &left, .prepare = register_thread, .operate = does

const struct kill_case kill_dict_cases[] = {
    {CASE("dict: set a new key", set_new), READY},
    {CASE("dict: set in place", set_in_place), READY},
    {CASE("dict: set another size", set_other_size), READY},
    {CASE("dict: set a chunk for a block", set_chunk_for_block), READY},
    {CASE("dict: set a block for a chunk", set_block_for_chunk), READY},
    {CASE("dict: set, a larger table", set_new), .prepare = fill_table},
    {CASE("dict: set, more memory", set_twice_large), .prepare = fill_pool},
    {CASE("dict: set, a chunk halved", set_half), .prepare = fill_and_limit},
    {CASE("dict: set behind a holder", set_in_place), READY, .contended = true},
    {CASE("dict: delete a block", delete_block), READY},
    {CASE("dict: delete a chunk", delete_chunk), READY},
    {CASE("dict: add to a new key", add_new), READY},
    {CASE("dict: add to an old key", add_old), READY},
    {CASE("dict: update", update), READY},
    {CASE("dict: get", get), READY},
    {CASE("dict: get a large one", get_large), READY},
    {CASE("dict: visit", visit), READY},
    {CASE("dict: count", count), READY},
    {CASE("array: set 8 bytes", array_set_word), READY},
    {CASE("array: set 12 bytes", array_set_dozen), READY},
    {CASE("array: set 300 bytes", array_set_large), READY},
    {CASE("array: get", array_get), READY},
    {CASE("array: get 300 bytes", array_get_large), READY},
    {REPAIR("dict: repair of a set in place, by a get", half_in_place, get)},
    {REPAIR("dict: repair of a set, by a set", half_set, set_in_place)},
    {REPAIR("dict: repair of a delete, by a visit", half_deleted, visit_texts)},
    {REPAIR("dict: repair of an update, by an add", half_updated, add_old)},
    {REPAIR("dict: repair of a larger table, taken", table_taken, set_new)},
    {REPAIR("dict: repair of a larger table, given", table_given, set_new)},
    {REPAIR("dict: repair inside the pool, taking", pool_taken, set_in_place)},
    {REPAIR("dict: repair inside the pool, giving", pool_given, set_large)},
    {REPAIR("array: repair by a set", half_large, array_set_large)},
    {REPAIR("array: repair by a get of 300 bytes", half_large, array_get_large)},
    {REPAIR("array: repair by a get", half_dozen, array_get)},
    {0},
};
