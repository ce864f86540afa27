/* plait/task.h - a function that runs beside the others: process, thread or coroutine. Include <plait.h>. */
#ifndef PLAIT_TASK_H
#define PLAIT_TASK_H
#include <plait/macros.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum plait_state {
    PLAIT_PENDING,
    PLAIT_RUNNING,
    PLAIT_WAITING,
    PLAIT_DONE,
    PLAIT_FAILED,
    PLAIT_CANCELED
} plait_state;
typedef enum plait_method { PLAIT_FORK = 1, PLAIT_SPAWN, PLAIT_FORKSERVER } plait_method;

struct plait_limit {
    int resource;
    uint64_t value;
};
typedef struct plait_child_options {
    const char *directory;
    const char *const *environment;
    const int *descriptors;
    int descriptor_count;
    const void *cpus;
    size_t cpus_size;
    const struct plait_limit *limits;
    int limit_count, nice;
    bool new_group, unix_daemon;
    PLAIT_OPTIONS(plait_child_options)
} plait_child_options;

typedef struct plait_start_options {
    const char *name;
    bool daemon, untied, movable;
    size_t stack;
    plait_method method;
    size_t arg_size;
    void *const *shared;
    int shared_count;
    const plait_child_options *child;
    int64_t grace;
    PLAIT_OPTIONS(plait_start_options)
} plait_start_options;

int plait_start(plait_task **task, plait_carrier carrier, plait_function *function, void *arg,
                const plait_start_options *options);
int plait_join(plait_task *task, int *status, int64_t deadline);
int plait_join_all(int64_t deadline);
void plait_detach(plait_task *task);
void plait_cancel(plait_task *task);
int plait_terminate(plait_task *task);
int plait_kill(plait_task *task);

plait_task *plait_self(void);
bool plait_is_canceled(void);
plait_state plait_task_state(const plait_task *task);
bool plait_is_alive(const plait_task *task);
uint64_t plait_task_id(const plait_task *task);
pid_t plait_task_pid(const plait_task *task);
plait_carrier plait_task_carrier(const plait_task *task);
const char *plait_task_name(const plait_task *task);
void plait_task_set_name(plait_task *task, const char *name);
bool plait_task_is_daemon(const plait_task *task);
int plait_task_status(const plait_task *task, int *status);
bool plait_task_dumped_core(const plait_task *task);
int plait_task_descriptor(plait_task *task);
int plait_tasks_visit(void (*visit)(plait_task *task, void *arg), void *arg);

void plait_exit(int status);
int plait_quiesce(int64_t deadline);
int plait_blocking(plait_function *function, void *arg);

#ifdef __cplusplus
}
#endif
#endif
