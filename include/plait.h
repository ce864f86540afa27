/* plait.h - concurrency for C: processes, threads and coroutines behind one set of calls.
 *
 * This is the whole library; the headers under plait/ are its manual, one noun each. */
#ifndef PLAIT_H
#define PLAIT_H

#include <plait/error.h>
#include <plait/event.h>
#include <plait/local.h>
#include <plait/lock.h>
#include <plait/macros.h>
#include <plait/queue.h>
#include <plait/share.h>
#include <plait/task.h>
#include <plait/time.h>
#include <plait/watch.h>

#endif
