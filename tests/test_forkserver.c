/* The fork server: who dies with whom, what its children see, and daemons of Unix by each
 * method. */
#include "crew.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct board {
    plait_event told;
    pid_t pid, session, group, parent;
    int number;
};

static struct board *board_new(void)
{
    struct board *board = plait_share(sizeof *board);
    ck_assert_ptr_nonnull(board);
    plait_event_init(&board->told, PLAIT_SHARED);
    return board;
}

static int give_pid(void *arg)
{
    struct board *board = plait_inherited(0);
    board->session = getsid(0);
    board->group = getpgrp();
    board->parent = getppid();
    board->pid = getpid();
    plait_event_set(&board->told);
    return plait_sleep(PLAIT_NEVER);
}

static int seven(void *arg)
{
    return 7;
}

static plait_task *start(plait_method method, plait_function *function, struct board *board,
                         plait_start_options options)
{
    plait_task *task = NULL;
    options.method = method;
    options.shared = (void *[]){board};
    options.shared_count = board != NULL;
    int rc = plait_start(&task, PLAIT_PROCESS, function, NULL, &options);
    if (rc != 0)
        fprintf(stderr, "start by method %d: %s\n", method, plait_strerror(rc));
    need(rc == 0);
    return task;
}

static int status_of(plait_task *task)
{
    int status = 12345;
    need(plait_join(task, &status, plait_after(30 * PLAIT_SECOND)) == 0);
    return status;
}

static bool gone_soon(pid_t pid)
{
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++) {
        waitpid(pid, NULL, WNOHANG); /* it may be ours by now: see subreaper */
        usleep(5000);
    }
    return kill(pid, 0) != 0;
}

/* The pid of a child of this process with that name; 0: there is none. */
static pid_t child_named(const char *name)
{
    char path[100], text[300];
    DIR *folder = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *one; folder && !found && (one = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/%.20s/stat", one->d_name);
        int file = open(path, O_RDONLY);
        ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
        close(file);
        char *end = size > 0 ? (text[size] = 0, strrchr(text, ')')) : NULL,
             *begin = strchr(text, '(');
        if (!end || !begin || atoi(end + 4) != getpid())
            continue;
        *end = 0;
        found = strcmp(begin + 1, name) == 0 ? atoi(text) : 0;
    }
    closedir(folder);
    return found;
}

/* ---- who dies with whom */
TEST_LABELED(a_killed_server_harms_no_child_and_is_made_anew, "process")
{
    struct board *board = board_new();
    plait_task *task = start(PLAIT_FORKSERVER, give_pid, board, (plait_start_options){0});
    ck_assert_int_eq(plait_event_wait(&board->told, plait_after(20 * PLAIT_SECOND)), 0);
    for (int i = 0; i < 5; i++) {
        pid_t server = child_named("plait-server");
        if (server > 0) /* not since the last one, when a child was ready without it */
            kill(server, SIGKILL);
        if (i & 1)
            usleep(2000);
        ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})),
                         7);
    }
    ck_assert(plait_is_alive(task));
    ck_assert_int_eq(plait_kill(task), 0);
    ck_assert_int_eq(status_of(task), PLAIT_KILLED(SIGKILL));
    plait_share_free(board);
}

/* The ready child that is next, since it was forked first. */
static void kill_ready(void)
{
    char name[16];
    pid_t ready = 0;
    siginfo_t info;
    snprintf(name, sizeof name, "%s", program_invocation_short_name);
    for (int i = 0; i < 1000 && (ready = child_named(name)) == 0; i++)
        usleep(5000);
    need(ready > 0 && kill(ready, SIGKILL) == 0);
    need(waitid(P_PID, (id_t)ready, &info, WEXITED | WNOWAIT) == 0);
}

TEST_LABELED(a_child_in_place_of_a_dead_one_hears, "process")
{
    struct board *board = board_new();
    int status = 0;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})),
                         7);
        kill_ready();
        plait_task *task = start(PLAIT_FORKSERVER, give_pid, board, (plait_start_options){0});
        ck_assert_int_eq(plait_event_wait(&board->told, plait_after(20 * PLAIT_SECOND)), 0);
        ck_assert_int_eq(plait_kill(task), 0);
        ck_assert_int_eq(plait_join(task, &status, plait_after(5 * PLAIT_SECOND)), 0);
        ck_assert_int_eq(status, PLAIT_KILLED(SIGKILL));
        plait_event_clear(&board->told);
    }
    plait_share_free(board);
}

