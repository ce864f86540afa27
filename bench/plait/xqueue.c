/* xqueue FORM PRODUCERS CONSUMERS ITEMS [SIZE] - the shared queue between processes. Without SIZE
 * an item has 64 bytes, and the result is M items/s; with it message i has SIZE/2 + (i * 2654435761
 * mod SIZE/2) bytes, the receiver reads one word of each line, and the result is GB/s. Count, sum
 * and sizes are checked. FORM: general; single (one producer, one consumer, promised); batch (32 at
 * once); place (written and read in place). Peers: bench/peers/ipc/xq.h. Messages have plait's own
 * room of 1 MB, which is also what Boost's queue is given there: with less, the two change turns
 * more often on a CPU that others use. */
#include "bench.h"
#include <string.h>
#include <unistd.h>

enum { ITEM = 64, ROOM = 1024, BATCH = 32, MOST = 64 };

static struct lane {
    uint64_t count, sum, bytes;
    int64_t done;
} LINE_APART *lanes;
static plait_queue *queue;
static int ready[2], go[2], producers, consumers;
static uint64_t items;
static size_t most;
static const char *form;

static bool is(const char *name)
{
    return strcmp(form, name) == 0;
}

static size_t size_of(uint64_t i)
{
    return most ? most / 2 + i * 2654435761u % (most / 2) : ITEM;
}

static void start_line(void)
{
    char c;
    close(ready[0]);
    close(go[1]);
    need(write(ready[1], "x", 1) == 1 && read(go[0], &c, 1) == 0, "start line");
}

static void write_item(char *item, uint64_t i, size_t size)
{
    memcpy(item, &i, sizeof i);
    item[size - 1] = (char)i;
}

static void put_place(uint64_t i, size_t size)
{
    char *place = plait_queue_reserve(queue, size, PLAIT_NEVER);
    need(place != NULL, "not reserved");
    memset(place, 7, size);
    write_item(place, i, size);
    plait_queue_commit(queue, place);
}

static int produce(void *arg)
{
    static char item[1 << 20], batch[BATCH * ITEM];
    bool place = is("place"), batches = is("batch");
    size_t filled = 0;
    memset(item, 7, sizeof item);
    start_line();
    for (uint64_t i = (uint64_t)(intptr_t)arg + 1; i <= items; i += (uint64_t)producers) {
        size_t size = size_of(i);
        if (place) {
            put_place(i, size);
        } else if (batches) {
            write_item(batch + filled * ITEM, i, ITEM);
            if (++filled == BATCH || i + (uint64_t)producers > items) {
                need(plait_put_many_bytes(queue, batch, ITEM, filled, PLAIT_NEVER) ==
                         (ssize_t)filled,
                     "not put");
                filled = 0;
            }
        } else {
            write_item(item, i, size);
            need(plait_put_bytes(queue, item, size, PLAIT_NEVER) == 0, "not put");
            item[size - 1] = 7;
        }
    }
    return 0;
}

static void check_item(struct lane *lane, const char *item, size_t size)
{
    uint64_t i, touched = 0, word;
    memcpy(&i, item, sizeof i);
    need(size == size_of(i) && item[size - 1] == (char)i, "an item is wrong");
    for (size_t at = 8; most && at + 8 <= size; at += 64) {
        memcpy(&word, item + at, sizeof word);
        touched += word;
    }
    __asm__ volatile("" ::"r"(touched));
    lane->count++;
    lane->sum += i;
    lane->bytes += size;
}

static int consume(void *arg)
{
    static char buffer[1 << 20];
    struct lane *lane = &lanes[(intptr_t)arg];
    uint64_t quota = items / (uint64_t)consumers;
    bool place = is("place"), batches = is("batch");
    start_line();
    while (lane->count < quota)
        if (place) {
            size_t size;
            const char *item = plait_queue_take(queue, &size, PLAIT_NEVER);
            need(item != NULL, "not taken");
            check_item(lane, item, size);
            plait_queue_release(queue, item);
        } else if (batches) {
            size_t want = quota - lane->count < BATCH ? quota - lane->count : BATCH;
            ssize_t got = plait_get_many_bytes(queue, buffer, ITEM, want, PLAIT_NEVER);
            need(got > 0, "not got");
            for (ssize_t i = 0; i < got; i++)
                check_item(lane, buffer + i * ITEM, ITEM);
        } else {
            ssize_t size = plait_get_bytes(queue, buffer, most ? sizeof buffer : ITEM, PLAIT_NEVER);
            need(size > 0, "not got");
            check_item(lane, buffer, (size_t)size);
        }
    lane->done = now_ns();
    return 0;
}

static void open_queue(void)
{
    plait_queue_options options = {.where = PLAIT_SHARED};
    options.single_producer = options.single_consumer = is("single");
    queue = plait_queue_open(most ? PLAIT_MESSAGES : ITEM, ROOM, &options);
    need(queue != NULL, "no queue");
}

int main(int argc, char **argv)
{
    need(argc >= 5, "usage: xqueue FORM PRODUCERS CONSUMERS ITEMS [SIZE]");
    form = argv[1];
    producers = atoi(argv[2]);
    consumers = atoi(argv[3]);
    items = strtoull(argv[4], NULL, 10) / 16 * 16;
    most = (size_t)number(argc, argv, 5);
    need(producers > 0 && consumers > 0 && producers + consumers <= MOST && most <= 1 << 20,
         "sizes");
    lanes = plait_share(MOST * sizeof *lanes);
    need(lanes != NULL && pipe(ready) == 0 && pipe(go) == 0, "setting up");
    open_queue();
    plait_task *tasks[MOST];
    for (int i = 0; i < consumers + producers; i++) {
        bool gets = i < consumers;
        tasks[i] = start(PLAIT_PROCESS, gets ? consume : produce,
                         (void *)(intptr_t)(gets ? i : i - consumers), NULL);
    }
    for (int i = 0; i < consumers + producers; i++) {
        char c;
        need(read(ready[0], &c, 1) == 1, "start line");
    }
    int64_t began = now_ns(), ended = 0;
    close(go[1]);
    for (int i = 0; i < consumers + producers; i++)
        join(tasks[i]);
    uint64_t count = 0, sum = 0, bytes = 0;
    for (int i = 0; i < consumers; i++) {
        count += lanes[i].count;
        sum += lanes[i].sum;
        bytes += lanes[i].bytes;
        ended = lanes[i].done > ended ? lanes[i].done : ended;
    }
    need(count == items && sum == items * (items + 1) / 2, "items were lost");
    double ns = (double)(ended - began);
    printf(most ? "%.3f GB/s\n" : "%.3f M/s\n",
           most ? (double)bytes / ns : (double)items * 1e3 / ns);
    return 0;
}
