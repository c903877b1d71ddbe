/* SPDX-License-Identifier: Apache-2.0 */
/* Runs process trees in isolated roots: one interface, several drivers.
 *
 * A root is a file tree with its own mount, pid, ipc and uts namespaces (and network, where
 * asked for), limits and a system call filter. Processes are executed in a living root one after
 * another or side by side; they see one another and what the earlier ones wrote. What a root's
 * processes write outside of writable bind mounts is thrown away with the root.
 *
 * Drivers: compute_sandbox (builds; this program makes the root itself, 2 ms, dies with the
 * process that made it), compute_oci (instances and containers; an OCI runtime makes it, lives on
 * by itself and is found again by attach), and those of compute_engine_new(): a Docker engine on
 * this machine, and a Docker Swarm, which places containers on its hosts.
 *
 * All calls are blocking and may be used by several threads on different roots; calls on one root
 * must not overlap, wait and kill excepted. */
#ifndef TOWPATH_COMPUTE_COMPUTE_H
#define TOWPATH_COMPUTE_COMPUTE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/zygote.h"

enum compute_mount_kind {
	COMPUTE_BIND,	 /* the host's file or folder itself */
	COMPUTE_OVERLAY, /* a writable view of the host's folder; changes are thrown away */
	COMPUTE_TMPFS,	 /* an empty folder in memory; source is NULL */
};

struct compute_mount {
	enum compute_mount_kind kind;
	const char *source; /* absolute path on the host; must exist */
	const char *target; /* absolute path inside; made when missing */
	bool read_only;
	size_t size; /* COMPUTE_TMPFS: bytes, 0 for the kernel's default */
};

struct compute_limits {
	size_t memory;	/* bytes, swap included; 0: none. Over it the kernel kills in the root only
			 */
	int cpu_milli;	/* thousandths of a CPU; 0: none */
	int cpu_shares; /* weight against others when the CPU is short, 1024 is usual; 0: that (oci)
			 */
	int pids;	/* processes and threads at one time; 0: none */
};

enum compute_network {
	COMPUTE_NET_HOST,   /* shares the host's interfaces and ports */
	COMPUTE_NET_NONE,   /* loopback only */
	COMPUTE_NET_BRIDGE, /* own interface with an own address on a bridge (oci) */
	COMPUTE_NET_POD,    /* that of the pod the root belongs to (oci) */
};

/* Where SDKs in containers ask for credentials: port 80 there leads to host_port, too. */
#define COMPUTE_CREDENTIALS_ADDRESS "169.254.170.2"

struct compute_bridge {
	const char *bridge;  /* interface name on the host; made when missing */
	const char *address; /* "10.88.0.5/24" */
	const char *gateway; /* the bridge's own address, "10.88.0.1" */
	/* Connections of the root to gateway:inside_port reach 127.0.0.1:host_port of the host;
	 * 0: none. */
	int inside_port, host_port;
};

/* What several roots share: one network namespace with one address, and limits over all of them
 * together. It is made before its roots, dropped after them, and outlives the calling process. */
struct compute_pod {
	const char *id;	      /* as a root's; told apart from the ids of roots */
	const char *dir;      /* of this pod alone, for the driver's state; made when missing */
	const char *owner;    /* as a root's (docker) */
	const char *hostname; /* of all of its roots (docker) */
	enum compute_network network; /* COMPUTE_NET_NONE or COMPUTE_NET_BRIDGE */
	struct compute_bridge bridge;
	struct compute_limits limits;
};

/* A resource limit of init by its name without RLIMIT_, in lower case: "nofile". */
struct compute_ulimit {
	const char *name;
	int64_t soft, hard; /* -1: unlimited */
};

/* A check that the engine makes by itself (swarm). */
struct compute_check {
	const char *const *argv; /* NULL: no check */
	int interval_sec, timeout_sec, retries, start_period_sec;
};

