/* SPDX-License-Identifier: Apache-2.0 */
/* The server: opens the data folder and puts the parts together. */
#ifndef TOWPATH_BIN_SERVER_H
#define TOWPATH_BIN_SERVER_H

#include "base/err.h"

struct server;

/* The gate of git over SSH, which stands beside this program. */
#define SERVER_SSH_PROGRAM "towpath-ssh"

/* Everything borrowed for the call; NULL or 0 where the default is meant. */
struct server_config {
	const char *data_dir;
	const char *address;
	/* Where load balancers of these schemes listen. */
	const char *balancer_address, *internal_balancer_address;
	int port;     /* 0: the kernel chooses */
	int ssh_port; /* git over SSH; 0: the kernel chooses; -1: none */
	const char *db_url;
	const char *account, *region;
	const char *registry_host; /* what images are named by: [http[s]://]host[:port] */
	const char *root_key_id, *root_key_secret;
	double clock_rate;
	int slots;
	uint64_t clone_max; /* bytes of the disk that a clone of a build or pipeline may take */
	/* TLS: with a certificate and key of the operator's (PEM files), or one made for these
	 * names beside those that go without saying (parted by commas). */
	bool tls;
	const char *tls_cert, *tls_key, *tls_names;
	int local_port; /* with TLS: of the loopback's plain HTTP; 0: one that stays the same */
	const char *key_file; /* seals secrets; NULL: DATA/keys/seal.key */
	const char *throttle; /* rates of requests, see api/throttle.h, or NULL */
	const char *host;     /* the name by which clients know the server, or NULL */
	/* Proxies that are believed about clients (addresses, ranges, parted by commas), or NULL;
	 * and by which URL clients reach the server, NULL: its own. */
	const char *trusted_proxies, *public_url;
	const char *cors_origins; /* of pages that may call, parted by commas, or NULL */
	const char *mail_server;  /* host[:port] */
	const char *mail_from;	  /* an address */
	/* OCI runtimes of tasks: of all, of those of launch type FARGATE; NULL: runc. */
	const char *oci_runtime, *fargate_runtime;
	const char *compute; /* what runs tasks: "oci" (NULL), or as compute_engine_new() has it */
};

/* Starts everything; when it returns the server answers, and DIR/run/server.json (pid, endpoint,
 * account, region) says where. One server a data folder: ERR_CONFLICT names the other's pid. */
int server_start(const struct server_config *c, struct server **ret, struct err *err);
/* Stops taking requests, ends what runs here; what lives on by itself (builds, instances,
 * traffic) does. NULL is fine. */
struct server *server_free(struct server *s);
DEFINE_FREEP(struct server, server_free)
/* http[s]://address:port; borrowed. */
const char *server_endpoint(const struct server *s);
/* The SHA-256 fingerprint of the certificate that it shows, NULL without TLS; borrowed. */
const char *server_fingerprint(const struct server *s);
/* Reads the certificate's files again, or renews the one it made for itself, and shows it from then
 * on. *ret_changed when it is another one. On failure the one before stays. */
int server_renew_certificate(struct server *s, bool *ret_changed, struct err *err);

#endif
