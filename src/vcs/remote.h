/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories on git hosts elsewhere, reached by real git over http and https. A credential goes
 * to git through its environment alone: never on a command line, in an address, a file or a
 * message. */
#ifndef TOWPATH_VCS_REMOTE_H
#define TOWPATH_VCS_REMOTE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "vcs/bounds.h"
#include "vcs/id.h"

/* Borrowed. The credential holds for the whole host of the address (scheme, name and port), so
 * that submodules beside the repository are fetched with it, and for no other. */
struct vcs_remote {
	const char *url;		 /* http:// or https://, without a credential in it */
	const char *user, *password;	 /* NULL: none */
	bool insecure_tls;		 /* the host's certificate is not asked about */
	int64_t timeout_usec;		 /* of one run of git, true time; 0: none */
	const struct vcs_bounds *bounds; /* of all that is done; NULL: none */
};

/* Whether an address is one of http or https with a host, without blanks and backslashes; and
 * whether it holds a user's password or token. */
bool vcs_remote_is_url(const char *url);
bool vcs_remote_url_has_secret(const char *url);

/* ---- what git says (remote_trouble.c) ---- */

enum vcs_trouble {
	VCS_TROUBLE_OTHER,
	VCS_TROUBLE_HOST_KEY,	/* ssh does not know the host */
	VCS_TROUBLE_CREDENTIAL, /* none, or not one that is taken */
	VCS_TROUBLE_STALE,	/* a push that came too late */
	VCS_TROUBLE_REFERENCE,	/* the host has no such reference or commit */
	VCS_TROUBLE_TLS,	/* its certificate is not believed */
	VCS_TROUBLE_REACH,	/* it does not answer */
	VCS_TROUBLE_ADDRESS,	/* it has no such repository */
	VCS_TROUBLE_FULL,	/* this machine's disk is */
};
enum vcs_trouble vcs_trouble_of(const char *said);

/* ---- git's environment (remote_env.c) ---- */

/* One more setting, as if it stood in a file of configuration. */
void vcs_env_setting(struct strv *env, const char *key, const char *value);
/* A helper that stands alone for the addresses below one; the text is run by a shell, so it must be
 * constant. */
void vcs_env_helper(struct strv *env, const char *url, const char *helper);
/* A credential for the addresses below one. */
void vcs_env_credential(struct strv *env, const char *url, const char *user, const char *password);
/* All that reaching a host takes. */
void vcs_env_remote(struct strv *env, const struct vcs_remote *r);

/* ---- the repository (remote.c) ---- */

struct vcs_remote_ref {
	const char *name;
	struct vcs_id id;
};
struct vcs_remote_refs {
	struct vcs_remote_ref *v;
	size_t n;
};
/* Those of the references (full names or "HEAD", NULL-terminated) that the host has. Errors:
 * ERR_DENIED, ERR_NOT_FOUND (no such repository), ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_CANCELLED,
 * ERR_IO. */
int vcs_remote_list(const struct vcs_remote *r, const char *const *names, struct arena *a,
	struct vcs_remote_refs *ret, struct err *err);

/* All branches and tags, sorted by name; an annotated tag has the id of what it stands for. */
int vcs_remote_heads(
	const struct vcs_remote *r, struct arena *a, struct vcs_remote_refs *ret, struct err *err);

struct vcs_remote_wish {
	const char *ref;    /* full name or "HEAD"; NULL: the commit, wherever it is */
	const char *commit; /* full id; NULL: what the reference stands for */
	bool only_ref;	    /* nothing but the reference and its history */
	int depth;	    /* commits of history; 0: all, with every branch and tag */
	bool submodules;    /* and theirs */
	bool no_files;	    /* nothing is checked out */
};
/* Into a folder that is empty or missing, checked out with HEAD detached; `origin` is the address.
 * Errors as above; ERR_NOT_FOUND also when the host has not the reference or commit, ERR_TOO_LARGE
 * when it takes more of the disk than the bounds allow. What a failure leaves in the folder is the
 * caller's to remove; nobody writes there any more. */
int vcs_remote_clone(const struct vcs_remote *r, const struct vcs_remote_wish *wish,
	const char *dir, struct vcs_id *ret, struct err *err);
/* One more commit, with as much of its history, into what vcs_remote_clone() has made. */
int vcs_remote_add(const struct vcs_remote *r, const char *dir, const char *commit, int depth,
	struct err *err);

#endif
