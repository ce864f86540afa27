/* The program's own image executed anew: how a function is found again there, how the image is
 * caught before main, and what crosses.
 *
 * What crosses lies in one memfd: the control page of the task (task/process.h), then an
 * image_order with everything that has an offset behind it. The new image learns of it by one
 * variable of the environment, PLAIT_SPAWN="DESCRIPTOR PID", which it takes away at once; the PID
 * tells it from what a constructor of the program may have started meanwhile.
 *
 * Descriptors of the new image: 0, 1, 2; from 3 on those of the user; then those of the shared
 * objects; then plait's own: bell, the parent's pidfd, the memfd. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <plait/start.h>
#include <stdint.h>

#define IMAGE_MAGIC 0x706c696du
enum { IMAGE_ID = 20, IMAGE_NAME = 64, IMAGE_HANDLES_MOST = 64 };

/* function.c: a function as another process can find it: by its object's build-id and the distance
 * from where that is loaded, or by its registered name. */
struct image_function {
    uint64_t offset;
    uint8_t id[IMAGE_ID];
    uint8_t id_size; /* 0: none */
    char name[IMAGE_NAME];
};
/* 0; -PLAIT_EFUNCTION, and a report says what to write */
int image_function_describe(void (*function)(void), struct image_function *out);
/* NULL: it is not in this program. Functions of names come first to who has no build-id. */
void (*image_function_find(const struct image_function *function))(void);

/* A shared object: `bytes` is what share/ needs to open it again, its descriptor is among those of
 * the image. */
struct image_handle {
    uint64_t bytes[14];
};
/* Filled in by share/, because this folder must not include it. */
struct image_hooks {
    int (*describe)(const void *object, struct image_handle *handle); /* a descriptor or -errno */
    void (*sent)(struct image_handle *handle, pid_t pid);             /* to whom; -1: to nobody */
    void *(*open)(const struct image_handle *handle, int descriptor); /* NULL and errno */
};
extern struct image_hooks image_hooks;

enum { IMAGE_CHILD = 1, IMAGE_SERVER };
struct image_part {
    uint32_t at, count; /* offset from the order's start; 0: none */
};
struct image_order {
    uint32_t magic, kind;
    uint64_t size; /* of the order, all parts included */
    int64_t epoch; /* wait_epoch of the parent */
    uint64_t task; /* its number */
    int32_t parent;
    uint16_t descriptors, handles; /* of the user */
    struct image_function function;
    uint64_t arg, arg_size;
    struct image_part handle, directory, environment, cpus, limits;
    int32_t nice;
    uint8_t tied, new_group, unix_daemon, changes; /* changes: there are options of a child */
};

/* What the parent puts in. */
struct image_request {
    uint32_t kind;
    uint64_t task;
    struct image_function function;
    const void *arg;
    size_t arg_size;
    const plait_child_options *child;
    struct image_handle handles[IMAGE_HANDLES_MOST];
    int handle_count;
    bool tied;
};
/* order.c */
size_t image_order_size(const struct image_request *request); /* 0: too large */
void image_order_write(struct image_order *order, const struct image_request *request);
/* Is what lies in [order, order + size) one, with all parts inside? */
bool image_order_is_good(const struct image_order *order, size_t size);
void *image_order_at(const struct image_order *order, uint64_t offset);
/* As they were given, with pointers into the order, but for environment and descriptors. */
void image_order_options(const struct image_order *order, plait_child_options *options);
/* strings: room for environment.count + 1 */
void image_environment(const struct image_order *order, const char **strings);

/* boot.c. Called in a new image, once all its constructors have run; by task/, filled in there. */
extern void (*image_main)(const struct image_order *order, void *page);
bool image_is_booting(void); /* a constructor runs in a new image: nothing may be started */
bool image_is_new(void);     /* main will never run here */
/* loaded.c: false: a new image would get to its main */
bool image_is_catchable(void);
#define IMAGE_VARIABLE "PLAIT_SPAWN="
#define IMAGE_BIND_NOW "LD_BIND_NOW=plait" /* taken away as well */
/* The order is a copy, because the task's argument lies in it, which children of this process must
 * not share; *page, where it is wanted, is the control page itself. NULL: it is none, or no memory.
 */
const struct image_order *image_map(int descriptor, void **page);
enum { IMAGE_BELL, IMAGE_PARENT, IMAGE_ORDER, IMAGE_OWN };
int image_first_own(const struct image_order *order); /* + IMAGE_BELL ... */
void image_keep_own(const struct image_order *order);

#endif
