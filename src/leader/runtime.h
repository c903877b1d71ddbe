/* SPDX-License-Identifier: Apache-2.0 */
/* Language runtimes for runtime-versions: what the host has, and what is brought into the runtime
 * store. Parts shared by runtime.c and runtime_install.c. */
#ifndef TOWPATH_LEADER_RUNTIME_H
#define TOWPATH_LEADER_RUNTIME_H

#include "leader/job.h"

/* Runs a script of our own in a root of its own, its output in the log. mount_dir (a host folder)
 * is writable inside as /out. *ret_code: its exit status, -1 when the job was ended. */
int runtime_script(struct job *j, const char *script, const char *const *args,
	const char *mount_dir, int stdout_fd, int *ret_code, struct err *err);
/* Brings Node.js of a version ("18", "18.20.4", "latest") into the store as `dir`, once however
 * many builds ask. 1: it is there; 0: it cannot be had (*ret_have lists what can). */
int runtime_install_nodejs(struct job *j, const char *version, const char *dir,
	const char **ret_have, struct err *err);

#endif
