/* SPDX-License-Identifier: Apache-2.0 */
/* The commands' own client of the API: finds server and credentials, signs, decodes. */
#ifndef TOWPATH_BIN_CLIENT_H
#define TOWPATH_BIN_CLIENT_H

#include "bin/options.h"
#include "wire/wire.h"

struct client;

/* Endpoint and key come from AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY when
 * all are set and no --data is given, else from the data folder of the server. */
int client_open(const struct options *o, struct client **ret, struct err *err);
struct client *client_free(struct client *c);
DEFINE_FREEP(struct client, client_free)
/* How many times as fast as true time the server's clock runs; 0: not known (a server that the
 * environment names). */
int client_clock_rate(const struct client *c);
const char *client_endpoint(const struct client *c);
const char *client_key_id(const struct client *c);
/* Where this machine reaches the server; the endpoint is what others are told. */
const char *client_url(const struct client *c);
/* The password for git of a repository's path ("/v1/repos/NAME") on a host, good for 15 minutes;
 * its user is the key's id. Appended to out. */
void client_git_password(
	const struct client *c, const char *host, const char *path, struct str *out);

/* Calls an operation of a JSON service (operation: the service's enum). req and *resp are the
 * generated structs; the response lives in the arena. A service's error becomes err_set_wire()
 * with the service's message. */
int client_call(struct client *c, const struct wire_service *s, int operation, const void *req,
	struct arena *a, void *resp, struct err *err);

#endif
