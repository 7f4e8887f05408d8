/*
 * A disk that fails on order. Preloaded into a process (LD_PRELOAD), it lets the n-th call of one kind on files below one
 * folder fail, once or from then on. Orders stand in a file that is mapped into memory (FAULTY_DISK), so that one process can
 * give itself a new one for each try: call, nth, errno, sticky, counted, fired, folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

struct orders {
  int32_t call, nth, error, sticky, counted, fired;
  char folder[1000];
};

enum { NONE, WRITE, SYNC, TRUNCATE, RENAME, LINK, CREATE, READ, UNLINK, MKDIR };

static volatile struct orders *orders;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTY_DISK");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped != MAP_FAILED) orders = mapped;
  close(fd);
}

static int fails(int call, const char *path) {
  if (!orders || orders->call != call || !path) return 0;
  if (strncmp(path, (const char *)orders->folder, strlen((const char *)orders->folder)) != 0) return 0;
  int32_t count = __sync_add_and_fetch(&orders->counted, 1);
  if (count < orders->nth || (count > orders->nth && !orders->sticky)) return 0;
  orders->fired = 1;
  errno = orders->error;
  return 1;
}

static int fd_fails(int call, int fd) {
  if (!orders || orders->call != call) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t size) { return fd_fails(WRITE, fd) ? -1 : REAL(write)(fd, bytes, size); }
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return fd_fails(WRITE, fd) ? -1 : REAL(pwrite)(fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) { return fd_fails(WRITE, fd) ? -1 : REAL(pwrite64)(fd, bytes, size, at); }
ssize_t read(int fd, void *bytes, size_t size) { return fd_fails(READ, fd) ? -1 : REAL(read)(fd, bytes, size); }
ssize_t pread(int fd, void *bytes, size_t size, off_t at) { return fd_fails(READ, fd) ? -1 : REAL(pread)(fd, bytes, size, at); }
ssize_t pread64(int fd, void *bytes, size_t size, off64_t at) { return fd_fails(READ, fd) ? -1 : REAL(pread64)(fd, bytes, size, at); }
int fsync(int fd) { return fd_fails(SYNC, fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fd_fails(SYNC, fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t size) { return fd_fails(TRUNCATE, fd) ? -1 : REAL(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fd_fails(TRUNCATE, fd) ? -1 : REAL(ftruncate64)(fd, size); }
int rename(const char *from, const char *to) { return fails(RENAME, to) ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return fails(LINK, to) ? -1 : REAL(link)(from, to); }
int unlink(const char *path) { return fails(UNLINK, path) ? -1 : REAL(unlink)(path); }
int mkdir(const char *path, mode_t mode) { return fails(MKDIR, path) ? -1 : REAL(mkdir)(path, mode); }

int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if ((flags & O_CREAT) && fails(CREATE, path)) return -1;
  return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if ((flags & O_CREAT) && fails(CREATE, path)) return -1;
  return REAL(open64)(path, flags, mode);
}
