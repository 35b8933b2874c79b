/* Makes the n-th system call on files below one folder fail, or kills the process there.

   Loaded before the C library (LD_PRELOAD). It does nothing until `fault_arm` is called, usually by ctypes in a forked
   child. Calls are counted that name a path below the folder, or use a handle that was opened there. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ONCE = 0, FROM_THEN_ON = 1, KILL = 2 };
enum { HANDLES = 4096, PATH_BYTES = 4096 };

static char root[PATH_BYTES];
static size_t root_length;
static long counted, fault_at;
static int fault_error, fault_way, trace_handle = -1;
static char affected[256]; /* names of calls, each between blanks; empty: all */
static unsigned char watched[HANDLES];

/* Start counting. The n-th call fails with this error number, once or together with all later ones, or never returns.
   `names` are the calls that later fail as well; every counted call is written as a line to `trace`, where that is a
   handle. */
void fault_arm(const char *folder, long n, int error, int way, const char *names, int trace) {
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    strncpy(affected, names, sizeof affected - 1);
    fault_error = error;
    fault_way = way;
    trace_handle = trace;
    counted = 0;
    fault_at = n;
}

/* Stop counting; returns how many calls were counted. */
long fault_disarm(void) {
    root_length = 0;
    return counted;
}

static int below(const char *path) {
    return strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || path[root_length] == 0);
}

static int path_counts(int folder, const char *path) {
    char here[PATH_BYTES];
    if (!root_length || !path) return 0;
    if (path[0] == '/') return below(path);
    if (folder != AT_FDCWD) return folder >= 0 && folder < HANDLES && watched[folder];
    return syscall(SYS_getcwd, here, sizeof here) > 0 && below(here);
}

static int handle_counts(int handle) {
    return root_length && handle >= 0 && handle < HANDLES && watched[handle];
}

static int watch(int handle, int counts) {
    if (handle >= 0 && handle < HANDLES) watched[handle] = counts;
    return handle;
}

static int is_affected(const char *name) {
    char between[64];
    snprintf(between, sizeof between, " %s ", name);
    return !affected[0] || strstr(affected, between) != NULL;
}

/* 1 where this call has to fail, with errno set; 2 where it is to be cut short first. */
static int fails(const char *name, const char *path) {
    long number = __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST);
    if (trace_handle >= 0) {
        char line[PATH_BYTES];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path ? path : "-");
        if (length > 0 && length < (int)sizeof line) syscall(SYS_write, trace_handle, line, (size_t)length);
    }
    if (!fault_at || number < fault_at) return 0;
    if (number > fault_at && (fault_way != FROM_THEN_ON || !is_affected(name))) return 0;
    errno = fault_error;
    return number == fault_at && fault_way != ONCE ? 2 : 1;
}

static void die(void) { syscall(SYS_kill, syscall(SYS_getpid), SIGKILL); }

/* A call that does all or nothing. */
#define GUARD(counts, name, path, failed)                  \
    if (counts) {                                          \
        int fault = fails(name, path);                     \
        if (fault && fault_way == KILL) die();             \
        if (fault) return failed;                          \
    }

/* A call that moves bytes, of which half arrive before the fault. */
#define GUARD_BYTES(counts, name, bytes, call_half)        \
    if (counts) {                                          \
        int fault = fails(name, NULL);                     \
        if (fault == 2 && (bytes) > 1) {                   \
            ssize_t half = call_half;                      \
            if (fault_way == KILL) die();                  \
            return half;                                   \
        }                                                  \
        if (fault && fault_way == KILL) die();             \
        if (fault) return -1;                              \
    }

#define REAL(type, name, ...)                              \
    static type (*real)(__VA_ARGS__);                      \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static const char *opening(int flags) { return flags & (O_CREAT | O_WRONLY | O_RDWR) ? "create" : "open"; }

