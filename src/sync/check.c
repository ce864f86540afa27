/* The checks of checked mode that need more than a list: orders and their report. */
#include "sync/check.h"
#include "base/report.h"
#include "sync/order.h"
#include "sync/waiter.h"

enum { TEXT = 900, NAME = 128 };

struct text {
    char bytes[TEXT];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *text, const char *format,
                                                           ...)
{
    va_list args;
    size_t room = TEXT - text->length;
    va_start(args, format);
    size_t wanted = (size_t)base_vformat(text->bytes + text->length, room, format, args);
    va_end(args);
    text->length += wanted < room ? wanted : room - 1;
}

static void text_add_step(struct text *text, const struct order_step *step, const char *before,
                          bool now)
{
    char wanted[NAME], held[NAME], place[NAME], since[NAME];
    text_add(text, "%s '%s' %s %s at %s while it %s %s, taken at %s", before, step->task,
             now ? "takes" : "took", base_object(step->object, step->type, wanted, sizeof wanted),
             base_place(step->place, place, sizeof place), now ? "holds" : "held",
             base_object(step->held, step->held_type, held, sizeof held),
             base_place(step->since, since, sizeof since));
}

/* Told at once, because nobody hangs yet: that is the point. */
static void tell(const struct order_step *step, const struct order_circle *circle)
{
    struct text text = {.length = 0};
    text_add_step(&text, step, "locks in reversed order:", true);
    for (int i = 0; i < circle->count; i++)
        text_add_step(&text, &circle->step[i], i ? "; and" : "; earlier", false);
    if (circle->more)
        text_add(&text, "; and %d steps more", circle->more);
    base_report(PLAIT_REPORT_ORDER, "%s", text.bytes);
}

static __attribute__((noinline)) void check_pair(const struct wait_self *self,
                                                 const struct wait_held_one *held,
                                                 struct wait_mark *mark,
                                                 const struct wait_held_one *wanted)
{
    struct order_circle circle;
    struct order_step step = {
        .object = wanted->object,
        .held = held->object,
        .type = wanted->type,
        .held_type = held->type,
        .place = wanted->place,
        .since = held->place,
    };
    waiter_name(self, step.task, sizeof step.task);
    if (order_learn(&step, mark, wanted->mark, &circle))
        tell(&step, &circle);
}

static struct wait_mark *mark_of(struct wait_mark *mark, const void *object)
{
    return likely(mark != NULL) ? mark : order_shared_mark(object, false);
}

void check_order(const void *object, struct wait_mark *mark, const char *type, void *place)
{
    struct wait_self *self = wait_current;
    struct wait_held *held = self->held;
    struct wait_mark *wanted = mark_of(mark, object);
    for (uint32_t i = 0; wanted && i < held->count; i++) {
        struct wait_mark *one = mark_of(held->one[i].mark, held->one[i].object);
        if (one && unlikely(!order_is_known(one, wanted)))
            check_pair(self, &held->one[i], one,
                       &(struct wait_held_one){object, type, place, wanted});
    }
}

void check_class(const void *object, struct wait_mark *mark, void *place)
{
    if (mark || (mark = order_shared_mark(object, true)))
        order_class(mark, place);
}
