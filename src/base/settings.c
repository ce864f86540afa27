/* Settings: defaults, then plait_configure, then the environment; each overrides the one before.
 * Read once, at plait's first use, because half of the library acts on them: a worker count that
 * changes later would mean nothing. */
#include "base/settings.h"
#include "base/report.h"
#include "base/spin.h"
#include "base/stack.h"
#include "os/os.h"
#include <errno.h>
#include <stdlib.h>

#ifndef BASE_CHECK_DEFAULT /* the build says 1 where it is meant for debugging */
#define BASE_CHECK_DEFAULT 0
#endif

enum {
    WORKERS_MOST = 256,
    SPARE_MOST = 64,
    SIGNAL_MOST = 64,
    PATROL_DEFAULT = 20,
    PATROL_MOST = 60000,
    DEADLOCK_MOST = 86400 /* seconds */
};
#define STACK_DEFAULT ((size_t)256 << 10)
#define STACK_LEAST ((size_t)BASE_STACK_LEAST)
#define STACK_MOST ((size_t)BASE_STACK_MOST)
#define MILLISECOND INT64_C(1000000)
#define SECOND (1000 * MILLISECOND)

/* The lock guards all; is_read is atomic too, so that later calls need no lock: once it is true,
 * `settings` never changes. `asked` is what plait_configure said, zeroes for defaults. */
static base_spin lock;
static bool is_read;
static struct base_settings settings;
static plait_settings asked;

static const char *const pollers[] = {"epoll", NULL};
static const char *const reactions[] = {"report", "error", "abort", NULL};

/* An empty variable counts as none, because that is how a shell takes one back for a single
 * command. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* All of `text`, decimal or 0x..., must be a number of 64 bits; strtoull would take " -1" for
 * one. */
static bool parse(const char *text, uint64_t *value)
{
    int base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
    text += base == 16 ? 2 : 0;
    if (!*text)
        return false;
    for (*value = 0; *text; text++) {
        int digit = digit_of(*text);
        if (digit >= base || __builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit, value))
            return false;
    }
    return true;
}

/* The variable's number from `least` to `most`, or `value` as it was, with a line on stderr if
 * there was nonsense. */
static uint64_t read_number(const char *name, uint64_t value, uint64_t least, uint64_t most)
{
    uint64_t number;
    const char *text = variable(name);
    if (!text)
        return value;
    if (parse(text, &number) && number >= least && number <= most)
        return number;
    base_warn("%s=\"%s\" is not a number from %lu to %lu; taking %lu", name, text,
              (unsigned long)least, (unsigned long)most, (unsigned long)value);
    return value;
}

/* Seconds with up to three decimals, in ns; or `value` as it was. */
static int64_t read_seconds(const char *name, int64_t value, uint64_t most)
{
    const char *text = variable(name);
    char whole[24], *point;
    uint64_t seconds = 0, thousandths = 0;
    if (!text)
        return value;
    base_format(whole, sizeof whole, "%s", text);
    if ((point = strchr(whole, '.')))
        *point++ = '\0';
    size_t decimals = point ? strlen(point) : 0;
    bool is_number =
        parse(*whole ? whole : "0", &seconds) && decimals <= 3 &&
        (!decimals || (strspn(point, "0123456789") == decimals && parse(point, &thousandths)));
    for (; decimals < 3; decimals++)
        thousandths *= 10;
    if (is_number && seconds <= most)
        return (int64_t)seconds * SECOND + (int64_t)thousandths * MILLISECOND;
    base_warn("%s=\"%s\" is not a number of seconds from 0 to %lu, as 0.5; taking %ld.%03d", name,
              text, (unsigned long)most, (long)(value / SECOND),
              (int)(value % SECOND / MILLISECOND));
    return value;
}

static const char *find(const char *const *words, const char *text)
{
    for (; *words; words++)
        if (strcmp(*words, text) == 0)
            return *words;
    return NULL;
}

static const char *list_words(const char *const *words, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; words[i] && length < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] ? ", " : " or ";
        length += (size_t)base_format(text + length, size - length, "%s\"%s\"", before, words[i]);
    }
    return text;
}

static const char *read_word(const char *name, const char *value, const char *const *words)
{
    char list[128];
    const char *text = variable(name), *word = text ? find(words, text) : value;
    if (text && !word) {
        base_warn("%s=\"%s\" is not %s; taking %s", name, text,
                  list_words(words, list, sizeof list), value ? value : "the default");
        word = value;
    }
    return word;
}

static void list_features(char *text, size_t size)
{
    size_t length = 0;
    for (int i = 0; i < OS_FEATURES && length < size; i++)
        length += (size_t)base_format(text + length, size - length, "%s-%s", i ? ", " : "",
                                      os_feature_info(i)->name);
}

static void check_features(const char *list)
{
    char known[256];
    for (const char *at = list; *at;) {
        int length = (int)strcspn(at, ",");
        bool is_known = *at == '-' && os_feature_named(at + 1, (size_t)length - 1) >= 0;
        if (!is_known && length > 0) {
            list_features(known, sizeof known);
            base_warn("PLAIT_OS: \"%.*s\" is none of %s; ignored", length, at, known);
        }
        at += length;
        at += *at == ',';
    }
}

static void read_features(void)
{
    const char *list = variable("PLAIT_OS");
    if (!list)
        return;
    check_features(list);
    os_hide(list);
}