#define OPEN(symbol)                                                              \
    int symbol(const char *path, int flags, ...) {                                \
        REAL(int, #symbol, const char *, int, ...);                               \
        va_list rest;                                                             \
        va_start(rest, flags);                                                    \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;   \
        va_end(rest);                                                             \
        int counts = path_counts(AT_FDCWD, path);                                 \
        GUARD(counts, opening(flags), path, -1)                                   \
        return watch(real(path, flags, mode), counts);                            \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(symbol)                                                            \
    int symbol(int folder, const char *path, int flags, ...) {                    \
        REAL(int, #symbol, int, const char *, int, ...);                          \
        va_list rest;                                                             \
        va_start(rest, flags);                                                    \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;   \
        va_end(rest);                                                             \
        int counts = path_counts(folder, path);                                   \
        GUARD(counts, opening(flags), path, -1)                                   \
        return watch(real(folder, path, flags, mode), counts);                    \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(symbol)                                                             \
    FILE *symbol(const char *path, const char *mode) {                            \
        REAL(FILE *, #symbol, const char *, const char *);                        \
        int counts = path_counts(AT_FDCWD, path);                                 \
        GUARD(counts, mode[0] == 'r' && !strchr(mode, '+') ? "open" : "create", path, NULL) \
        FILE *file = real(path, mode);                                            \
        if (file) watch(fileno(file), counts);                                    \
        return file;                                                              \
    }
FOPEN(fopen)
FOPEN(fopen64)

int dup(int handle) {
    REAL(int, "dup", int);
    return watch(real(handle), handle_counts(handle));
}

int dup2(int handle, int other) {
    REAL(int, "dup2", int, int);
    return watch(real(handle, other), handle_counts(handle));
}

int dup3(int handle, int other, int flags) {
    REAL(int, "dup3", int, int, int);
    return watch(real(handle, other, flags), handle_counts(handle));
}

#define FCNTL(symbol)                                                             \
    int symbol(int handle, int command, ...) {                                    \
        REAL(int, #symbol, int, int, ...);                                        \
        va_list rest;                                                             \
        va_start(rest, command);                                                  \
        void *argument = va_arg(rest, void *);                                    \
        va_end(rest);                                                             \
        int result = real(handle, command, argument);                             \
        if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) watch(result, handle_counts(handle)); \
        return result;                                                            \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

int close(int handle) {
    REAL(int, "close", int);
    int counts = handle_counts(handle) && (syscall(SYS_fcntl, handle, F_GETFL) & O_ACCMODE) != O_RDONLY;
    watch(handle, 0);
    if (counts) {
        int fault = fails("close", NULL);
        if (fault && fault_way == KILL) die();
        if (fault) { /* the handle is free all the same, as on Linux */
            int error = errno;
            real(handle);
            errno = error;
            return -1;
        }
    }
    return real(handle);
}

int fclose(FILE *file) {
    REAL(int, "fclose", FILE *);
    int handle = file ? fileno(file) : -1, counts = handle_counts(handle);
    watch(handle, 0);
    if (counts) {
        int fault = fails("close", NULL);
        if (fault && fault_way == KILL) die();
        if (fault) {
            int error = errno;
            real(file);
            errno = error;
            return EOF;
        }
    }
    return real(file);
}

ssize_t read(int handle, void *bytes, size_t count) {
    REAL(ssize_t, "read", int, void *, size_t);
    GUARD(handle_counts(handle), "read", NULL, -1)
    return real(handle, bytes, count);
}

#define PREAD(symbol, offset_type)                                                \
    ssize_t symbol(int handle, void *bytes, size_t count, offset_type offset) {   \
        REAL(ssize_t, #symbol, int, void *, size_t, offset_type);                 \
        GUARD(handle_counts(handle), "read", NULL, -1)                            \
        return real(handle, bytes, count, offset);                                \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t readv(int handle, const struct iovec *pieces, int count) {
    REAL(ssize_t, "readv", int, const struct iovec *, int);
    GUARD(handle_counts(handle), "read", NULL, -1)
    return real(handle, pieces, count);
}

size_t fread(void *bytes, size_t size, size_t count, FILE *file) {
    REAL(size_t, "fread", void *, size_t, size_t, FILE *);
    GUARD(handle_counts(fileno(file)), "read", NULL, 0)
    return real(bytes, size, count, file);
}

ssize_t write(int handle, const void *bytes, size_t count) {
    REAL(ssize_t, "write", int, const void *, size_t);
    GUARD_BYTES(handle_counts(handle), "write", count, real(handle, bytes, count / 2))
    return real(handle, bytes, count);
}

#define PWRITE(symbol, offset_type)                                               \
    ssize_t symbol(int handle, const void *bytes, size_t count, offset_type offset) { \
        REAL(ssize_t, #symbol, int, const void *, size_t, offset_type);           \
        GUARD_BYTES(handle_counts(handle), "write", count, real(handle, bytes, count / 2, offset)) \
        return real(handle, bytes, count, offset);                                \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int handle, const struct iovec *pieces, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    GUARD_BYTES(handle_counts(handle), "write", count, real(handle, pieces, count / 2))
    return real(handle, pieces, count);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    if (handle_counts(fileno(file))) {
        int fault = fails("write", NULL);
        if (fault && fault_way == KILL) die();
        if (fault) return 0;
    }
    return real(bytes, size, count, file);
}

#define SENDFILE(symbol, offset_type)                                             \
    ssize_t symbol(int to, int from, offset_type *offset, size_t count) {         \
        REAL(ssize_t, #symbol, int, int, offset_type *, size_t);                  \
        GUARD(handle_counts(to), "write", NULL, -1)                               \
        return real(to, from, offset, count);                                     \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    GUARD(handle_counts(to), "write", NULL, -1)
    return real(from, from_offset, to, to_offset, count, flags);
}

int fsync(int handle) {
    REAL(int, "fsync", int);
    GUARD(handle_counts(handle), "fsync", NULL, -1)
    return real(handle);
}

int fdatasync(int handle) {
    REAL(int, "fdatasync", int);
    GUARD(handle_counts(handle), "fsync", NULL, -1)
    return real(handle);
}

#define FTRUNCATE(symbol, offset_type)                                            \
    int symbol(int handle, offset_type length) {                                  \
        REAL(int, #symbol, int, offset_type);                                     \
        GUARD(handle_counts(handle), "truncate", NULL, -1)                        \
        return real(handle, length);                                              \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

int rename(const char *path, const char *other) {
    REAL(int, "rename", const char *, const char *);
    GUARD(path_counts(AT_FDCWD, other), "rename", other, -1)
    return real(path, other);
}

int renameat(int from, const char *path, int to, const char *other) {
    REAL(int, "renameat", int, const char *, int, const char *);
    GUARD(path_counts(to, other), "rename", other, -1)
    return real(from, path, to, other);
}

int renameat2(int from, const char *path, int to, const char *other, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    GUARD(path_counts(to, other), "rename", other, -1)
    return real(from, path, to, other, flags);
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    GUARD(path_counts(AT_FDCWD, path), "unlink", path, -1)
    return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    GUARD(path_counts(folder, path), "unlink", path, -1)
    return real(folder, path, flags);
}

int rmdir(const char *path) {
    REAL(int, "rmdir", const char *);
    GUARD(path_counts(AT_FDCWD, path), "unlink", path, -1)
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    GUARD(path_counts(AT_FDCWD, path), "mkdir", path, -1)
    return real(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    GUARD(path_counts(folder, path), "mkdir", path, -1)
    return real(folder, path, mode);
}

int chmod(const char *path, mode_t mode) {
    REAL(int, "chmod", const char *, mode_t);
    GUARD(path_counts(AT_FDCWD, path), "chmod", path, -1)
    return real(path, mode);
}

int fchmodat(int folder, const char *path, mode_t mode, int flags) {
    REAL(int, "fchmodat", int, const char *, mode_t, int);
    GUARD(path_counts(folder, path), "chmod", path, -1)
    return real(folder, path, mode, flags);
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    REAL(int, "utimensat", int, const char *, const struct timespec *, int);
    GUARD(path_counts(folder, path), "chmod", path, -1)
    return real(folder, path, times, flags);
}

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    GUARD(path_counts(AT_FDCWD, path), "list", path, NULL)
    return real(path);
}