struct compute_spec {
	const char *id;	   /* [A-Za-z0-9._-]{1,64}, unique among the roots of this host */
	const char *dir;   /* existing folder of this root alone, for the driver's state and the
			      written layer; the caller removes it after destroy */
	const char *lower; /* the tree below: NULL for the host's own "/", else an unpacked image */
	/* Instead of lower: the unpacked layers of an image, the topmost first. Its root gets
	 * /etc/hosts, /etc/hostname and /etc/resolv.conf of its own (oci). */
	const char *const *lowers;
	size_t n_lowers;
	const struct compute_mount *mounts;
	size_t n_mounts;
	/* Mount points that many roots share: a folder when it ends in a slash, else a file. Only
	 * when lower is NULL. They cost nothing; other targets are made for each root. */
	const char *const *points;
	size_t n_points;
	/* Host paths, absolute, shown as empty (folders and files alike), on top of what every
	 * driver hides when lower is NULL: homes, keys, sockets, run-time state. */
	const char *const *hidden;
	size_t n_hidden;
	const char *hostname; /* NULL: the id */
	struct compute_limits limits;
	/* sandbox only: user 0 of the root has all rights over what is the root's own: it may
	 * mount, make interfaces, namespaces and control groups, which a container engine wants,
	 * and has none over the machine. The network is its own and reaches what the host does,
	 * loopback included (`network` is not looked at); nobody outside reaches the root. */
	bool privileged;
	enum compute_network network;
	struct compute_bridge bridge; /* COMPUTE_NET_BRIDGE */
	const char *pod;	      /* COMPUTE_NET_POD: its id */
	const char *address;	      /* COMPUTE_NET_POD: for /etc/hosts, "10.88.0.5" or NULL */
	bool detached; /* lives on when the calling process ends (oci; sandbox refuses) */
	/* The first process: what `detached` roots run as init. NULL for the sandbox, which
	 * brings its own; the oci driver then uses a sleeping init that reaps. */
	const char *const *init_argv;
	char *const *init_envp;
	int log_fd; /* where init writes, borrowed; -1: /dev/null */
	/* The rest is for roots with a monitor (oci): a process of its own that outlives the
	 * caller, is the parent of init, writes what init writes to the spool file `log_path`
	 * (codec/spool.h; NULL: nowhere) and keeps how init ended, for ended(). */
	struct zygote *monitors; /* borrowed, of compute_monitors_start() */
	const char *log_path;
	const struct clock *clock; /* of the times in it; NULL: true time */
	/* "user", "uid", "user:group", "uid:gid", as the root's own passwd and group have them;
	 * NULL: root. */
	const char *init_user;
	const char *init_cwd; /* made when missing; NULL: "/" */
	bool read_only;	      /* the tree cannot be written; mounts can */
	const struct compute_ulimit *ulimits;
	size_t n_ulimits;
	const char *runtime; /* program of the OCI runtime; NULL: the driver's own */
	/* The rest is for drivers that pull (docker, swarm), in the place of lower, lowers and
	 * init_argv. */
	const char *image;	       /* of resolve() */
	const char *registry_auth;     /* value of X-Registry-Auth; NULL: none */
	const char *const *entrypoint; /* NULL: the image's */
	const char *const *command;    /* NULL: the image's */
	const char *owner;	       /* whose it is: sweep() looks at its owner's roots only */
	const int *ports;	       /* TCP ports that others reach, for locate() */
	size_t n_ports;
	struct compute_check check;
	int stop_sec; /* swarm: from the signal that asks for the end to the kill */
};

/* A function run inside the root instead of a program, in a process of its own that was forked
 * and not executed: it sees the root's files and nothing of the caller's memory that was made
 * after create. Returns the exit status. fds[] are the descriptors passed, in order. */
typedef int (*compute_builtin)(char **argv, const int *fds, size_t n_fds);

struct compute_process {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in envp's PATH */
	char *const *envp;	 /* the whole environment; NULL: empty */
	const char *cwd;	 /* inside; NULL: "/" */
	const char *user;	 /* name or number in the root's passwd; NULL: root. Sets uid, gid
				    and supplementary groups; unknown is an error */
	bool inherit;		 /* oci: environment, folder and user are those of init */
	int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; borrowed */
	/* sandbox only: run this instead of executing argv[0]; fds become fds[] */
	compute_builtin builtin;
	const int *fds;
	size_t n_fds;
};

