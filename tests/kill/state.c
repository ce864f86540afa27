/* What outlives the victim, looked at after each of its instructions: the memory that it shares,
 * what the kernel reads of its robust list when it dies, and what it asked of the kernel.
 *
 * An instruction that changes none of that leaves the same world as the one before it, and a kill
 * after it tells nothing new: registers, stack and private memory die with the victim. So only the
 * first and the last instruction of each such world are points; the last, because the victim's
 * other threads have had the time until then. */
#include "kill.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { AREAS = 64, ENTRIES = 64, SYSCALL_X86 = 0x050f };
#define SYSCALL_ARM 0xd4000001u

static struct {
    struct iovec areas[AREAS]; /* of the victim, shared and writable */
    int count;
    size_t size;
    char *seen, *now; /* their bytes, one after the other */
    uint64_t listed;  /* digest of the robust list */
    uint64_t list;    /* where its head is */
    uint64_t place;   /* of the instruction to be executed */
} state;

/* The rings of io_uring are the kernel's other end: it looks at them when it is called. */
static void note_area(const char *line)
{
    uint64_t begin, end;
    char rights[8];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &begin, &end, rights) != 3 ||
        strncmp(rights, "rw-s", 4) != 0 || strstr(line, "io_uring") || state.count == AREAS)
        return;
    state.areas[state.count++] = (struct iovec){(void *)(uintptr_t)begin, end - begin};
    state.size += end - begin;
}

static void find_areas(pid_t pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "r");
    state.count = 0;
    state.size = 0;
    while (file && fgets(line, sizeof line, file))
        note_area(line);
    if (file)
        fclose(file);
    free(state.seen);
    free(state.now);
    state.seen = calloc(1, state.size + 1);
    state.now = calloc(1, state.size + 1);
}

static bool peek(pid_t pid, uint64_t at, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)at, size};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static uint64_t digest(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u;
}

/* Head, offset, pending; then from link to link. */
static uint64_t list_digest(pid_t pid)
{
    struct robust_list_head head;
    uint64_t sum = 0xcbf29ce484222325u, next;
    if (!state.list || !peek(pid, state.list, &head, sizeof head))
        return 0;
    sum = digest(sum, (uint64_t)(uintptr_t)head.list_op_pending);
    next = (uint64_t)(uintptr_t)head.list.next;
    for (int i = 0; i < ENTRIES && next != state.list; i++) {
        sum = digest(sum, next);
        if (!peek(pid, next, &next, sizeof next))
            break;
    }
    return sum;
}

/* On x86: it cannot write memory, but for the stack. No more than compilers make much of: what is
 * not known here is looked at. Otherwise each of a million steps would cost a comparison of a
 * megabyte. */
static bool only_reads(const uint8_t *code)
{
    while (*code == 0x66 || *code == 0x64 || (*code & 0xf0) == 0x40)
        code++;
    uint8_t op = code[0], mod = code[1] >> 6, reg = code[1] >> 3 & 7;
    if (op == 0x0f) {
        uint8_t second = code[1];
        bool loads = second == 0xb6 || second == 0xb7 || second == 0xbe || second == 0xbf ||
                     second == 0xaf || second == 0x1f || second == 0x10 || second == 0x28;
        return loads || (second & 0xf0) == 0x40 || (second & 0xf0) == 0x80 ||
               ((second & 0xf0) == 0x90 && code[2] >= 0xc0);
    }
    if (op < 0x40 && (op & 7) < 6)
        return (op & 7) > 1 || op >= 0x38 || mod == 3;
    switch (op) {
    case 0x63:
    case 0x68:
    case 0x69:
    case 0x6a:
    case 0x6b:
    case 0x84:
    case 0x85:
    case 0x8a:
    case 0x8b:
    case 0x8d:
    case 0x90:
    case 0x98:
    case 0x99:
    case 0xa8:
    case 0xa9:
    case 0xc3:
    case 0xe8:
    case 0xe9:
    case 0xeb:
        return true;
    case 0x80:
    case 0x81:
    case 0x83:
        return reg == 7 || mod == 3;
    case 0xf6:
    case 0xf7:
        return reg != 2 && reg != 3;
    case 0xff:
        return reg == 2 || reg == 4 || reg == 6 || mod == 3;
    case 0x88:
    case 0x89:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xc7:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xfe:
        return mod == 3;
    default:
        return (op >= 0x50 && op < 0x60) || (op >= 0x70 && op < 0x80) || (op >= 0xb0 && op < 0xc0);
    }
}

/* What was to be read at `place` is: a call of the kernel, what may write memory, or neither. */
enum act { ACT_NONE, ACT_STORE, ACT_CALL };

static enum act act_of(uint64_t place, pid_t tid)
{
    static bool asked, is_x86;
    struct utsname machine;
    union {
        long text;
        uint8_t code[sizeof(long)];
    } here = {.text = ptrace(PTRACE_PEEKTEXT, tid, (void *)(uintptr_t)place, NULL)};
    if (!asked)
        is_x86 = uname(&machine) == 0 && strcmp(machine.machine, "x86_64") == 0;
    asked = true;
    if ((here.text & 0xffff) == SYSCALL_X86 || (uint32_t)here.text == SYSCALL_ARM)
        return ACT_CALL;
    return is_x86 && only_reads(here.code) ? ACT_NONE : ACT_STORE;
}

/* Behind the end of its file an area has no bytes. A call may give it some, or take them. */
static void read_areas(pid_t pid)
{
    char *to = state.now;
    for (int i = 0; i < state.count; i++) {
        struct iovec *area = &state.areas[i], here = {to, area->iov_len};
        ssize_t got = process_vm_readv(pid, &here, 1, area, 1, 0);
        area->iov_len = got > 0 ? (size_t)got : 0;
        to += area->iov_len;
    }
    state.size = (size_t)(to - state.now);
}

static bool memory_differs(pid_t pid)
{
    read_areas(pid);
    bool differs = memcmp(state.seen, state.now, state.size) != 0;
    char *seen = state.seen;
    state.seen = state.now;
    state.now = seen;
    return differs;
}

void state_begin(const struct victim *victim)
{
    void *list = NULL;
    size_t size;
    syscall(SYS_get_robust_list, victim->tid, &list, &size);
    state.list = (uint64_t)(uintptr_t)list;
    find_areas(victim->pid);
    memory_differs(victim->pid);
    state.listed = list_digest(victim->pid);
    state.place = victim_place(victim);
}

bool state_changed(const struct victim *victim)
{
    enum act act = act_of(state.place, victim->tid);
    state.place = victim_place(victim);
    if (act == ACT_NONE)
        return false;
    if (act == ACT_CALL)
        find_areas(victim->pid);
    bool differs = memory_differs(victim->pid);
    uint64_t listed = list_digest(victim->pid);
    differs |= listed != state.listed || act == ACT_CALL;
    state.listed = listed;
    return differs;
}
