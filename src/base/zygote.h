/* SPDX-License-Identifier: Apache-2.0 */
/* A zygote: a small process that is forked before the program has anything worth copying, and forks
 * further processes on request. One is there within about 1 ms: no program is loaded, nothing of
 * the server's memory is copied, and neither its descriptors nor its keys are seen. */
#ifndef TOWPATH_BASE_ZYGOTE_H
#define TOWPATH_BASE_ZYGOTE_H

#include "base/err.h"

struct zygote;

/* What a zygote makes. Static. */
struct zygote_role {
	const char *what;      /* for messages: "leaders" */
	const char *process;   /* name that its children show, at most 15 bytes */
	void (*prepare)(void); /* in the zygote, once; NULL: nothing */
	/* A child: a session leader without controlling terminal, its standard descriptors on
	 * /dev/null, its own parent as soon as the server ends. answer_fd is its to write to and to
	 * close. The process ends with exit status 0 when this returns. */
	void (*main)(const char *argument, int answer_fd);
};

/* Call before there are threads, keys in memory or open files. The zygote ends when the caller's
 * process does; its children go on. */
int zygote_start(const struct zygote_role *role, struct zygote **ret, struct err *err);
void zygote_free(struct zygote *z);
DEFINE_FREEP(struct zygote, zygote_free)

/* Makes a child for the argument (at most PATH_MAX - 1 bytes). *ret_answer, the caller's, reads
 * what the child answers; it ends without a word when there is no child. Thread-safe.
 * ERR_UNAVAILABLE: the zygote is gone. */
int zygote_fork(struct zygote *z, const char *argument, int *ret_answer, struct err *err);

#endif
