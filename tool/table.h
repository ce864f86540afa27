/* How often each word occurs: a hash table in one block of memory that holds no pointer, so that
 * a child process can fill one and its parent read it. No allocation per word: short words lie
 * in their slot, longer ones in the block's text. */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum {
    TABLE_HEAD = 8, /* bytes of a word that lie in its slot */
    TABLE_LONGEST =
        4096 /* of a longer word these first bytes are kept, then 16 of digest and length */
};

struct table_slot {
    uint64_t head;   /* the first bytes, zeroes after them */
    uint64_t count;  /* 0: free */
    uint64_t text;   /* where the word lies in the text, when longer than its head */
    uint32_t length; /* in bytes, of what is kept */
    uint32_t hash;
};

struct table {
    uint64_t slots, slots_most; /* now, and the room; powers of two, so that a mask will do */
    uint64_t used;
    uint64_t text_used, text_most;
    uint64_t lost; /* a word that is not here was seen at most so often, since the block was full */
    struct table_slot slot[];
};

size_t table_size(uint64_t slots_most, uint64_t text_most);
struct table *table_init(void *memory, uint64_t slots_most, uint64_t text_most);
void table_clear(struct table *table);

/* Counts a word of `length` bytes, at most TABLE_LONGEST + 16. Seven bytes after it must be
 * readable: eight are loaded at once. */
void table_add(struct table *table, const uint8_t *word, size_t length);

/* The count in `table` of the word that lies in a slot of `other`; 0 when it is not there. */
uint64_t table_find(const struct table *table, const struct table *other,
                    const struct table_slot *slot);

/* The bytes of a slot's word; good until the next table_add. */
const uint8_t *table_text(const struct table *table, const struct table_slot *slot);

#endif