#define COMPUTE_PROCESS_INIT \
	((struct compute_process){.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1})

struct compute_exit {
	int exit_code;	    /* 0..255, or -1 when killed by a signal or not known */
	int signal;	    /* 0 unless killed */
	bool out_of_memory; /* the limit of the root was hit while it ran */
	bool host_lost;	    /* the host that it ran on is gone, and it with it (swarm) */
	char why[256];	    /* what the driver says about it; mostly empty */
};

/* Where a port of a root is reached from this host. */
struct compute_place {
	char address[64];
	int port;
};

enum compute_health { COMPUTE_HEALTH_UNKNOWN, COMPUTE_HEALTHY, COMPUTE_UNHEALTHY };

/* An image as a driver that pulls has found it, in the caller's arena. */
struct compute_image {
	const char *reference;	 /* for compute_spec.image: names the digest, where there is one */
	const char *digest;	 /* of its manifest; NULL: an image that no registry has */
	const char *stop_signal; /* or NULL */
};

/* Processor time since it was made, memory now (without pages that can be given back). */
struct compute_usage {
	int64_t cpu_usec;
	int64_t memory; /* bytes */
};

struct compute_driver;

/* Drivers put these first in their own structures. */
struct compute_root {
	const struct compute_driver *driver;
};
struct compute_exec {
	struct compute_root *root;
	int end_fd; /* polls readable (or hung up) when the process has ended; borrowed */
	pid_t pid;  /* inside the root */
};

struct compute_driver {
	const char *name;
	bool pulls; /* spec.image instead of an unpacked image, by resolve() */
	/* Roots run on any host of a swarm: one root a pod, and no pods; no exec; mounts are empty
	 * folders; the address is known after the start, by locate(); checks are the engine's. */
	bool remote;
	/* Whether this driver can work here: right privileges, kernel features, programs. The
	 * error says what is missing and what to do. */
	int (*probe)(const struct compute_driver *d, struct err *err);
	/* Makes a root that is ready to execute; everything made is undone on failure. */
	int (*create)(const struct compute_driver *d, const struct compute_spec *spec,
		struct compute_root **ret, struct err *err);
	/* Finds a detached root again, by id and dir; ERR_NOT_FOUND when it lives no more,
	 * ERR_UNAVAILABLE or ERR_TIMEOUT when its engine cannot be asked now. NULL
	 * where roots die with their maker. */
	int (*attach)(const struct compute_driver *d, const char *id, const char *dir,
		struct compute_root **ret, struct err *err);
	/* Starts a process. A program that cannot be executed is an error that names it. */
	int (*exec)(struct compute_root *r, const struct compute_process *p,
		struct compute_exec **ret, struct err *err);
	/* Waits at most timeout_usec true time (-1: no limit). 1: ended, *ret filled; 0: time is
	 * up; -1: the root itself is gone or the wait failed. */
	int (*wait)(struct compute_exec *e, int64_t timeout_usec, struct compute_exit *ret,
		struct err *err);
	/* Sends a signal to the process and all of its session. Already ended is fine. */
	int (*signal)(struct compute_exec *e, int signal, struct err *err);
	/* Forgets the process (it is not killed). NULL is fine. */
	void (*exec_free)(struct compute_exec *e);
	/* SIGKILL to every process of the root, at once; the tree stays until destroy. */
	int (*kill_all)(struct compute_root *r, struct err *err);
	/* Highest memory use so far, in bytes; 0 when not known. */
	size_t (*peak_memory)(struct compute_root *r);
	/* Kills all, takes mounts, interfaces and cgroups away, frees r. Leaves spec.dir, which may
	 * then be removed. NULL is fine. */
	int (*destroy)(struct compute_root *r, struct err *err);
	/* Lets go of a detached root without ending it. NULL is fine. */
	void (*detach)(struct compute_root *r);
	/* The remaining functions are NULL where roots die with their maker. */
	/* A descriptor that polls readable when the first process has ended; borrowed. Of roots
	 * with locate() it becomes so (an edge each time) when what they answer has changed, too.
	 */
	int (*watch_fd)(struct compute_root *r, struct err *err);
	/* destroy() for a root that cannot be attached: takes away what is left of it. */
	int (*discard)(
		const struct compute_driver *d, const char *id, const char *dir, struct err *err);
	/* How a root with a monitor ended: 1 (*ret filled), 0: it has not, or the monitor was
	 * killed before it could tell (attach() then answers ERR_NOT_FOUND). Needs no root. */
	int (*ended)(const struct compute_driver *d, const char *id, const char *dir,
		struct compute_exit *ret, struct err *err);
	/* Sends a signal to the first process. Already ended is fine. */
	int (*signal_init)(struct compute_root *r, int signal, struct err *err);
	/* A pod that exists is made anew: no root may be in it. Dropping one that does not exist is
	 * fine. */
	int (*pod_make)(
		const struct compute_driver *d, const struct compute_pod *pod, struct err *err);
	int (*pod_drop)(
		const struct compute_driver *d, const struct compute_pod *pod, struct err *err);
	/* What the roots of a pod have used; ERR_NOT_FOUND when it is not there. NULL: not known.
	 */
	int (*pod_usage)(const struct compute_driver *d, const char *pod, struct compute_usage *ret,
		struct err *err);
	/* Makes an existing bridge lead to a new host_port; no bridge is fine. */
	int (*redirect)(
		const struct compute_driver *d, const struct compute_bridge *b, struct err *err);
	/* Where a port of the root is reached, once that is known: 1, 0: not yet. NULL: at the
	 * address that the caller chose for the pod, and at the port itself. */
	int (*locate)(struct compute_root *r, int port, struct compute_place *ret, struct err *err);
	/* What spec.check has found. NULL: the caller makes checks, by exec(). */
	int (*health)(struct compute_root *r, enum compute_health *ret, struct err *err);
	/* The rest is NULL but for drivers that pull. resolve: brings the image where it is needed,
	 * or finds its digest; registry_auth as in the spec. */
	int (*resolve)(const struct compute_driver *d, const char *reference,
		const char *registry_auth, struct arena *a, struct compute_image *ret,
		struct err *err);
	/* Takes away the owner's roots and pods whose ids are not in `keep`. */
	int (*sweep)(const struct compute_driver *d, const char *owner, const struct map *keep,
		struct err *err);
};

