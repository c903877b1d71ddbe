/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the oci driver, for its own files only. */
#ifndef TOWPATH_COMPUTE_OCI_INTERNAL_H
#define TOWPATH_COMPUTE_OCI_INTERNAL_H

#include "base/str.h"
#include "compute/compute.h"

/* Replaces a file of a bundle. Not synced: what it describes does not outlive the machine. */
int oci_write(const char *dir, const char *name, struct view text, mode_t mode, struct err *err);

#define OCI_STATE "/run/towpath/oci"
/* cgroup of a root below each hierarchy's top. */
char *oci_cgroup(const char *pod, const char *id) MUST_CHECK;
/* Path of a pod's network namespace. */
char *oci_pod_network(const char *pod) MUST_CHECK;
int oci_pod_make(const struct compute_driver *d, const struct compute_pod *pod, struct err *err);
int oci_pod_usage(const struct compute_driver *d, const char *pod, struct compute_usage *ret,
	struct err *err);
int oci_pod_drop(const struct compute_driver *d, const struct compute_pod *pod, struct err *err);

/* A user of the tree below `root`, by names or numbers, as spec.init_user has it. */
struct oci_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t n_groups;
	char home[256];
};
int oci_user_find(const char *root, const char *user, struct oci_user *ret, struct err *err);

/* Runs a bundle's runtime with these words (up to NULL) behind its global options. log_fd gets what
 * the root's first process writes (`create`), or -1; ret_out what the runtime does, or NULL. Its
 * own messages go into the error. (oci.c) */
int oci_runtime_run(const char *dir, int log_fd, struct str *ret_out, struct err *err, ...);

int oci_monitor_start(const struct compute_spec *spec, struct err *err);
/* A pidfd of the living monitor of a bundle, or -1. */
int oci_monitor_pidfd(const char *dir);
/* Ends a monitor whose runtime has not made init yet, and the runtime with it: of a server that was
 * killed while it waited for them. Two runtimes at work on one root would undo one another's work.
 */
void oci_monitor_break_off(const char *dir);
/* Whether the bundle has a monitor at all. */
bool oci_monitored(const char *dir);
/* The runtime that a monitored bundle was made with; NULL: the driver's own. */
char *oci_runtime_of(const char *dir) MUST_CHECK;
int oci_monitor_ended(const struct compute_driver *d, const char *id, const char *dir,
	struct compute_exit *ret, struct err *err);

/* The text of the bundle's config.json (OCI runtime specification 1.0). */
int oci_bundle_text(const struct compute_spec *spec, struct str *out, struct err *err);

/* ---- interfaces and namespaces by netlink (oci_link.c) ---- */

/* Makes a network namespace with a name, as ip-netns(8) does; the descriptor is the caller's. */
int oci_netns_make(const char *name, int *ret_fd, struct err *err);
/* Missing is fine. */
int oci_netns_remove(const char *name, struct err *err);
/* A pair of interfaces: `name` here, up and on the bridge, and eth0 in the namespace. */
int oci_link_pair(const char *name, const char *bridge, int netns, struct err *err);
/* In the namespace: loopback and eth0 up, the address ("10.88.0.5/24") on eth0 with a hardware
 * address made of it, the default route. */
int oci_link_configure(int netns, const char *address, const char *gateway, struct err *err);
/* In a namespace of its own: the loopback up. */
int oci_link_loopback(int netns, struct err *err);
/* With its peer. Missing is fine. */
int oci_link_remove(const char *name, struct err *err);

/* ---- networks (oci_network.c) ---- */

/* Bridge, forwarding and address translation as far as missing; then a pair of interfaces, one
 * end in the network namespace of pid. */
int oci_network_join(const char *id, const struct compute_bridge *b, pid_t pid, struct err *err);
/* Takes the bridge away when nothing is connected to it any more. */
int oci_network_leave(const struct compute_bridge *b, struct err *err);
/* The same for a namespace that has a name of its own (ip-netns(8)), which is made. */
int oci_network_make(
	const char *id, const struct compute_bridge *b, const char *netns, struct err *err);
/* Takes it away again, and the bridge (unless NULL) with its last user. */
int oci_network_unmake(
	const char *id, const struct compute_bridge *b, const char *netns, struct err *err);
int oci_network_redirect(
	const struct compute_driver *d, const struct compute_bridge *b, struct err *err);

#endif
