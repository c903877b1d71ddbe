/* SPDX-License-Identifier: Apache-2.0 */
/* A peer in memory, for the tests of vcs/. */
#ifndef TOWPATH_TESTS_VCS_MEMORY_H
#define TOWPATH_TESTS_VCS_MEMORY_H

#include "vcs/transport.h"

struct memory {
	struct view in;
	size_t step; /* bytes a read */
	struct str out;
	bool broken;
};

static inline ssize_t memory_read(void *arg, void *buf, size_t n, struct err *err)
{
	struct memory *m = arg;

	n = MIN(MIN(n, m->in.len), m->step);
	if (m->broken && m->in.len < 10)
		return err_set(err, ERR_IO, "the peer broke off");
	memcpy(buf, m->in.p, n);
	m->in.p += n;
	m->in.len -= n;
	return (ssize_t)n;
}

static inline int memory_write(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct memory *m = arg;

	(void)err;
	str_add_n(&m->out, bytes, n);
	return 0;
}

#endif
