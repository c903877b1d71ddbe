/* SPDX-License-Identifier: Apache-2.0 */
/* Short-lived credentials of a role for what runs in Towpath's care (a build, a task), which
 * fetches them from the container credentials address as long as it runs. */
#ifndef TOWPATH_PROVIDER_ROLE_CREDENTIALS_H
#define TOWPATH_PROVIDER_ROLE_CREDENTIALS_H

#include "identity/identity.h"

/* Path of a part's credentials on this server: this and the part ("build/<uuid>"). */
#define ROLE_CREDENTIALS_PATH "/_towpath/credentials/"
#define ROLE_CREDENTIALS_USEC (3600 * USEC_PER_SEC)

/* Appends the address's answer as JSON: credentials of the actor's role for an hour, which end with
 * the part. ERR_DENIED when the role does not trust the service. */
int role_credentials_answer(struct identity_engine *e, const struct identity_actor *who,
	const char *part, struct str *json, struct err *err);

#endif