/* The zygote that monitors are forked from (base/zygote.h). */
int compute_monitors_start(struct zygote **ret, struct err *err);

extern const struct compute_driver compute_sandbox;
extern const struct compute_driver compute_oci;

/* ---- engines (engine.c) ---- */

/* "docker" or "swarm", by itself (the socket /var/run/docker.sock) or with "=unix:///PATH".
 * ERR_INVALID says what is wrong with the name; whether the engine answers is for probe(). */
int compute_engine_new(const char *name, struct compute_driver **ret, struct err *err);
/* After its last root was let go of: ends the threads that follow roots, which may take a second.
 * NULL is fine. */
struct compute_driver *compute_engine_free(struct compute_driver *d);
DEFINE_FREEP(struct compute_driver, compute_engine_free)
/* The name of the engine that has made what stands in a root's or a pod's folder, in the arena;
 * NULL: none has (compute_oci). */
const char *compute_engine_of(const char *dir, struct arena *a);

/* Takes away what a sandbox root left behind whose maker was killed: its written layer (all else
 * falls with the maker). dir is the spec.dir of that root; a missing one is fine. Only for roots
 * that are dead. */
int compute_sweep(const char *dir, struct err *err);
/* Does once what every sandbox root needs (compiles the system call filter). A process that
 * forks makers of roots calls it first, so that they need not; others need not call it. */
int compute_sandbox_prepare(struct err *err);

void compute_exec_freep(struct compute_exec **e);
#define CLEANUP_COMPUTE_EXEC CLEANUP(compute_exec_freep)
/* Destroys; an error is logged. */
void compute_root_destroyp(struct compute_root **r);
#define CLEANUP_COMPUTE_ROOT CLEANUP(compute_root_destroyp)

#endif