TEST_LABELED(quiesce_ends_the_server, "process")
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})),
                         7);
        ck_assert_int_gt(child_named("plait-server"), 0);
        ck_assert_int_eq(plait_quiesce(PLAIT_NEVER), 0);
        ck_assert_int_eq(child_named("plait-server"), 0);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    }
}

struct killed {
    plait_method method;
    bool untied;
    struct board *board;
};

static void start_and_wait(void *arg)
{
    const struct killed *how = arg;
    start(how->method, give_pid, how->board, (plait_start_options){.untied = how->untied});
    pause();
}

/* A program that is killed outright takes its tied children with it, and leaves the others
 * alone. */
static void program_is_killed(plait_method method, bool untied)
{
    struct killed how = {method, untied, board_new()};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t program = fork();
    ck_assert_int_ge(program, 0);
    if (program == 0) {
        start_and_wait(&how);
        _exit(0);
    }
    ck_assert_int_eq(plait_event_wait(&how.board->told, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(how.board->parent, program);
    kill(program, SIGKILL);
    ck_assert_int_eq(waitpid(program, NULL, 0), program);
    if (untied) {
        usleep(100000);
        ck_assert_int_eq(kill(how.board->pid, 0), 0);
        kill(how.board->pid, SIGKILL);
    }
    ck_assert(gone_soon(how.board->pid));
    while (waitpid(-1, NULL, 0) > 0) /* the server and its spare child are ours to reap */
        ;
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    plait_share_free(how.board);
}

TEST_LABELED(a_tied_image_dies_with_a_killed_program, "process")
{
    program_is_killed(PLAIT_SPAWN, false);
}

TEST_LABELED(a_tied_child_of_the_server_dies_with_a_killed_program, "process")
{
    program_is_killed(PLAIT_FORKSERVER, false);
}

TEST_LABELED(an_untied_image_outlives_a_killed_program, "process")
{
    program_is_killed(PLAIT_SPAWN, true);
}

TEST_LABELED(an_untied_child_of_the_server_outlives_a_killed_program, "process")
{
    program_is_killed(PLAIT_FORKSERVER, true);
}

/* The thread that started it ends: the child is tied to the program, not to that thread. */
static struct board *shared_board;

static int start_in_thread(void *arg)
{
    *(plait_task **)arg = start(PLAIT_FORKSERVER, give_pid, shared_board, (plait_start_options){0});
    return 0;
}

TEST_LABELED(a_child_outlives_the_thread_that_started_it, "process")
{
    shared_board = board_new();
    plait_task *thread, *child = NULL;
    ck_assert_int_eq(plait_start(&thread, PLAIT_THREAD, start_in_thread, &child, NULL), 0);
    ck_assert_int_eq(status_of(thread), 0);
    ck_assert_int_eq(plait_event_wait(&shared_board->told, plait_after(20 * PLAIT_SECOND)), 0);
    usleep(50000);
    ck_assert(plait_is_alive(child));
    ck_assert_int_eq(plait_kill(child), 0);
    ck_assert_int_eq(status_of(child), PLAIT_KILLED(SIGKILL));
    plait_share_free(shared_board);
}

/* ---- what its children see */
static int write_here(void *arg)
{
    int file = open("here", O_WRONLY | O_CREAT | O_EXCL, 0600);
    return file >= 0 && printf("out\n") == 4 && fprintf(stderr, "err\n") == 4 ? 0 : 1;
}

/* Its 0, 1, 2 and its directory are those of the moment of the start, though the server is
 * older. */
TEST_LABELED(output_and_directory_are_those_of_now, "process")
{
    char folder[] = "/tmp/plait-test-XXXXXX", old[1000], text[20] = "";
    int out[2], saved[2] = {dup(1), dup(2)};
    ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})), 7);
    ck_assert_ptr_nonnull(getcwd(old, sizeof old));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(pipe(out), 0);
    ck_assert(chdir(folder) == 0 && dup2(out[1], 1) == 1 && dup2(out[1], 2) == 2);
    int status = status_of(start(PLAIT_FORKSERVER, write_here, NULL, (plait_start_options){0}));
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    close(out[1]);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(unlink("here"), 0);
    ck_assert(chdir(old) == 0 && rmdir(folder) == 0);
    ck_assert_int_eq(read(out[0], text, 4), 4); /* stderr's comes first, it has no buffer */
    ck_assert_str_eq(text, "err\n");
    ck_assert_int_eq(read(out[0], text, 8), 4);
    ck_assert_str_eq(text, "out\n");
    ck_assert_int_eq(read(out[0], text, 8), 0); /* nobody keeps it open */
    close(out[0]);
}

