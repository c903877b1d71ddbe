/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering files of a build's root: what collect.c (the leader) and collect_inside.c (in the
 * root) share. */
#ifndef TOWPATH_LEADER_COLLECT_H
#define TOWPATH_LEADER_COLLECT_H

#include <stddef.h>

/* Between patterns and excludes; no path can be this text. */
#define COLLECT_SPLIT "//--//"

/* A compute_builtin. Flags: z ZIP, f flat, l links as links. */
int collect_inside(char **argv, const int *fds, size_t n_fds);
/* A compute_builtin: reads the gathered files of a report (report/outcome.h). */
int report_inside(char **argv, const int *fds, size_t n_fds);

#endif
