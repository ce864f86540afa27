/* For tests: is the segment sound? Every block has one owner, every index is in range, the journal
 * is empty. 0 or -PLAIT_EFORMAT; repairs first what a dead one left half done, as any call does,
 * and takes back what belongs to the dead. *count: of the blocks. */
#ifndef SEGMENT_SEGMENT_H
#define SEGMENT_SEGMENT_H

#include "segment/heap.h"

#include <plait/segment.h>

int segment_verify(plait_segment *segment, struct heap_count *count);

#endif
