/* The explorer, and what stands in for the machine below src/wait: futex, spin lock, clock. */
#include "explorer.h"
#include "base/report.h"
#include "base/settings.h"
#include "base/spin.h"
#include "os/os.h"
#include "task/task.h"
#include "wait/shared.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { STACK = 64 * 1024, CHOICES = 4096, CHOICES_SHOWN = 500, STEPS = 20000, RANGES = 8 };

/* What a task is doing between two points. */
enum state { RUNS, SLEEPS, ENDED };

static struct task {
    enum state state;
    void *context;
    char *stack;
    struct task_record record; /* locks ask it for the number of their holder */
    /* SLEEPS: until *word is not `seen` any more (spin) or until woken (futex, coroutine) */
    uint32_t *word;
    bool woken, timed, struck; /* timed: a deadline may strike; struck: it has */
    bool by_value;             /* ready as soon as *word is 0 */
    uint32_t steps;            /* points it has come to */
    bool yields; /* in os_relax: until all others that can have made a step beyond `since` */
    uint32_t since[EXPLORE_TASKS];
} tasks[EXPLORE_TASKS];

static struct {
    const struct explore_case *one;
    int count, current;
    void *explorer; /* the context that runs the executions */
    /* the list of choices: taken[i] of options[i] */
    int taken[CHOICES], options[CHOICES], length, position;
    int preempted, most, steps; /* pre-emptions, and how many may be */
    long executions;
    int64_t now;
    struct {
        const char *begin;
        size_t size;
    } gone[RANGES];
    int gone_count;
} run;
int64_t explore_tick;

struct wait_self *explore_self(int task)
{
    return &tasks[task].record.co.self;
}

void explore_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: execution %ld is wrong: ", run.one->name, run.executions);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nchoices:");
    for (int i = 0; i < run.position && i < CHOICES_SHOWN; i++)
        fprintf(stderr, " %d", run.taken[i]);
    for (int i = 0; i < run.count; i++)
        fprintf(stderr, "\ntask %d: %s, state word %u", i,
                tasks[i].state == ENDED    ? "ended"
                : tasks[i].state == SLEEPS ? "asleep"
                                           : "runs",
                tasks[i].record.co.self.state);
    fprintf(stderr, "\n");
    exit(1);
}

/* The next choice among `options`: as in the list, or 0 where the list ends. */
static int choose(int options)
{
    if (options < 2)
        return 0;
    if (run.position == CHOICES)
        explore_fail("more than %d choices: a loop that never ends", CHOICES);
    if (run.position == run.length) {
        run.taken[run.length] = 0;
        run.options[run.length++] = options;
    }
    return run.taken[run.position++];
}

/* The next list: the last choice that has another option takes it; false: there is none. */
static bool next_list(void)
{
    while (run.length && run.taken[run.length - 1] + 1 == run.options[run.length - 1])
        run.length--;
    if (!run.length)
        return false;
    run.taken[run.length - 1]++;
    return true;
}

static bool is_ready(const struct task *task)
{
    if (task->state != SLEEPS)
        return task->state == RUNS;
    return task->woken || task->timed || (task->by_value && *task->word == 0);
}

/* Who looks again and again goes on only after everybody else, but for those who do the same, has
 * made a step: otherwise there would be executions without end in which he looks and nobody
 * moves. */
static bool can_run(const struct task *task)
{
    for (int i = 0; task->yields && i < run.count; i++)
        if (&tasks[i] != task && is_ready(&tasks[i]) && !tasks[i].yields &&
            tasks[i].steps == task->since[i])
            return false;
    return is_ready(task);
}

static void switch_to(int to)
{
    struct task *from = &tasks[run.current], *next = &tasks[to];
    if (next == from)
        return;
    run.current = to;
    wait_current = &next->record.co.self;
    os_switch(&from->context, next->context);
}

/* Tasks that could run, the current one first so that choice 0 pre-empts nobody. */
static int candidates(int *list)
{
    int count = 0;
    if (can_run(&tasks[run.current]))
        list[count++] = run.current;
    for (int i = 0; i < run.count; i++)
        if (i != run.current && can_run(&tasks[i]))
            list[count++] = i;
    return count;
}

static void schedule(void)
{
    int list[EXPLORE_TASKS], count = candidates(list);
    bool may_stay = tasks[run.current].state == RUNS && !tasks[run.current].yields;
    if (!count) {
        os_switch(&tasks[run.current].context,
                  run.explorer); /* all ended, or stuck: run_once tells */
        return;
    }
    if (may_stay && run.preempted >= run.most)
        count = 1;
    int to = list[choose(count)];
    run.preempted += may_stay && to != run.current;
    switch_to(to);
}

/* A task's note is written by that task and read by nobody here: no other order of such a write
 * makes a difference. */
void explore_point(const volatile void *address)
{
    if (run.current < 0)
        return;
    struct task *task = &tasks[run.current];
    const char *at = (const char *)address, *note = (const char *)&task->record.co.self.note;
    if (at >= note && at < note + sizeof task->record.co.self.note)
        return;
    task->steps++;
    if (++run.steps > STEPS)
        explore_fail("more than %d steps: a loop that never ends", STEPS);
    schedule();
    for (int i = 0; i < run.gone_count; i++)
        if (at >= run.gone[i].begin && at < run.gone[i].begin + run.gone[i].size)
            explore_fail("task %d touches memory that was given back", run.current);
}

