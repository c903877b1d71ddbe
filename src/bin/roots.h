/* SPDX-License-Identifier: Apache-2.0 */
/* What a server has running on this machine and leaves running: the roots of its instances and of
 * the containers of its tasks, found in its data folder. */
#ifndef TOWPATH_BIN_ROOTS_H
#define TOWPATH_BIN_ROOTS_H

#include "base/err.h"

struct roots_visitor {
	void *arg;
	int (*root)(void *arg, const char *id, const char *dir, struct err *err);
	/* After the containers of a task; its folder. NULL: not wanted. */
	int (*task)(void *arg, const char *id, const char *dir, struct err *err);
};
/* Calls for each until one answers -1. */
int roots_visit(const char *data_dir, const struct roots_visitor *v, struct err *err);

#endif
