/* One step of a model's thread: a copy of the state to change, and whose step it is. Included
 * behind the model's own struct state, struct thread and enum place, since each model has
 * others. */
#ifndef MODELS_STEP_H
#define MODELS_STEP_H

struct step {
    struct state next;
    struct thread *me;
    int i;
    struct explore *run;
};

static struct thread *begin(struct step *step, const struct state *state, int i,
                            struct explore *run)
{
    *step = (struct step){.next = *state, .i = i, .run = run};
    step->me = &step->next.threads[i];
    return step->me;
}

static void go(struct step *step, enum place place, const char *label)
{
    step->me->place = (uint8_t)place;
    explore_step(step->run, &step->next, true, label);
}

#endif
