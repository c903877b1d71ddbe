/* SPDX-License-Identifier: Apache-2.0 */
/* Private to audit/. */
#ifndef TOWPATH_AUDIT_ENGINE_H
#define TOWPATH_AUDIT_ENGINE_H

#include <pthread.h>

#include "audit/audit.h"
#include "audit/chain.h"

struct audit_engine {
	char *dir;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct str waiting; /* lines; their digests are yet to be put in */
	uint64_t added, written;
	_Atomic bool stopping;
	bool failing; /* the last batch cannot be written so far */
	bool has_thread;
	pthread_t thread;
	/* the writer's own */
	int fd;
	struct audit_chain chain;
	struct str spare;    /* memory of the batch before */
	int64_t headed_usec; /* when the head was written, monotonic */
	bool head_lags;	     /* behind what was written */
};

#endif
