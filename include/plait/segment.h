/* plait/segment.h - memory that unrelated processes meet in by a name. Include <plait.h>.
 *
 * A segment begins with a structure of yours, and behind it blocks are allocated as malloc does it,
 * by any of the processes. It is made by the first that opens the name and is gone with its last
 * user, however that one ends; nobody ever sees a half made one.
 *
 * Example:
 *     struct shelf { plait_lock lock; uint64_t book; }; // offsets, not pointers
 *     int prepare(void *memory, void *arg)
 *     {
 *         plait_lock_init(&((struct shelf *)memory)->lock, PLAIT_SHARED);
 *         return 0;
 *     }
 *     int leave_a_book(const char *text)
 *     {
 *         plait_segment_options options = { .limit = 1 << 20, .prepare = prepare };
 *         plait_segment *segment = plait_segment_open("shelf", sizeof(struct shelf), &options);
 *         struct shelf *shelf = (struct shelf *)(segment ? plait_segment_memory(segment) : NULL);
 *         char *book = (char *)(segment ? plait_segment_alloc(segment, strlen(text) + 1) : NULL);
 *         if (book == NULL)
 *             return -errno;
 *         strcpy(book, text);
 *         plait_with (&shelf->lock)
 *             if (shelf->book == 0)
 *                 plait_segment_keep(segment, book, &shelf->book); // now others find it
 *         return 0;
 *     }
 *
 * Each process has it at an address of its own, so pointers into it do not cross: offsets do. A
 * block belongs to the process that allocated it, and comes back when that one ends, until it is
 * kept: then it belongs to the structure, and stays whoever dies. A kill at any instruction leaves
 * each block with exactly one owner. Small shared objects (lock, event, barrier ...) may lie in it.
 *
 * The name is the file plait-UID-NAME in /dev/shm, a page; the memory itself is an unnamed file
 * that the kernel frees. Another process of the same user may do to it what it likes; that can stop
 * you or garble your data, but plait itself never touches anything outside of the segment for it. A
 * program that closes descriptors it did not open (closefrom) takes itself out of the others'
 * sight: its next alloc says EBADF, its next keep or release stops it. Since 0.1. */
#ifndef PLAIT_SEGMENT_H
#define PLAIT_SEGMENT_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_segment plait_segment;
/* Zeroes are the defaults; so is NULL for all of it. */
typedef struct plait_segment_options {
    /* bytes that structure and blocks may take together; 0: the structure alone. Only address space
     * is taken until blocks need it */
    size_t limit;
    uint64_t layout;              /* your structure's version: one of another is refused */
    bool must_create, must_exist; /* as "?create" and "?attach" behind the name */
    int (*prepare)(void *memory,
                   void *arg); /* fills the structure, zeroed; before anybody attaches */
    void *arg;                 /* for prepare */
    PLAIT_OPTIONS(plait_segment_options)
} plait_segment_options;

/* Makes the segment or attaches to it.
 *   name     "NAME" or "shm:NAME", up to 95 bytes without '/'; NULL: none, for this process and its
 *            later children
 *   size     bytes of your structure
 *   returns  the segment; plait_segment_free gives it back. All users pass the same size, limit and
 *            layout
 *   errors   NULL and errno: EINVAL (size 0, a limit below size, no name, an option that is none),
 *            ENAMETOOLONG, EEXIST (must_create), ENOENT (must_exist), PLAIT_EFORMAT (the name is of
 *            another kind, size, limit or layout; made with another libc; damaged), EACCES (of
 *            another user), EXDEV (of another PID namespace), EUSERS (504 have it open), ENOSPC,
 *            ENOMEM, EMFILE, ENFILE; what prepare returned, made positive: then there is none
 *   blocks   while another process opens or prepares this very name; a stopped one is waited for.
 *            ECANCELED, ETIMEDOUT (a scope's deadline) meanwhile */
plait_segment *plait_segment_open(const char *name, size_t size,
                                  const plait_segment_options *options);

/* Your structure.
 *   returns  its address in this process and children forked later, aligned to a page
 *   errors   none
 *   blocks   never */
void *plait_segment_memory(plait_segment *segment);

/* How much there is by now: your structure and the room made for blocks.
 *   returns  bytes, from plait_segment_memory on
 *   errors   none
 *   blocks   never */
size_t plait_segment_size(const plait_segment *segment);

/* A block of memory, of this process until it is kept: if it ends before, the block is free again.
 *   size     bytes, not 0
 *   returns  zeroed memory, aligned to 32 bytes
 *   errors   NULL and errno: EINVAL (size 0), ENOSPC (the limit, or no memory left), EBADF (plait's
 *            descriptor was closed by the program), ENOLCK, PLAIT_EFORMAT (damaged)
 *   blocks   while another task allocates; a stopped process is waited for */
void *plait_segment_alloc(plait_segment *segment, size_t size);

/* Gives a block to the structure: in one step *slot becomes its offset, and it stays when this
 * process ends.
 *   block    allocated by this process, and not kept
 *   slot     aligned, in the segment, and 0
 *   errors   none
 *   misuse   another block, another slot; a damaged segment; plait's descriptor was closed by the
 *            program, so that the block may be another's by now
 *   blocks   as plait_segment_alloc */
void plait_segment_keep(plait_segment *segment, void *block, uint64_t *slot);

/* Frees a block: a kept one, and in the same step *slot becomes 0; or with slot NULL one that this
 * process allocated and did not keep. A block of NULL is allowed.
 *   errors   none
 *   misuse   a block that is none, or was freed; *slot is not its offset; a damaged segment;
 *            plait's descriptor was closed by the program
 *   blocks   as plait_segment_alloc */
void plait_segment_release(plait_segment *segment, void *block, uint64_t *slot);

/* What names a place of the segment in all processes.
 *   block    any address in it
 *   returns  bytes from plait_segment_memory; never 0 for a block
 *   misuse   an address outside
 *   errors   none
 *   blocks   never */
uint64_t plait_segment_offset(plait_segment *segment, const void *block);

/* The address of a place here.
 *   offset   as another process wrote it: anything may come
 *   size     bytes that you will touch
 *   returns  the address; NULL unless all of it lies in the segment
 *   errors   none
 *   blocks   never */
void *plait_segment_at(plait_segment *segment, uint64_t offset, size_t size);

/* This process leaves the segment; its blocks that are not kept come back. NULL is allowed.
 *   misuse   a lock inside is held by the caller
 *   errors   none
 *   blocks   never */
void plait_segment_free(plait_segment *segment);

#ifdef __cplusplus
}
#endif
#endif
