/* The slow half of the spin lock: a short spin, then the futex (Drepper's "Futexes are tricky",
 * third mutex).
 *
 * The obvious lock, which only spins, burns a whole time slice when its holder was taken off the
 * CPU: on two CPUs with four threads that is the common case. The next idea, a bit "somebody
 * sleeps" that the last sleeper clears, needs to know who is the last. Instead whoever has slept
 * takes the lock as 2: that may cost one wake too many, but never loses one. */
#include "base/spin.h"
#include "os/os.h"

/* About 1.5 us: longer than any section under such a lock, shorter than a sleep and a wake. */
enum { SPINS = 40 };

/* Spinning helps only if the holder can run meanwhile. Asked once, because it is a system call; a
 * mask that changes later makes the lock slower, never wrong. */
static bool may_spin(void)
{
    static int cpus;
    int known = atom_load(&cpus, RELAXED);
    if (known == 0) {
        known = os_cpus_allowed();
        atom_store(&cpus, known, RELAXED);
    }
    return known > 1;
}

/* Tries only when the word looks free, so that the line stays shared between those who spin. */
static bool spin_a_little(base_spin *spin)
{
    for (int i = 0; i < SPINS; i++) {
        if (atom_load(&spin->word, RELAXED) == 0 && base_spin_try(spin))
            return true;
        os_relax();
    }
    return false;
}

void base_spin_wait(base_spin *spin)
{
    if (may_spin() && spin_a_little(spin))
        return;
    /* Taken as 2 even if nobody else sleeps: I cannot know, and the others' wake depends on it.
     * Pairs with the swap of unlock. */
    while (atom_swap(&spin->word, 2, ACQUIRE) != 0)
        os_futex_wait(&spin->word, 2, false, OS_NEVER);
}

/* The lock may be taken, given back and even unmapped by others meanwhile: the kernel looks at the
 * address only. */
void base_spin_wake(base_spin *spin)
{
    os_futex_wake(&spin->word, 1, false);
}
