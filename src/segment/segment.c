/* plait_segment: an area whose memory begins with plait's page, then the user's structure, then
 * blocks.
 *
 * Offsets of users count from their structure on, so that 0 is no block; inside they count from the
 * area's memory on. */
#include "segment/segment.h"
#include "base/report.h"
#include "os/os.h"
#include "share/handle.h"
#include "share/users.h"
#include "sync/object.h"
#include "sync/shared_lock.h"

#include <errno.h>
#include <plait/error.h>
#include <string.h>

/* The head's page, then room beside small objects (share/beside.h): its list, and 160 parties. */
enum { BESIDE_AT = 4096, BESIDE = 24576, HEAD = BESIDE_AT + BESIDE, ALIGN = 64 };
#define GROW_LEAST ((size_t)64 << 10)
_Static_assert(sizeof(struct heap_head) <= BESIDE_AT, "the room beside follows");

#define MAGIC UINT64_C(0x746e656d676573)

struct plait_segment {
    uint64_t magic; /* 0: it was freed */
    struct share_area *area;
    struct heap_head *head;
    size_t structure; /* bytes of it, as this process was told */
};

static void check(const plait_segment *segment, void *place)
{
    if (unlikely(!segment || (uintptr_t)segment % 8 || segment->magic != MAGIC))
        base_misuse(segment, "segment", place, "no segment, or freed before");
}

/* ---- under the lock */

static void heap_of(plait_segment *segment, struct heap *heap)
{
    *heap = (struct heap){
        .head = segment->head,
        .log = {&segment->head->journal, HEAP_SAVED, 0, (char *)segment->head,
                share_area_size(segment->area)},
        .start = HEAD + ((segment->structure + ALIGN - 1) & ~(uint64_t)(ALIGN - 1)),
    };
}

static void leave(plait_segment *segment, void *place)
{
    shared_lock_release(&segment->head->lock, place);
}

/* Held. What the dead one was changing must be taken back before anything else is read. */
static int repair(plait_segment *segment, struct heap *heap, int rc, void *place)
{
    if (rc == -EOWNERDEAD)
        rc = share_journal_undo(&heap->log);
    else if (atom_load(&heap->head->journal.count, RELAXED))
        rc = -PLAIT_EFORMAT; /* a change under way, though nobody died */
    if (rc >= 0)
        shared_lock_mend(&segment->head->lock, place);
    return rc < 0 ? rc : 0;
}

/* A cancel waits, because alloc has no code for it, and the others cannot fail. The lock is held
 * for a few microseconds. */
static int enter(plait_segment *segment, struct heap *heap, void *place)
{
    struct wait_self *self = wait_me();
    atom_store(&self->shield, self->shield + 1, RELAXED);
    int rc = shared_lock_acquire(&segment->head->lock, WAIT_NEVER, place);
    atom_store(&self->shield, self->shield - 1, RELAXED);
    if (rc < 0 && rc != -EOWNERDEAD)
        return rc == -ENOTRECOVERABLE || rc == -EDEADLK ? -PLAIT_EFORMAT : rc;
    heap_of(segment, heap);
    rc = repair(segment, heap, rc, place);
    if (rc == 0)
        rc = heap_begin(heap);
    if (rc < 0)
        leave(segment, place);
    return rc;
}

static bool user_is_gone(void *segment, uint64_t user)
{
    return share_user_is_gone(((plait_segment *)segment)->area, user);
}

/* Room for `size` more bytes at the end, and some for what comes next, so that not each block makes
 * the area grow. Without that where the limit is near. */
static int grow(plait_segment *segment, struct heap *heap, size_t size)
{
    size_t more = heap->top / 4 > GROW_LEAST ? heap->top / 4 : GROW_LEAST;
    size_t least = heap->top + size;
    int rc = least < size ? -ENOSPC : share_area_grow(segment->area, least + more);
    if (rc == -ENOSPC && least >= size)
        rc = share_area_grow(segment->area, least);
    if (rc < 0)
        return rc;
    heap->log.size = share_area_size(segment->area);
    return heap_extend(heap, heap->log.size);
}

/* Before the area grows, since there may be a rest behind the structure's last page, or a peer has
 * made it grow. */
static int use_rest(plait_segment *segment, struct heap *heap)
{
    if (heap->log.size - heap->top < HEAP_LEAST)
        return -ENOSPC;
    return heap_extend(heap, heap->log.size);
}

static int alloc(plait_segment *segment, struct heap *heap, size_t size, uint64_t *at)
{
    uint64_t me = share_user_me(segment->area);
    int rc = heap_alloc(heap, size, me, at);
    if (rc == -ENOSPC && (rc = heap_reap(heap, user_is_gone, segment)) >= 0)
        rc = heap_alloc(heap, size, me, at);
    if (rc == -ENOSPC && (rc = use_rest(segment, heap)) == 0)
        rc = heap_alloc(heap, size, me, at);
    if (rc == -ENOSPC && (rc = grow(segment, heap, size + HEAP_LEAST + HEAP_HEADER)) == 0)
        rc = heap_alloc(heap, size, me, at);
    return rc;
}

