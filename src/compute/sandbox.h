/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the sandbox driver, for its own files only.
 *
 * The maker (sandbox.c) prepares the written layer (sandbox_layer.c), clones process 1 into new
 * namespaces, which builds the tree (sandbox_tree.c), gives its privileges up
 * (sandbox_confine.c) and then serves requests to execute (sandbox_init.c) until the maker's end
 * of the socket closes. A privileged root is user 0 of a user namespace (sandbox_userns.c). Process
 * 1 shares no memory with the maker; what it needs it got by fork.
 *
 * Invariants
 * 1. No process of the root exists before confinement is complete, process 1 excepted.
 * 2. No path of the root is resolved by a process that stands outside of it.
 * 3. When the maker dies, process 1 is killed, and with it the kernel kills all the others. */
#ifndef TOWPATH_COMPUTE_SANDBOX_H
#define TOWPATH_COMPUTE_SANDBOX_H

#include "compute/cgroup.h"
#include "compute/compute.h"

/* Users and groups 0.. of a privileged root are these of the machine, which nobody has. */
#define SANDBOX_FIRST_ID 1879048192U
#define SANDBOX_IDS 65536U

/* The user namespace of a privileged root and the network namespace that belongs to it. */
struct sandbox_userns {
	pid_t holder;	     /* a process in both; 0: the root is not privileged */
	int end_fd;	     /* the holder ends when this is closed */
	int user_fd, net_fd; /* process 1 only */
};

/* What process 1 is to do; made before the clone. */
struct sandbox_plan {
	struct sandbox_userns userns;
	const struct compute_spec *spec;
	const struct cgroup *cgroup;
	char *template; /* layer above the host's tree, or NULL */
	int socket;	/* process 1's end */
};

/* A failure of process 1, as it travels to the maker. */
struct sandbox_report {
	int errnum; /* 0: ready */
	char what[240];
};

/* Makes dir/upper, work and root. *ret_template (the caller's; NULL for images) is a layer that
 * hides what must be hidden of the host and has what a fresh root needs: empty homes, /tmp and
 * /run, an /etc/shadow without passwords, /etc/hosts and resolv.conf. ret_template NULL: all of
 * this is in dir/upper itself, for roots that outlive a restart of the machine. */
int sandbox_layer_make(const struct compute_spec *spec, char **ret_template, struct err *err);
/* Compiles the system call filter, once a process. */
int sandbox_confine_prepare(bool privileged, struct err *err);
/* In process 1, from here on. Each returns 0, or fills the report and returns -1. */
/* Parts the mounts from the machine's, before anything is mounted or started here: systemd shares
 * mounts between namespaces, and what is taken away in one would be gone in all. */
int sandbox_tree_part(struct sandbox_report *report);
int sandbox_tree_build(struct sandbox_plan *plan, struct sandbox_report *report);
/* Drops capabilities, sets the system call filter: for this process and all to come. */
int sandbox_confine(const struct sandbox_plan *plan, struct sandbox_report *report);
NORETURN void sandbox_init_serve(int socket);

/* The maker's: makes the namespaces of a privileged root; lets go of the holder. */
int sandbox_userns_hold(struct sandbox_userns *ret, struct err *err);
void sandbox_userns_release(struct sandbox_userns *u);
/* In process 1 of a privileged root, on the host's tree: opens the namespaces, starts the network,
 * enters that. */
int sandbox_userns_open(struct sandbox_userns *u, struct sandbox_report *report);
/* After the root is mounted: becomes its user 0. */
int sandbox_userns_enter(struct sandbox_userns *u, struct sandbox_report *report);

int sandbox_report_errno(struct sandbox_report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Requests on the socket, one a message, with descriptors beside. */
enum sandbox_request_kind { SANDBOX_EXEC = 1, SANDBOX_SIGNAL };

/* Descriptors of SANDBOX_EXEC: text, end, report, then the three standard ones as far as
 * has_stdio says, then n_fds more. */
struct sandbox_request {
	int kind;
	int pid, signal;	 /* SANDBOX_SIGNAL */
	uint32_t n_argv, n_envp; /* strings in the text, NUL-ended: argv, envp, cwd, user */
	bool has_stdio[3];
	compute_builtin builtin;
	uint32_t n_fds;
	size_t text_len;
};

#define SANDBOX_MAX_FDS 16

/* Messages on a process' end pipe. */
struct sandbox_event {
	bool ended;
	int pid;    /* first message: process number inside */
	int status; /* last message: as from waitpid() */
};

#endif
