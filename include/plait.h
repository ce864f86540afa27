/* plait.h - concurrency for C: processes, threads and coroutines behind one set of calls.
 *
 * This is the whole library; the headers under plait/ are its manual, one noun each. To read first:
 *
 *     start.h      tasks: start, join, cancel        task.h       what a task can be asked
 *     scope.h      tasks that end with their block   generator.h  values one by one
 *     time.h       deadlines, sleeping, tickers      error.h      codes, names, settings
 *     lock.h       one at a time                     rlock.h      its holder may take it again
 *     rwlock.h     many readers or one writer        locks.h      several locks at once
 *     event.h      a flag to wait for                condition.h  until something has changed
 *     semaphore.h  at most so many at a time         barrier.h    meet, then go on together
 *     latch.h      a count that comes to 0           once.h       a function that runs once
 *     queue.h      items from task to task; queue_many.h, queue_place.h, queue_done.h: more of it;
 *                  queue_shared.h: between processes
 *     pipe.h       whole messages between two ends
 *     pool.h       workers that run jobs             future.h     results that come later
 *     map.h        one job for each of many inputs
 *     select.h     the first of several things; case.h: which things
 *     value.h      a number that many change         array.h      elements that many change
 *     dict.h       keys and values that many change  share.h      memory that children see too
 *     local.h      a value for each task             parallel.h   calls and loops on all processors
 *     spawn.h      processes from a new image        segment.h    memory that has a name
 *     watch.h      look inside
 *
 * Compile with `cc program.c $(pkg-config --cflags --libs plait)`. C11 (GNU) and C++17, Linux. */
#ifndef PLAIT_H
#define PLAIT_H

#include <plait/array.h>
#include <plait/barrier.h>
#include <plait/case.h>
#include <plait/condition.h>
#include <plait/dict.h>
#include <plait/error.h>
#include <plait/event.h>
#include <plait/future.h>
#include <plait/generator.h>
#include <plait/latch.h>
#include <plait/local.h>
#include <plait/lock.h>
#include <plait/locks.h>
#include <plait/macros.h>
#include <plait/map.h>
#include <plait/once.h>
#include <plait/parallel.h>
#include <plait/permits.h>
#include <plait/pipe.h>
#include <plait/pool.h>
#include <plait/queue.h>
#include <plait/queue_done.h>
#include <plait/queue_many.h>
#include <plait/queue_place.h>
#include <plait/queue_shared.h>
#include <plait/rlock.h>
#include <plait/rwlock.h>
#include <plait/scope.h>
#include <plait/segment.h>
#include <plait/select.h>
#include <plait/semaphore.h>
#include <plait/share.h>
#include <plait/spawn.h>
#include <plait/start.h>
#include <plait/task.h>
#include <plait/time.h>
#include <plait/value.h>
#include <plait/watch.h>

#endif