/* ---- open, close */

struct preparation {
    plait_segment_options options;
    size_t structure;
};

static int prepare(void *memory, size_t size, void *arg)
{
    struct preparation *preparation = arg;
    struct heap_head *head = memory;
    sync_init(&head->lock, "lock", PLAIT_SHARED, __builtin_return_address(0));
    if (!preparation->options.prepare)
        return 0;
    int rc = preparation->options.prepare((char *)memory + HEAD, preparation->options.arg);
    return rc > 0 ? -rc : rc;
}

static plait_segment *segment_new(struct share_area *area, size_t structure)
{
    plait_segment *segment = os_alloc(sizeof *segment);
    if (!segment) {
        errno = ENOMEM;
        return NULL;
    }
    *segment = (plait_segment){MAGIC, area, share_area_memory(area), structure};
    share_area_own(area, segment, 0);
    return segment;
}

static bool options_are_sound(const plait_segment_options *options, size_t size)
{
    for (int i = 0; i < 4; i++)
        if (options->reserved[i])
            return false;
    return !(options->must_create && options->must_exist) && size > 0 &&
           size < SIZE_MAX / 2 - HEAD && options->limit < SIZE_MAX / 2 - HEAD &&
           (!options->limit || options->limit >= size);
}

/* NAME, shm:NAME, with what the options insist on behind it. */
static const char *url_of(const char *name, const plait_segment_options *options, char *text,
                          size_t size)
{
    const char *how = options->must_create ? "?create" : options->must_exist ? "?attach" : "";
    const char *scheme = strncmp(name, "shm:", 4) == 0 ? "" : "shm:";
    int length = base_format(text, size, "%s%s%s", scheme, name, how);
    return length < (int)size ? text : NULL;
}

plait_segment *plait_segment_open(const char *name, size_t size,
                                  const plait_segment_options *options)
{
    static const plait_segment_options defaults;
    char url[256];
    struct preparation preparation = {options ? *options : defaults, size};
    const plait_segment_options *now = &preparation.options;
    struct share_request request = {
        .kind = "segment",
        .name = name,
        .where = PLAIT_SHARED,
        .url = name ? url_of(name, now, url, sizeof url) : NULL,
        .size = HEAD + size,
        .limit = now->limit ? HEAD + now->limit : 0,
        .layout = now->layout,
        .beside_at = BESIDE_AT,
        .beside = BESIDE,
        .prepare = prepare,
        .arg = &preparation,
    };
    if (!options_are_sound(now, size) || (name && !request.url)) {
        errno = request.url || !name ? EINVAL : ENAMETOOLONG;
        return NULL;
    }
    struct share_area *area = share_area_open(&request);
    plait_segment *segment = area ? segment_new(area, size) : NULL;
    if (area && !segment)
        share_area_close(area);
    return segment;
}

/* In a program that was handed the segment. */
static void *segment_opened(struct share_area *area, uint32_t part)
{
    size_t wanted = share_area_wanted(area);
    if (wanted > HEAD)
        return segment_new(area, wanted - HEAD);
    errno = PLAIT_EFORMAT;
    return NULL;
}

__attribute__((constructor)) static void segment_register(void)
{
    static struct share_kind kind = {.kind = "segment", .open = segment_opened};
    share_kind_register(&kind);
}

void plait_segment_free(plait_segment *segment)
{
    if (!segment)
        return;
    check(segment, __builtin_return_address(0));
    if (robust_holds_within(segment->head, plait_segment_size(segment)))
        base_misuse(segment, "segment", __builtin_return_address(0),
                    "freed with a lock inside held by the caller");
    segment->magic = 0;
    share_area_close(segment->area);
    os_free(segment);
}

/* ---- memory */

void *plait_segment_memory(plait_segment *segment)
{
    check(segment, __builtin_return_address(0));
    return (char *)segment->head + HEAD;
}

size_t plait_segment_size(const plait_segment *segment)
{
    check(segment, __builtin_return_address(0));
    return share_area_size(segment->area) - HEAD;
}

uint64_t plait_segment_offset(plait_segment *segment, const void *block)
{
    check(segment, __builtin_return_address(0));
    uint64_t offset = (uint64_t)((const char *)block - (const char *)segment->head) - HEAD;
    if (offset >= plait_segment_size(segment))
        base_misuse(segment, "segment", __builtin_return_address(0), "%p does not lie in it",
                    block);
    return offset;
}

