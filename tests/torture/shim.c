/*
 * Faults at the system calls by which this process changes files, and a record of those calls.
 *
 * The calls are caught by seccomp (SECCOMP_RET_TRAP, so SIGSYS in the thread that called), not by
 * interposing libc's functions: tantivy's renames are bare system calls, and what fwrite writes, as
 * FAISS does, never leaves libc by a name that a preloaded library could take. The shim's own calls
 * go through one instruction, `shim_gate_return`, that the filter lets pass.
 *
 * Only calls on paths under one folder count. One of them runs at a time, whatever thread it is of,
 * so that "before call n" is one moment for the whole process and a record is in the true order.
 * The filter stays until the process ends; it is meant for a child that was forked to be tried.
 *
 * Not seen: writes through mmap (of what is tried here, only SQLite's -shm, which is no data) and
 * io_uring (nobody uses it). A child started by exec would be killed at its first such call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the shim knows the registers and system calls of x86-64 Linux only"
#endif

/* As `Kind` in shim.py; WATCH strikes nothing and counts. */
enum kind { WATCH, KILL, TORN, EIO_ONCE, FULL_ONCE, FULL };

/* As `Op` in trace.py. */
enum op {
    OP_WRITE, OP_SIZE, OP_SYNC, OP_SYNC_FOLDER, OP_CREATE, OP_UNLINK,
    OP_RENAME, OP_LINK, OP_MKDIR, OP_RMDIR, OP_MARK
};

static const char *const NAMES[] = {"write", "truncate", "fsync", "fsync folder", "create", "unlink",
                                    "rename", "link", "mkdir", "rmdir"};

/* What one watched call is about to do. */
struct call {
    long number, args[6];
    enum op op;
    int fd;              /* -1 where the call names a path */
    uint64_t offset;     /* of a write; the new size for OP_SIZE */
    uint64_t bytes;      /* of a write */
    bool grows;          /* takes room on any file system, not only where each write is a copy */
    char path[PATH_MAX]; /* what changes */
    char to[PATH_MAX];   /* the new name, for OP_RENAME and OP_LINK */
};

/* Shared with the parent, which reads it once this process is dead. */
struct report {
    _Atomic long count;
    _Atomic int struck;
    char what[PATH_MAX + 64];
};

/* One line of a record, followed by the path, the new name and the data. As `_HEADER` in trace.py. */
struct record {
    uint32_t op, grows, path_bytes, to_bytes;
    uint64_t offset, data_bytes;
};

static struct report *report;
static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Atomic bool watching;
static bool trapping;
static char folder[PATH_MAX];
static size_t folder_bytes;
static enum kind kind;
static long strike_at;
static int trace_fd = -1;
static struct call current; /* under `busy`, like all that follows */

long shim_gate(long number, long a, long b, long c, long d, long e, long f);
extern char shim_gate_return[];

/* The instruction pointer that seccomp sees is that of the instruction after `syscall`. */
__asm__(".text\n.globl shim_gate\n.type shim_gate,@function\nshim_gate:\n"
        "mov %rdi,%rax\nmov %rsi,%rdi\nmov %rdx,%rsi\nmov %rcx,%rdx\n"
        "mov %r8,%r10\nmov %r9,%r8\nmov 8(%rsp),%r9\nsyscall\n"
        ".globl shim_gate_return\nshim_gate_return:\nret\n");

static long pass(long number, const long *a) {
    return shim_gate(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void lock(void) {
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) sched_yield();
}

static void unlock(void) { atomic_flag_clear_explicit(&busy, memory_order_release); }

static bool read_link(const char *link, char *path) {
    long length = shim_gate(SYS_readlink, (long)link, (long)path, PATH_MAX - 1, 0, 0, 0);
    if (length < 0) return false;
    path[length] = 0;
    return true;
}

static bool path_of_fd(int fd, char *path) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return read_link(link, path);
}

