/* Two processes add to one number for a quarter of a second: in a value, in a dictionary, and the
 * same in Python where it is there. Nothing may be lost. */
#include "page.h"
#include "result.h"
#include "tour.h"

#include <plait.h>

#include <errno.h>
#include <stdio.h>

enum { PROCESSES = 2, LOOK_EACH = 64 /* additions between two looks at the clock */ };
static const int64_t DURATION = PLAIT_SECOND / 4;

struct updates {
    plait_value value,
        done; /* done: what the number must have grown by, as each counts for itself */
    plait_dict *dict;
    int64_t end;
};

static int add_to_value(struct updates *updates)
{
    plait_value_add(&updates->value, 1);
    return 0;
}

static int add_to_dict(struct updates *updates)
{
    return plait_dict_add(updates->dict, "count", 1, NULL);
}

static int work(struct updates *updates, int (*add)(struct updates *updates))
{
    int64_t done = 0;
    int error = 0;
    while (!error && (done % LOOK_EACH || plait_now() < updates->end)) {
        error = add(updates);
        done += !error;
    }
    plait_value_add(&updates->done, done);
    return error;
}

static int on_value(void *updates)
{
    return work(updates, add_to_value);
}

static int on_dict(void *updates)
{
    return work(updates, add_to_dict);
}

/* Additions per second; negative: a code. */
static int64_t run(struct updates *updates, plait_function *function)
{
    int error = 0;
    plait_value_init(&updates->done, PLAIT_SHARED);
    updates->end = plait_after(DURATION);
    for (int i = 0; i < PROCESSES && !error; i++)
        error = plait_start(NULL, PLAIT_PROCESS, function, updates, NULL);
    int failed = plait_join_all(PLAIT_NEVER);
    if (error || failed)
        return error ? error : -ECHILD;
    return plait_value_get(&updates->done) * PLAIT_SECOND / DURATION;
}

/* multiprocessing.Value and a Manager's dict, each with its lock, because `+= 1` is two steps
 * there. */
static const char python[] =
    "python3 -c '\n"
    "import multiprocessing, time\n"
    "m = multiprocessing.get_context(\"fork\")\n"
    "value, done, lock = m.Value(\"q\", 0), m.Value(\"q\", 0), m.Lock()\n"
    "shared = m.Manager().dict(count=0)\n"
    "def on_value():\n"
    "    with value.get_lock(): value.value += 1\n"
    "def on_dict():\n"
    "    with lock: shared[\"count\"] += 1\n"
    "def work(add, end):\n"
    "    count = 0\n"
    "    while time.monotonic() < end: add(); count += 1\n"
    "    with done.get_lock(): done.value += count\n"
    "for add in on_value, on_dict:\n"
    "    done.value = 0\n"
    "    end = time.monotonic() + 0.25\n"
    "    crew = [m.Process(target=work, args=(add, end)) for _ in range(2)]\n"
    "    for one in crew: one.start()\n"
    "    for one in crew: one.join()\n"
    "    print(done.value * 4)\n"
    "' 2>/dev/null";

/* False: no Python here, or none that can. */
static bool ask_python(long long figures[2])
{
    FILE *pipe = popen(python, "r");
    if (!pipe)
        return false;
    int got = fscanf(pipe, "%lld %lld", &figures[0], &figures[1]);
    return pclose(pipe) == 0 && got == 2;
}

static bool report(const char *name, int64_t each_second, int64_t lost, long long pythons)
{
    char beside[64] = "";
    bool right = each_second >= 0 && lost == 0;
    if (pythons > 0)
        snprintf(beside, sizeof beside, "; Python's: %s", PAGE_NUMBER((uint64_t)pythons));
    if (each_second < 0)
        page_line("%-11s %s", name, plait_strerror((int)each_second));
    else
        page_line("%-11s %12s a second, %s%s", name, PAGE_NUMBER((uint64_t)each_second),
                  lost ? "SOME ARE LOST" : "none lost", beside);
    result_object(NULL);
    result_text("object", name);
    result_number("each_second", right ? (uint64_t)each_second : 0);
    if (pythons > 0)
        result_number("python_each_second", (uint64_t)pythons);
    result_bool("right", right);
    result_end();
    return right;
}

static bool both(struct updates *updates)
{
    long long pythons[2] = {0, 0};
    long count = 0;
    bool asked = ask_python(pythons);
    int64_t each_second = run(updates, on_value);
    bool right = report("value", each_second,
                        plait_value_get(&updates->value) - plait_value_get(&updates->done),
                        asked ? pythons[0] : 0);
    each_second = run(updates, on_dict);
    int error = plait_dict_get(updates->dict, "count", &count);
    return report("dictionary", error ? error : each_second,
                  count - plait_value_get(&updates->done), asked ? pythons[1] : 0) &&
           right;
}

int tour_updates(const struct tour *tour)
{
    page_title("6  Two processes add to one number");
    struct updates *updates = plait_share(sizeof *updates);
    if (!updates)
        return page_line("%s", plait_strerror(errno)), 1;
    plait_value_init(&updates->value, PLAIT_SHARED);
    updates->dict = plait_dict_open(sizeof(long), &(plait_dict_options){.where = PLAIT_SHARED});
    result_array("updates");
    bool right = updates->dict && both(updates);
    result_end();
    plait_dict_free(updates->dict);
    plait_share_free(updates);
    return !right;
}