void *plait_segment_at(plait_segment *segment, uint64_t offset, size_t size)
{
    check(segment, __builtin_return_address(0));
    return offset > UINT64_MAX - HEAD ? NULL : share_area_at(segment->area, offset + HEAD, size);
}

/* ---- blocks */

/* Not with a descriptor that the program has closed, since the others take this process for gone
 * then, and its blocks for a dead one's. */
static int enter_living(plait_segment *segment, struct heap *heap, void *place)
{
    int rc = share_area_check(segment->area);
    return rc < 0 ? rc : enter(segment, heap, place);
}

static int alloc_locked(plait_segment *segment, size_t size, uint64_t *at, void *place)
{
    struct heap heap;
    if (size == 0 || size > SIZE_MAX / 4)
        return size ? -ENOSPC : -EINVAL;
    int rc = enter_living(segment, &heap, place);
    if (rc < 0)
        return rc;
    rc = alloc(segment, &heap, size, at);
    leave(segment, place);
    return rc;
}

void *plait_segment_alloc(plait_segment *segment, size_t size)
{
    uint64_t at = 0;
    void *place = __builtin_return_address(0);
    check(segment, place);
    int rc = alloc_locked(segment, size, &at, place);
    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    return memset((char *)segment->head + at + HEAP_HEADER, 0, size);
}

static _Noreturn void misuse(plait_segment *segment, void *place, const char *text)
{
    leave(segment, place); /* since the others can do nothing for it */
    base_misuse(segment, "segment", place, "%s", text);
}

/* Where the block begins; 0: it lies outside. */
static uint64_t begin_of(const plait_segment *segment, const struct heap *heap, const void *block)
{
    uint64_t at = (uint64_t)((const char *)block - (const char *)segment->head) - HEAP_HEADER;
    return at < heap->top ? at : 0;
}

static bool is_slot(const plait_segment *segment, const struct heap *heap, const uint64_t *slot)
{
    uint64_t at = (uint64_t)((const char *)slot - (const char *)segment->head);
    return at >= HEAD && at % sizeof *slot == 0 && at <= heap->log.size - sizeof *slot;
}

static void must_enter(plait_segment *segment, struct heap *heap, void *place)
{
    int rc = enter_living(segment, heap, place);
    if (rc == -EBADF)
        base_misuse(segment, "segment", place,
                    "its blocks are the others' by now, because the program closed plait's "
                    "descriptor of it");
    if (rc < 0)
        base_misuse(segment, "segment", place, "its blocks are out of reach: %s",
                    plait_strerror(rc));
}

void plait_segment_keep(plait_segment *segment, void *block, uint64_t *slot)
{
    struct heap heap;
    uint64_t owner;
    void *place = __builtin_return_address(0);
    check(segment, place);
    must_enter(segment, &heap, place);
    uint64_t at = begin_of(segment, &heap, block);
    if (!at || heap_owner(&heap, at, &owner) < 0 || owner != share_user_me(segment->area))
        misuse(segment, place, "a block is kept that this process has not allocated");
    if (!is_slot(segment, &heap, slot) || atom_load(slot, RELAXED))
        misuse(segment, place, "a block is kept in no slot of it, or one that is not 0");
    heap_keep(&heap, at, slot, at + HEAP_HEADER - HEAD);
    leave(segment, place);
}

static void release_checked(plait_segment *segment, struct heap *heap, void *block, uint64_t *slot,
                            void *place)
{
    uint64_t owner, at = begin_of(segment, heap, block);
    if (!at || heap_owner(heap, at, &owner) < 0)
        misuse(segment, place, "a block is released that is none, or was released before");
    if (owner != (slot ? HEAP_KEPT : share_user_me(segment->area)))
        misuse(segment, place,
               slot ? "a block is released from a slot, but was not kept"
                    : "a block is released without a slot that this process has not allocated");
    if (slot &&
        (!is_slot(segment, heap, slot) || atom_load(slot, RELAXED) != at + HEAP_HEADER - HEAD))
        misuse(segment, place, "a block is released from a slot that does not name it");
    if (heap_free(heap, at, slot) < 0)
        misuse(segment, place, "its blocks are damaged");
}

void plait_segment_release(plait_segment *segment, void *block, uint64_t *slot)
{
    struct heap heap;
    void *place = __builtin_return_address(0);
    check(segment, place);
    if (!block)
        return;
    must_enter(segment, &heap, place);
    release_checked(segment, &heap, block, slot, place);
    leave(segment, place);
}

int segment_verify(plait_segment *segment, struct heap_count *count)
{
    struct heap heap;
    void *place = __builtin_return_address(0);
    int rc = enter(segment, &heap, place);
    if (rc < 0)
        return rc;
    rc = heap_verify(&heap, count);
    if (rc == 0 && heap_reap(&heap, user_is_gone, segment) > 0)
        rc = heap_verify(&heap, count);
    leave(segment, place);
    return rc;
}