/* Write down where a path leads that is relative to a folder's descriptor. */
static bool path_at(long at, const char *name, char *path) {
    char base[PATH_MAX];
    if (name == NULL) return false;
    if (name[0] == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
    if (!((int)at == AT_FDCWD ? read_link("/proc/self/cwd", base) : path_of_fd((int)at, base))) return false;
    return snprintf(path, PATH_MAX, "%s/%s", base, name) < PATH_MAX;
}

static bool inside(const char *path) {
    return strncmp(path, folder, folder_bytes) == 0 && (path[folder_bytes] == '/' || path[folder_bytes] == 0);
}

static bool status(int fd, struct stat *found) {
    return shim_gate(SYS_fstat, fd, (long)found, 0, 0, 0, 0) == 0;
}

static bool exists(const char *path) {
    return shim_gate(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0, 0, 0) == 0;
}

static uint64_t total(const struct iovec *parts, long count) {
    uint64_t bytes = 0;
    for (long i = 0; i < count; i++) bytes += parts[i].iov_len;
    return bytes;
}

/* A write of `bytes` at an offset, or where the file stands if that is negative. */
static bool describe_write(struct call *c, int fd, int64_t offset, uint64_t bytes) {
    struct stat file;
    if (!path_of_fd(fd, c->path) || !inside(c->path)) return false;
    if (!status(fd, &file) || !S_ISREG(file.st_mode)) return false;
    if (offset < 0) {
        bool appends = shim_gate(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_APPEND;
        offset = appends ? file.st_size : shim_gate(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
    }
    c->op = OP_WRITE, c->fd = fd, c->offset = offset, c->bytes = bytes;
    c->grows = c->offset + bytes > (uint64_t)file.st_size;
    return bytes > 0;
}

static bool describe_size(struct call *c, int fd, uint64_t size) {
    struct stat file;
    if (fd >= 0 && !(path_of_fd(fd, c->path) && status(fd, &file))) return false;
    c->op = OP_SIZE, c->fd = fd, c->offset = size;
    c->grows = fd >= 0 && size > (uint64_t)file.st_size;
    return inside(c->path);
}

static bool describe_sync(struct call *c, int fd) {
    struct stat file;
    if (!path_of_fd(fd, c->path) || !inside(c->path) || !status(fd, &file)) return false;
    c->op = S_ISDIR(file.st_mode) ? OP_SYNC_FOLDER : OP_SYNC, c->fd = fd;
    return true;
}

static bool describe_entry(struct call *c, enum op op, long at, long name, bool grows) {
    c->op = op, c->grows = grows;
    return path_at(at, (const char *)name, c->path) && inside(c->path);
}

static bool describe_pair(struct call *c, enum op op, long at, long name, long to_at, long to) {
    c->op = op, c->grows = op == OP_LINK;
    return path_at(at, (const char *)name, c->path) && path_at(to_at, (const char *)to, c->to) &&
           (inside(c->path) || inside(c->to));
}

static bool describe_open(struct call *c, long at, long name, long flags) {
    if (!path_at(at, (const char *)name, c->path) || !inside(c->path)) return false;
    if (!exists(c->path)) {
        c->op = OP_CREATE, c->grows = true;
        return flags & O_CREAT;
    }
    c->op = OP_SIZE;
    return flags & O_TRUNC;
}

/* Say what a call does; false where it changes nothing in the folder. */
static bool describe(struct call *c, long number, const long *a) {
    memset(c, 0, offsetof(struct call, path));
    memcpy(c->args, a, sizeof c->args);
    c->number = number, c->fd = -1, c->path[0] = c->to[0] = 0;
    switch (number) {
    case SYS_write: return describe_write(c, a[0], -1, a[2]);
    case SYS_writev: return describe_write(c, a[0], -1, total((void *)a[1], a[2]));
    case SYS_pwrite64: return describe_write(c, a[0], a[3], a[2]);
    case SYS_pwritev:
    case SYS_pwritev2: return describe_write(c, a[0], a[3], total((void *)a[1], a[2]));
    case SYS_copy_file_range: return describe_write(c, a[2], a[3] ? *(int64_t *)a[3] : -1, a[4]);
    case SYS_sendfile: return describe_write(c, a[0], -1, a[3]);
    case SYS_fallocate: return describe_size(c, a[0], a[2] + a[3]);
    case SYS_ftruncate: return describe_size(c, a[0], a[1]);
    case SYS_truncate: return path_at(AT_FDCWD, (char *)a[0], c->path) && describe_size(c, -1, a[1]);
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_sync_file_range: return describe_sync(c, a[0]);
    case SYS_open: return describe_open(c, AT_FDCWD, a[0], a[1]);
    case SYS_openat: return describe_open(c, a[0], a[1], a[2]);
    case SYS_creat: return describe_open(c, AT_FDCWD, a[0], O_CREAT | O_TRUNC);
    case SYS_unlink: return describe_entry(c, OP_UNLINK, AT_FDCWD, a[0], false);
    case SYS_unlinkat:
        return describe_entry(c, a[2] & AT_REMOVEDIR ? OP_RMDIR : OP_UNLINK, a[0], a[1], false);
    case SYS_rmdir: return describe_entry(c, OP_RMDIR, AT_FDCWD, a[0], false);
    case SYS_mkdir: return describe_entry(c, OP_MKDIR, AT_FDCWD, a[0], true);
    case SYS_mkdirat: return describe_entry(c, OP_MKDIR, a[0], a[1], true);
    case SYS_rename: return describe_pair(c, OP_RENAME, AT_FDCWD, a[0], AT_FDCWD, a[1]);
    case SYS_renameat:
    case SYS_renameat2: return describe_pair(c, OP_RENAME, a[0], a[1], a[2], a[3]);
    case SYS_link: return describe_pair(c, OP_LINK, AT_FDCWD, a[0], AT_FDCWD, a[1]);
    case SYS_linkat: return describe_pair(c, OP_LINK, a[0], a[1], a[2], a[3]);
    default: return false;
    }
}

/* Make the first half of a write, as a full disk or a death in the middle leaves it. */
static long half(const struct call *c) {
    /* Which argument is the length; of a vector, half of its parts are written. */
    const int length = c->number == SYS_sendfile ? 3 : c->number == SYS_copy_file_range ? 4 : 2;
    long a[6];
    memcpy(a, c->args, sizeof a);
    a[length] /= 2;
    return a[length] ? pass(c->number, a) : 0;
}

static _Noreturn void die(void) {
    shim_gate(SYS_kill, shim_gate(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGKILL, 0, 0, 0, 0);
    for (;;) shim_gate(SYS_pause, 0, 0, 0, 0, 0, 0);
}

static void note_strike(const struct call *c) {
    snprintf(report->what, sizeof report->what, "%s %s", NAMES[c->op],
             c->path[folder_bytes] ? c->path + folder_bytes + 1 : ".");
    report->struck = 1;
}

/* Count a call, and make it or the fault in its place; the result is that of the system call. */
static long tried(const struct call *c) {
    long here = ++report->count;
    bool strikes = kind == FULL ? here >= strike_at && c->grows : kind != WATCH && here == strike_at;
    if (!strikes) return pass(c->number, c->args);
    bool first = !report->struck;
    if (first) note_strike(c);
    switch (kind) {
    case KILL: die();
    case TORN:
        if (c->op == OP_WRITE) half(c);
        die();
    case EIO_ONCE: return -EIO;
    case FULL: {
        /* The last room goes to a part of the first write; the kernel tells of that by its count. */
        long written = first && c->op == OP_WRITE ? half(c) : 0;
        return written > 0 ? written : -ENOSPC;
    }
    default: return -ENOSPC;
    }
}

static void put(const void *data, uint64_t bytes) {
    while (bytes) {
        long written = shim_gate(SYS_write, trace_fd, (long)data, bytes, 0, 0, 0);
        if (written <= 0) die(); /* half a record would be believed */
        data = (const char *)data + written, bytes -= written;
    }
}

static void put_record(const struct call *c, const char *path, const char *to, uint64_t data_bytes) {
    struct record line = {c->op, c->grows, strlen(path), strlen(to), c->offset, data_bytes};
    put(&line, sizeof line);
    put(path, line.path_bytes);
    put(to, line.to_bytes);
}

static const char *relative(const char *path) {
    return inside(path) && path[folder_bytes] ? path + folder_bytes + 1 : "";
}

/* Make a call and write it down, with the bytes that it wrote. */
static long recorded(const struct call *c) {
    /* Their bytes never pass through this process; whoever calls them falls back on read and write. */
    if (c->number == SYS_copy_file_range || c->number == SYS_sendfile) return -ENOSYS;
    bool is_change = c->number != SYS_sync_file_range && (c->number != SYS_fallocate || c->grows);
    long result = pass(c->number, c->args);
    if (result < 0 || !is_change) return result;
    ++report->count;
    put_record(c, relative(c->path), relative(c->to), c->op == OP_WRITE ? result : 0);
    if (c->op != OP_WRITE) return result;
    if (c->number == SYS_write || c->number == SYS_pwrite64) {
        put((void *)c->args[1], result);
        return result;
    }
    const struct iovec *parts = (void *)c->args[1];
    for (uint64_t left = result; left; parts++) {
        uint64_t bytes = parts->iov_len < left ? parts->iov_len : left;
        put(parts->iov_base, bytes);
        left -= bytes;
    }
    return result;
}

static void on_trap(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long a[6] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                       registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    long number = info->si_syscall, result = 0;
    bool watched = false;
    if (watching) {
        lock();
        /* Asked again: another thread may have disarmed meanwhile. */
        watched = watching && describe(&current, number, a);
        if (watched) result = trace_fd >= 0 ? recorded(&current) : tried(&current);
        unlock();
    }
    /* Outside the lock, since a write to a pipe may wait. */
    if (!watched) result = pass(number, a);
    registers[REG_RAX] = result;
}

/* Trap the calls by which files change, in all threads of this process; -1 where the kernel refuses. */
static int trap(void) {
    static const int always[] = {
        SYS_write,     SYS_writev,          SYS_pwrite64,  SYS_pwritev,  SYS_pwritev2,        SYS_sendfile,
        SYS_fallocate, SYS_copy_file_range, SYS_ftruncate, SYS_truncate, SYS_sync_file_range, SYS_fsync,
        SYS_fdatasync, SYS_creat,           SYS_unlink,    SYS_unlinkat, SYS_rmdir,           SYS_mkdir,
        SYS_mkdirat,   SYS_rename,          SYS_renameat,  SYS_renameat2, SYS_link,           SYS_linkat};
    enum { CALLS = sizeof always / sizeof *always };
    struct sock_filter program[20 + 2 * CALLS];
    unsigned n = 0;
    const uint64_t gate = (uint64_t)shim_gate_return;
    const uint32_t pointer = offsetof(struct seccomp_data, instruction_pointer);
    const uint32_t flags = O_CREAT | O_TRUNC;
#define LOAD(at) program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define RETURN(what) program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (what))
#define UNLESS(test, value, skip) \
    program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), 0, (skip))
#define UNLESS_EQUAL(value, skip) UNLESS(BPF_JEQ, value, skip)
#define UNLESS_ANY_BIT(bits, skip) UNLESS(BPF_JSET, bits, skip)
    LOAD(pointer);
    UNLESS_EQUAL((uint32_t)gate, 3);
    LOAD(pointer + 4);
    UNLESS_EQUAL((uint32_t)(gate >> 32), 1);
    RETURN(SECCOMP_RET_ALLOW);
    LOAD(offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < CALLS; i++) {
        UNLESS_EQUAL(always[i], 1);
        RETURN(SECCOMP_RET_TRAP);
    }
    /* Files opened for reading are many, and nothing to us. */
    UNLESS_EQUAL(SYS_open, 3);
    LOAD(offsetof(struct seccomp_data, args[1]));
    UNLESS_ANY_BIT(flags, 5);
    RETURN(SECCOMP_RET_TRAP);
    UNLESS_EQUAL(SYS_openat, 3);
    LOAD(offsetof(struct seccomp_data, args[2]));
    UNLESS_ANY_BIT(flags, 1);
    RETURN(SECCOMP_RET_TRAP);
    RETURN(SECCOMP_RET_ALLOW);
    struct sock_fprog filter = {n, program};
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) ? -1 : 0;
}

static int watch(const char *path) {
    if (strlen(path) >= sizeof folder) return -1;
    strcpy(folder, path);
    folder_bytes = strlen(folder);
    report->count = 0;
    report->struck = 0;
    if (!trapping && trap()) return -1;
    trapping = true;
    watching = true;
    return 0;
}

__attribute__((constructor)) static void prepare(void) {
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* The interface of shim.py. */

/* Strike call `at` (from 1) in a folder, given by its real path. */
int shim_arm(const char *path, long at, int what) {
    trace_fd = -1;
    kind = what;
    strike_at = at;
    return watch(path);
}

void shim_disarm(void) {
    lock();
    watching = false;
    trace_fd = -1;
    unlock();
}

/* Write what happens in a folder into an open file, until `shim_disarm`. */
int shim_trace(const char *path, int fd) {
    trace_fd = fd;
    return watch(path);
}

/* Write a note between the calls recorded. */
void shim_mark(const char *note) {
    lock();
    if (trace_fd >= 0) put_record(&(struct call){.op = OP_MARK}, note, "", 0);
    unlock();
}

long shim_count(void) { return report->count; }

/* Which call was struck, and NULL where none was. */
const char *shim_struck(void) { return report->struck ? report->what : NULL; }
