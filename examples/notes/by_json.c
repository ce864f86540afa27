/* Tasks as JSON: the name of a function and its arguments cross to a worker process. Note S4-DIST.
 *
 * Python: pickle distributes functions and whatever else it is given, and executes what it
 * receives; the note says "better JSON". Here jansson writes and reads it: a list of numbers in, a
 * number out. The worker trusts nothing: what is no JSON, has no such function or no such arguments
 * is an error that goes back, and nothing else happens. */
#include "notes.h"
#include <jansson.h>

static double sum(const json_t *numbers)
{
    double total = 0;
    for (size_t i = 0; i < json_array_size(numbers); i++)
        total += json_number_value(json_array_get(numbers, i));
    return total;
}

static double largest(const json_t *numbers)
{
    double most = 0;
    for (size_t i = 0; i < json_array_size(numbers); i++)
        if (json_number_value(json_array_get(numbers, i)) > most)
            most = json_number_value(json_array_get(numbers, i));
    return most;
}

static const struct {
    const char *name;
    double (*function)(const json_t *numbers);
} table[] = {{"sum", sum}, {"largest", largest}};

/* The answer to a task: a number, or why there is none. */
static json_t *answer(json_t *task)
{
    const char *name;
    json_t *numbers;
    if (json_unpack_ex(task, NULL, JSON_STRICT, "{s:s, s:o}", "call", &name, "with", &numbers) ||
        !json_is_array(numbers))
        return json_pack("{s:s}", "error", "a call is a name and a list");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return json_pack("{s:f}", "result", table[i].function(numbers));
    return json_pack("{s:s+}", "error", "no function ", name);
}

/* The job: text in, text out, of any length. */
static int perform(const void *input, void *out)
{
    json_t *task = json_loads(input, JSON_REJECT_DUPLICATES, NULL);
    json_t *reply = task ? answer(task) : json_pack("{s:s}", "error", "no JSON");
    char *text = reply ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    int rc = text ? plait_job_result(text, strlen(text) + 1) : -ENOMEM;
    free(text);
    json_decref(reply);
    json_decref(task);
    return rc;
}

static void tell(int i, const char *reply)
{
    json_t *read = json_loads(reply, 0, NULL);
    const json_t *result = json_object_get(read, "result");
    if (result)
        printf("%d: %g\n", i, json_number_value(result));
    else
        printf("%d: error: %s\n", i, json_string_value(json_object_get(read, "error")));
    json_decref(read);
}

int main(int argc, char **argv)
{
    static const char *const texts[] = {
        "{\"call\":\"sum\",\"with\":[1,2,3.5]}",
        "{\"call\":\"largest\",\"with\":[3,14,1]}",
        "{\"call\":\"system\",\"with\":[\"rm\"]}",
        "{\"call\":\"sum\",\"with\":7}",
        "{\"call\":\"sum\"}",
        "cos\nsystem\n(S'rm'\ntR." /* a pickle that would execute something */};
    plait_pool *pool = plait_pool_open(begin(argc, argv, PLAIT_PROCESS), 2, NULL);
    for (int i = 0; i < 6; i++) {
        char reply[256];
        plait_future *future =
            plait_submit_bytes(pool, perform, texts[i], strlen(texts[i]) + 1, 0, NULL, PLAIT_NEVER);
        if (plait_result_bytes(future, reply, sizeof reply, PLAIT_NEVER) > 0)
            tell(i, reply);
        plait_future_free(future);
    }
    plait_pool_close(pool, PLAIT_NEVER);
    plait_pool_free(pool);
    return 0;
}