static int default_workers(void)
{
    int cpus = os_cpus();
    return cpus < WORKERS_MOST ? cpus : WORKERS_MOST;
}

static void take_what_was_asked(struct base_settings *to)
{
    *to = (struct base_settings){
        .workers = asked.workers ? asked.workers : default_workers(),
        .spare_workers = asked.spare_workers ? asked.spare_workers : SPARE_MOST,
        .stack = asked.stack ? asked.stack : STACK_DEFAULT,
        .dump_signal = asked.dump_signal,
        .poller = asked.poller ? asked.poller : pollers[0],
        .deadlock = asked.deadlock,
        .check = asked.check || BASE_CHECK_DEFAULT,
        .strict_fork = asked.strict_fork,
        .deterministic = asked.seed != 0,
        .seed = asked.seed,
    };
}

static void read_environment(struct base_settings *to)
{
    to->workers = (int)read_number("PLAIT_WORKERS", (uint64_t)to->workers, 1, WORKERS_MOST);
    to->spare_workers =
        (int)read_number("PLAIT_SPARE_WORKERS", (uint64_t)to->spare_workers, 0, SPARE_MOST);
    to->stack = read_number("PLAIT_STACK", to->stack, STACK_LEAST, STACK_MOST);
    to->poller = read_word("PLAIT_POLLER", to->poller, pollers);
    to->deadlock = read_word("PLAIT_DEADLOCK", to->deadlock, reactions);
    to->deadlock_after = read_seconds("PLAIT_DEADLOCK_AFTER", SECOND, DEADLOCK_MOST);
    to->dump_signal =
        (int)read_number("PLAIT_DUMP_SIGNAL", (uint64_t)to->dump_signal, 1, SIGNAL_MOST);
    to->check = read_number("PLAIT_CHECK", to->check, 0, 1);
    to->strict_fork = read_number("PLAIT_STRICT_FORK", to->strict_fork, 0, 1);
    to->patrol = (int64_t)read_number("PLAIT_PATROL", PATROL_DEFAULT, 0, PATROL_MOST) * MILLISECOND;
}

/* Nonsense in PLAIT_SEED is no seed: a run that only looks repeatable would waste a day. */
static void read_seed(struct base_settings *to)
{
    const char *text = variable("PLAIT_SEED");
    uint64_t seed;
    if (text && parse(text, &seed)) {
        to->seed = seed;
        to->deterministic = true;
    } else if (text) {
        base_warn("PLAIT_SEED=\"%s\" is not a number from 0 to %lu; taking %s", text,
                  (unsigned long)UINT64_MAX, to->deterministic ? "the program's own" : "none");
    }
    if (to->deterministic)
        to->workers = 1;
}

static void read_all(void)
{
    read_features(); /* first, because what follows may already ask what the kernel has */
    take_what_was_asked(&settings);
    read_environment(&settings);
    read_seed(&settings);
    settings.stack = base_stack_size(settings.stack);
}

const struct base_settings *base_settings(void)
{
    if (likely(atom_load(&is_read, ACQUIRE))) /* pairs with the store below */
        return &settings;
    base_spin_lock(&lock);
    if (!is_read) {
        read_all();
        atom_store(&is_read, true, RELEASE);
    }
    base_spin_unlock(&lock);
    return &settings;
}

/* 0 is the default, and a size above INT64_MAX comes as a negative number. */
static bool in_range(int64_t value, int64_t least, int64_t most)
{
    return value == 0 || (value >= least && value <= most);
}

static bool is_one_of(const char *text, const char *const *words)
{
    return !text || find(words, text);
}

static bool is_valid(const plait_settings *s)
{
    for (size_t i = 0; i < sizeof s->reserved / sizeof s->reserved[0]; i++)
        if (s->reserved[i])
            return false;
    return in_range(s->workers, 1, WORKERS_MOST) && in_range(s->spare_workers, 1, SPARE_MOST) &&
           in_range(s->dump_signal, 1, SIGNAL_MOST) &&
           in_range((int64_t)s->stack, STACK_LEAST, STACK_MOST) && is_one_of(s->poller, pollers) &&
           is_one_of(s->deadlock, reactions);
}

int plait_configure(const plait_settings *new)
{
    int result = -EBUSY;
    plait_settings copy = new ? *new : (plait_settings){0};
    if (!is_valid(&copy))
        return -EINVAL;
    /* Our own texts, because the caller's may not live as long. */
    copy.poller = copy.poller ? find(pollers, copy.poller) : NULL;
    copy.deadlock = copy.deadlock ? find(reactions, copy.deadlock) : NULL;
    base_spin_lock(&lock);
    if (!is_read) {
        asked = copy;
        result = 0;
    }
    base_spin_unlock(&lock);
    return result;
}

/* ---- fork */

static void settings_fork_prepare(void)
{
    base_spin_lock(&lock);
}

static void settings_fork_done(void)
{
    base_spin_unlock(&lock);
}

/* Otherwise: one thread reads the settings, files of the kernel's among them; another one forks; the
 * child's first call of plait waits for a reader that is not there. Not with the tasks' handlers,
 * because those are registered when the settings have been read. First of all, so that the lock is
 * taken last and given back first: a handler that runs in between and asks for settings would wait
 * for its own thread. */
__attribute__((constructor(101))) static void settings_begin(void)
{
    base_at_fork(settings_fork_prepare, settings_fork_done, settings_fork_done);
}
