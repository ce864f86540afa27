/* Opening a dictionary and letting it go. */
#include "base/report.h"
#include "dict/dict.h"
#include "os/os.h"
#include "share/handle.h"

#include <errno.h>

/* FIRST: what one takes at first. LIMIT: address space, which costs nothing unless it is needed. */
enum { FIRST = 65536, LAYOUT = 1 };
#define LIMIT ((size_t)1 << 30)
#define LIMIT_MOST ((size_t)1 << 36) /* what 32 bits of a slot name */

struct recipe {
    size_t element, limit;
    bool shared;
};

static uint64_t random_seed(void)
{
    struct wait_self *self = wait_me();
    return (uint64_t)wait_random(self) << 32 | wait_random(self) | 1;
}

static int prepare(void *memory, size_t size, void *arg)
{
    const struct recipe *recipe = arg;
    struct dict_head *head = memory;
    plait_dict bare = {.memory = memory};
    head->magic = DICT_MAGIC;
    head->element = recipe->element;
    head->limit = recipe->limit;
    head->seed = random_seed();
    head->pool.top = DICT_HEAD + DICT_STRIPES * sizeof(struct dict_stripe);
    guard_init(&head->pool.guard, recipe->shared);
    for (unsigned i = 0; i < DICT_STRIPES; i++)
        guard_init(&dict_stripe(&bare, i)->guard, recipe->shared);
    return 0;
}

/* 0, or why not. */
static int options_check(const plait_dict_options *options, size_t element)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return EINVAL; /* a field of a newer library */
    if (options->where != PLAIT_PRIVATE && options->where != PLAIT_SHARED)
        return EINVAL;
    return element > DICT_VALUE_MOST || options->limit > LIMIT_MOST ? EINVAL : 0;
}

static struct share_area *open_area(const plait_dict_options *options, struct recipe *recipe)
{
    return share_area_open(&(struct share_request){
        .kind = "dict",
        .name = options->name,
        .where = recipe->shared ? PLAIT_SHARED : PLAIT_PRIVATE,
        .url = options->url,
        .size = FIRST,
        .limit = recipe->limit,
        .layout = (uint64_t)recipe->element << 8 | LAYOUT,
        .prepare = prepare,
        .arg = recipe,
    });
}

/* What the head says is copied once, then checked, because a peer may change it in between. */
static int look_at_head(plait_dict *dict)
{
    const struct dict_head *head = dict_head(dict);
    if (dict->known < FIRST || head->magic != DICT_MAGIC)
        return PLAIT_EFORMAT;
    dict->seed = head->seed;
    dict->limit = head->limit;
    dict->element = head->element;
    if (dict->limit > LIMIT_MOST || dict->element > DICT_VALUE_MOST)
        return PLAIT_EFORMAT;
    while (dict->shift < 32 && dict->limit >> 4 >> dict->shift)
        dict->shift++;
    return 0;
}

/* Whatever comes of it, the caller must close the area. */
static int attach(plait_dict *dict, struct share_area *area, bool shared)
{
    dict->area = area;
    dict->shared = shared;
    dict->memory = share_area_memory(area);
    dict->known = share_area_size(area);
    dict->magic = shared ? DICT_MAGIC : DICT_PRIVATE + wait_forks;
    if (shared)
        share_area_own(area, dict, 0);
    return look_at_head(dict);
}

static int begin(plait_dict *dict, const plait_dict_options *options, struct recipe *recipe)
{
    struct share_area *area = open_area(options, recipe);
    if (!area)
        return errno;
    int why = attach(dict, area, recipe->shared);
    if (!why && dict->element != recipe->element)
        why = PLAIT_EFORMAT;
    if (!why && options->name && base_name_set(dict, options->name) != 0)
        why = ENOMEM;
    if (why)
        share_area_close(area);
    return why;
}

/* In a process that was handed one. */
static void *adopt(struct share_area *area, uint32_t part)
{
    plait_dict *dict = os_alloc(sizeof *dict);
    int why = dict ? attach(dict, area, true) : ENOMEM;
    if (!why)
        return dict;
    os_free(dict);
    errno = why;
    return NULL;
}

__attribute__((constructor)) static void register_kind(void)
{
    static struct share_kind dicts = {"dict", adopt, NULL};
    share_kind_register(&dicts);
}

plait_dict *plait_dict_open(size_t element, const plait_dict_options *options)
{
    static const plait_dict_options defaults;
    options = options ? options : &defaults;
    wait_me(); /* so that the program's forks are noticed from now on */
    int why = options_check(options, element);
    struct recipe recipe = {element, options->limit ? options->limit : LIMIT,
                            options->where == PLAIT_SHARED || options->url};
    if (recipe.limit < FIRST)
        recipe.limit = FIRST;
    plait_dict *dict = why ? NULL : os_alloc(sizeof *dict);
    if (!why)
        why = dict ? begin(dict, options, &recipe) : ENOMEM;
    if (!why)
        return dict;
    os_free(dict);
    errno = why;
    return NULL;
}

void plait_dict_free(plait_dict *dict)
{
    if (!dict)
        return;
    dict_check(dict, __builtin_return_address(0));
    dict->magic = 0;
    share_area_close(dict->area);
    base_name_forget(dict);
    os_free(dict);
}