void explore_gone(const void *memory, size_t size)
{
    if (run.gone_count == RANGES)
        explore_fail("more than %d ranges given back", RANGES);
    run.gone[run.gone_count].begin = memory;
    run.gone[run.gone_count++].size = size;
}

/* ---- what src/wait calls */

/* Sleeps as the task's state says; returns whether the deadline struck. */
static bool sleep_now(uint32_t *word, bool timed, bool by_value)
{
    struct task *task = &tasks[run.current];
    task->word = word;
    task->woken = false;
    task->timed = timed;
    task->by_value = by_value;
    task->state = SLEEPS;
    schedule();
    task->state = RUNS;
    return !task->woken && timed;
}

int os_futex_wait(uint32_t *word, uint32_t seen, bool shared, int64_t deadline)
{
    schedule();
    if (*word != seen)
        return -EAGAIN;
    return sleep_now(word, deadline != OS_NEVER, false) ? -ETIMEDOUT : 0;
}

int os_futex_wake(uint32_t *word, int count, bool shared)
{
    int woken = 0;
    schedule();
    for (int i = 0; i < run.count && woken < count; i++)
        if (tasks[i].state == SLEEPS && !tasks[i].by_value && tasks[i].word == word &&
            !tasks[i].woken)
            tasks[i].woken = ++woken;
    return woken;
}

/* A wake too many is allowed, and the one moved is woken soon. */
int os_futex_move(uint32_t *word, uint32_t *onto)
{
    return os_futex_wake(word, 1, false) & 0;
}

void base_spin_wait(base_spin *spin)
{
    uint32_t free = 0;
    while (!__atomic_compare_exchange_n(&spin->word, &free, 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
        sleep_now(&spin->word, false, true);
        free = 0;
    }
}

void base_spin_wake(base_spin *spin)
{
}

void os_relax(void)
{
    struct task *task = &tasks[run.current];
    for (int i = 0; i < run.count; i++)
        task->since[i] = tasks[i].steps;
    task->yields = true;
    schedule();
    task->yields = false;
}

int64_t os_now(void)
{
    return run.now += explore_tick;
}

int64_t os_now_coarse(void)
{
    return run.now;
}

int shared_park(struct wait_self *self, const struct wait_word *words, int count, int64_t deadline)
{
    return -EAGAIN;
}

int shared_unpark(uint32_t *word, int count)
{
    return 0;
}

void shared_done(struct wait_self *self, const struct wait_word *words, int count)
{
}

void shared_after_fork(void)
{
}

void (*base_trace)(const char *what, const void *object, int64_t number);

_Noreturn void base_misuse(const void *object, const char *type, void *place, const char *format,
                           ...)
{
    explore_fail("misuse: %s", format);
    abort();
}

/* ---- a coroutine's carrier, as sched/switch.c settles it: ARMED -> ASLEEP once it has switched
 *  away; its timer is fired by its worker */
static void co_sleep(struct wait_self *self, int64_t deadline)
{
    uint32_t armed = WAIT_ARMED;
    if (!atom_cas(&self->state, &armed, WAIT_ASLEEP, ACQ_REL))
        return;
    if (sleep_now(&self->state, deadline != WAIT_NEVER, false))
        if (!wait_fire(self, WAIT_TIMEOUT) && !tasks[run.current].woken)
            sleep_now(&self->state, false, false); /* fired by a waker that has not roused it yet */
}

static void co_rouse(struct wait_self *self)
{
    schedule();
    for (int i = 0; i < run.count; i++)
        if (&tasks[i].record.co.self == self)
            tasks[i].woken = true;
}

static const struct wait_carrier co_carrier = {co_sleep, co_rouse, NULL, true};

/* ---- executions */
static void task_begins(void *arg)
{
    int number = (int)(intptr_t)arg;
    run.one->task[number]();
    tasks[number].state = ENDED;
    for (;;)
        schedule();
}

static void task_begin(int number)
{
    struct task *task = &tasks[number];
    char *stack = task->stack ? task->stack : malloc(STACK);
    *task = (struct task){.stack = stack};
    task->record.slot = (uint32_t)number;
    wait_self_init(&task->record.co.self,
                   run.one->coroutine[number] ? &co_carrier : &wait_thread_carrier);
    task->context = os_context(stack + STACK, task_begins, (void *)(intptr_t)number);
}

/* One execution, up to the point where nobody can go on. */
static void run_once(void)
{
    run.position = run.preempted = run.steps = run.gone_count = 0;
    run.now = 1000000;
    explore_tick = 0;
    run.current = -1;
    wait_current = NULL;
    run.one->setup();
    for (int i = 0; i < run.count; i++)
        task_begin(i);
    run.executions++;
    int first = choose(run.count);
    run.current = first;
    wait_current = &tasks[first].record.co.self;
    os_switch(&run.explorer, tasks[first].context);
    run.current = -1;
    wait_current = NULL;
    for (int i = 0; i < run.count; i++)
        if (tasks[i].state != ENDED)
            explore_fail("task %d is asleep and nobody is left to wake it", i);
    run.one->check();
}

void explore(const struct explore_case *one)
{
    const char *deeper = getenv("EXPLORE_DEEPER");
    run.one = one;
    run.most = one->preemptions + (deeper ? atoi(deeper) : 0);
    run.length = 0;
    run.executions = 0;
    for (run.count = 0; run.count < EXPLORE_TASKS && one->task[run.count]; run.count++)
        ;
    do
        run_once();
    while (next_list());
    printf("%s: %ld executions, at most %d pre-emptions\n", one->name, run.executions, run.most);
    fflush(stdout);
}