static int is_closed(void *arg)
{
    return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) >= 0 ? 0 : 1;
}

static void without_input(void *arg)
{
    close(0);
    need(status_of(start((plait_method)(intptr_t)arg, is_closed, NULL, (plait_start_options){0})) ==
         0);
}

TEST_LABELED(a_closed_input_stays_closed, "process")
{
    char text[2000];
    for (intptr_t method = PLAIT_SPAWN; method <= PLAIT_FORKSERVER; method++)
        ck_assert_msg(harness_fork(without_input, (void *)method, text, sizeof text) == 0, "%s",
                      text);
}

/* ---- many at once */
static int start_ten(void *arg)
{
    for (int i = 0; i < 10; i++)
        need(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})) == 7);
    return 0;
}

TEST_LABELED(threads_and_coroutines_start_them_at_once, "process")
{
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(
            plait_start(NULL, i & 1 ? PLAIT_THREAD : PLAIT_COROUTINE, start_ten, NULL, NULL), 0);
    ck_assert_int_eq(plait_join_all(PLAIT_NEVER), 0);
}

static void fork_and_start(void *arg)
{
    pid_t pid = fork();
    need(pid >= 0);
    need(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})) == 7);
    need(plait_quiesce(PLAIT_NEVER) == 0);
    if (pid == 0)
        _exit(0);
    int status;
    need(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Each process has a server of its own. */
TEST_LABELED(a_fork_beside_a_server_makes_its_own, "process")
{
    char text[2000];
    ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})), 7);
    ck_assert_msg(harness_fork(fork_and_start, NULL, text, sizeof text) == 0, "%s", text);
    ck_assert_int_eq(status_of(start(PLAIT_FORKSERVER, seven, NULL, (plait_start_options){0})), 7);
}

static int start_from_child(void *arg)
{
    return status_of(start(*(plait_method *)arg, seven, NULL, (plait_start_options){0}));
}

TEST_LABELED(images_start_images, "process")
{
    for (plait_method outer = PLAIT_FORK; outer <= PLAIT_FORKSERVER; outer++)
        for (plait_method inner = PLAIT_FORK; inner <= PLAIT_FORKSERVER; inner++) {
            plait_task *task;
            plait_start_options options = {.method = outer, .arg_size = sizeof inner};
            ck_assert_int_eq(plait_start(&task, PLAIT_PROCESS, start_from_child, &inner, &options),
                             0);
            ck_assert_int_eq(status_of(task), 7);
        }
}

/* ---- daemons of Unix */
static void a_daemon(plait_method method)
{
    struct board *board = board_new();
    plait_child_options child = {.unix_daemon = true};
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that the daemon can be reaped here */
    plait_task *task = start(method, give_pid, board, (plait_start_options){.child = &child});
    pid_t first = plait_task_pid(task);
    ck_assert_int_eq(status_of(task), 0);
    ck_assert_int_eq(plait_event_wait(&board->told, plait_after(20 * PLAIT_SECOND)), 0);
    ck_assert_int_eq(board->session, first);      /* not of ours, so no terminal is its */
    ck_assert_int_ne(board->pid, board->session); /* nor can it get one */
    char path[60], target[100] = "";
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)board->pid);
    ck_assert_int_eq(readlink(path, target, sizeof target - 1), 1);
    snprintf(path, sizeof path, "/proc/%d/fd/1", (int)board->pid);
    ck_assert_int_eq(readlink(path, target, sizeof target - 1), 9);
    ck_assert_str_eq(target, "/dev/null");
    ck_assert_int_eq(kill(board->pid, SIGKILL), 0);
    ck_assert(gone_soon(board->pid));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    plait_share_free(board);
}

TEST_LABELED(a_forked_daemon_is_alone, "process")
{
    a_daemon(PLAIT_FORK);
}

TEST_LABELED(a_spawned_daemon_is_alone, "process")
{
    a_daemon(PLAIT_SPAWN);
}

TEST_LABELED(a_daemon_of_the_server_is_alone, "process")
{
    a_daemon(PLAIT_FORKSERVER);
}
