/* plait/generator.h - a function that hands out values one by one. Include <plait.h>.
 *
 * A generator is a function with a stack of its own and no task of its own: each
 * plait_generator_next runs it from where it stopped to its next plait_yield_value, whose value is
 * handed out. It runs as the task that asked: the waits inside are that task's waits, with its
 * cancels and deadlines, and so are plait_self, the name and the task-locals. No scheduler takes
 * part.
 *
 * Example:
 *     int count_to(void *most)
 *     {
 *         for (int x = 0, step; x < *(int *)most; x += step) {
 *             int rc = plait_yield_value(&x, &step); // 1: a value was sent; 0: none
 *             if (rc < 0)
 *                 return rc; // closed
 *             step = rc ? step : 1;
 *         }
 *         return 0;
 *     }
 *     int count(void)
 *     {
 *         int most = 5, two = 2, x, rc;
 *         plait_generator *numbers = plait_generator_open(sizeof x, count_to, &most, NULL);
 *         rc = plait_generator_next(numbers, &x);           // 0
 *         rc |= plait_generator_send(numbers, &two, &x);    // 2: 0 + the 2 that was sent
 *         while (rc == 0 && plait_generator_next(numbers, &x) == 0)
 *             printf("%d\n", x);                            // 3, 4
 *         return plait_generator_free(numbers), rc;
 *     }
 *
 * Any thread, coroutine or process' main task may ask, also another one each time, but one at a
 * time. Where they are several, the function must keep no errno, no thread-local and no lock across
 * a yield: a lock belongs to the task that took it. It must not yield inside a plait_scoped of its
 * own, which is a block of the task that asked; a plait_shielded goes with the generator. Tasks
 * that it starts are those of the task that asked.
 *
 * After fork a generator is of no use in the child: its first use there aborts. Since 0.1; after
 * Python's generators (PEP 255, PEP 342). */
#ifndef PLAIT_GENERATOR_H
#define PLAIT_GENERATOR_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct plait_generator plait_generator;

/* Zeroes are the defaults. */
typedef struct plait_generator_options {
    const char *name;   /* copied, for messages */
    size_t stack, sent; /* bytes: its stack, as a coroutine's | of what is sent; as the element */
    PLAIT_OPTIONS(plait_generator_options)
} plait_generator_options;

/* Makes one. The function does not begin before it is asked for a value, so that a generator that
 * nobody asks costs its stack's addresses alone.
 *   element  bytes of a value; 0: it hands out none, but a turn
 *   function what it returns is the end: plait_generator_returned tells it
 *   arg      handed on as it is; must live as long as the generator needs it
 *   returns  the generator, yours to free; NULL, and why in errno
 *   errors   EINVAL (function NULL, a size that no object has, a reserved word not 0), ENOMEM
 *   blocks   never */
plait_generator *plait_generator_open(size_t element, plait_function *function, void *arg,
                                      const plait_generator_options *options);

/* The next value, in *out.
 *     int plait_generator_next(plait_generator *generator, T *out)
 * The same, and what the pending yield gets: *in.
 *     int plait_generator_send(plait_generator *generator, const T *in, T *out) */
#define plait_generator_next(generator, out)                                                       \
    plait_generator_send_bytes(generator, (const void *)0, 0, out, PLAIT_SIZE_OF(out))
#define plait_generator_send(generator, in, out)                                                   \
    plait_generator_send_bytes(generator, in, PLAIT_SIZE_OF(in), out, PLAIT_SIZE_OF(out))

/* What the two are made of.
 *   in       NULL: nothing is sent
 *   out      NULL: the value is not wanted. Untouched on failure
 *   returns  0: it yielded a value
 *   errors   -EPIPE (its function has returned, now or before), -EINVAL (a value is sent before it
 *            has begun: no yield waits for it)
 *   misuse   sizes that are not the generator's; it runs already (asked by two at once, by itself)
 *   blocks   as its function does, as the calling task */
PLAIT_MUST_USE int plait_generator_send_bytes(plait_generator *generator, const void *in,
                                              size_t in_size, void *out, size_t out_size);

/* Inside a generator: hands out *value and stops, until it is asked again.
 *     int plait_yield_value(const T *value, T *sent) */
#define plait_yield_value(value, sent)                                                             \
    plait_yield_bytes(value, PLAIT_SIZE_OF(value), sent, PLAIT_SIZE_OF(sent))

/* What it is made of.
 *   value    copied to the asker before he goes on
 *   sent     gets what is sent; NULL: not wanted. Untouched when nothing is
 *   returns  1: a value was sent, 0: none
 *   errors   -ECANCELED (it is to be closed: give back what you have and return), or the code of
 *            plait_generator_throw
 *   misuse   outside a generator; sizes that are not the generator's; inside a plait_scoped
 *   blocks   until it is asked again; no task waits meanwhile */
PLAIT_MUST_USE int plait_yield_bytes(const void *value, size_t size, void *sent, size_t sent_size);

/* Throws: the pending yield returns code. Then as plait_generator_next.
 *     int plait_generator_throw(plait_generator *generator, int code, T *out) */
#define plait_generator_throw(generator, code, out)                                                \
    plait_generator_throw_bytes(generator, code, out, PLAIT_SIZE_OF(out))

/* What it is made of. One that has not begun ends without running: it has returned code.
 *   code     below 0
 *   returns  0: it went on and yielded a value
 *   errors   -EPIPE (it has ended, now or before), -EINVAL (code >= 0)
 *   misuse   as plait_generator_send_bytes
 *   blocks   as plait_generator_send_bytes */
PLAIT_MUST_USE int plait_generator_throw_bytes(plait_generator *generator, int code, void *out,
                                               size_t out_size);

/* What its function returned; apart from the calls' own results, since it may be any int.
 *   status   NULL: not wanted. Untouched on failure
 *   returns  0: it has ended
 *   errors   -EAGAIN (it has not)
 *   blocks   never */
int plait_generator_returned(const plait_generator *generator, int *status);

/* Lets it come to its end: its pending yield returns -ECANCELED. One that has not begun ends
 * without running: it has returned -ECANCELED.
 *   returns  0: it has ended, now or before
 *   errors   -EBUSY (it yielded again: the value is dropped, and it goes on from there)
 *   misuse   as plait_generator_send_bytes
 *   blocks   as its function does on its way out */
int plait_generator_close(plait_generator *generator);

/* Closes and frees it. One that yields again instead of ending is freed as it stands, with a line
 * on stderr (plait_on_report): what it holds is lost.
 *   generator NULL: nothing is done
 *   errors   none
 *   misuse   as plait_generator_send_bytes
 *   blocks   as plait_generator_close */
void plait_generator_free(plait_generator *generator);

#ifdef __cplusplus
}
#endif
#endif
