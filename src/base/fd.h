/* SPDX-License-Identifier: Apache-2.0 */
/* File descriptors: closing, whole reads and writes, flags. */
#ifndef TOWPATH_BASE_FD_H
#define TOWPATH_BASE_FD_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Closes *fd if it is open and sets it to -1; errno is kept. For CLEANUP(fd_closep). */
void fd_closep(int *fd);
#define CLEANUP_FD CLEANUP(fd_closep)
/* Writes all n bytes, retrying; blocking fds only. */
int fd_write_all(int fd, const void *bytes, size_t n, struct err *err);
/* Reads until n bytes or end of file; returns the count, -1 on error. */
ssize_t fd_read_full(int fd, void *buf, size_t n, struct err *err);
/* Appends all up to end of file; fails with ERR_TOO_LARGE past limit bytes. */
int fd_read_all(int fd, size_t limit, struct str *out, struct err *err);
int fd_set_nonblock(int fd, bool on, struct err *err);
int fd_set_cloexec(int fd, bool on, struct err *err);

#endif
