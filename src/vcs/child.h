/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: git as a child process, with an environment of the server's own. */
#ifndef TOWPATH_VCS_CHILD_H
#define TOWPATH_VCS_CHILD_H

#include <sys/types.h>

#include "base/err.h"
#include "vcs/bounds.h"
#include "vcs/remote.h"

struct vcs_child {
	pid_t pid;   /* 0: none */
	int in, out; /* our ends; -1 when not piped or closed */
	int errout;  /* a memory file that gathers standard error */
	bool leads;  /* a process group of its own, which is ended with it */
	int group;   /* ends when the whole group has; -1 when it does not lead one */
};
#define VCS_CHILD_INIT ((struct vcs_child){.in = -1, .out = -1, .errout = -1, .group = -1})

struct vcs_child_how {
	const char *protocol; /* GIT_PROTOCOL, or NULL */
	const char *objects;  /* a folder that takes new objects; those of the repository are read
				 beside it. NULL: the repository's own */
	bool out_is_stderr;   /* `out` is its standard error; its standard output goes nowhere */
	const struct vcs_remote *remote; /* it talks to this host; NULL: to none */
	/* Of vcs_git_how(): */
	int64_t timeout_usec;		 /* true time; 0: none */
	const struct vcs_bounds *bounds; /* NULL: none */
	const char *filled;		 /* the folder that bounds->disk_max is of */
};

/* Starts `git <args>` in the repository. */
int vcs_child_start(const char *path, const char *const *args, const struct vcs_child_how *how,
	struct vcs_child *ret, struct err *err);
/* The same on descriptors of the caller's, which it keeps; -1: nothing. protocol: GIT_PROTOCOL or
 * NULL. */
int vcs_child_start_fds(const char *path, const char *const *args, const char *protocol, int in_fd,
	int out_fd, struct vcs_child *ret, struct err *err);
/* Waits; anything but exit status 0 is an error with the end of its standard error. */
int vcs_child_wait(struct vcs_child *c, struct err *err);
/* Ends it if it still runs, with its process group, and returns when none of them can write any
 * more; reaps it, closes everything. */
void vcs_child_release(struct vcs_child *c);
#define CLEANUP_VCS_CHILD CLEANUP(vcs_child_release)

/* Runs `git <args>` in the repository to its end; in_fd and out_fd are borrowed, -1: nothing. */
int vcs_git(const char *path, const char *const *args, int in_fd, int out_fd, struct err *err);
/* The same in another way; ERR_TIMEOUT, ERR_CANCELLED, ERR_TOO_LARGE. */
int vcs_git_how(const char *path, const char *const *args, const struct vcs_child_how *how,
	int in_fd, int out_fd, struct err *err);

#endif
