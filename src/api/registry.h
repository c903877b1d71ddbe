/* SPDX-License-Identifier: Apache-2.0 */
/* The image registry below /v2/: the OCI distribution specification 1.1, for docker, podman,
 * skopeo, buildah and whoever else speaks it.
 *
 * Every request authenticates by HTTP Basic as AWS with a password of GetAuthorizationToken (a blob
 * also by the ticket of GetDownloadUrlForLayer) and is authorised as the ECR action that it
 * amounts to, by the principal's policies and the repository's. Requests signed for S3 are not
 * the registry's, whatever their path. */
#ifndef TOWPATH_API_REGISTRY_H
#define TOWPATH_API_REGISTRY_H

#include "api/auth.h"
#include "api/throttle.h"
#include "artifact/artifact.h"

struct registry_config {
	struct artifact_engine *artifact; /* borrowed */
	const struct auth *auth;	  /* borrowed */
	const char *account, *region;	  /* borrowed */
	struct throttle *throttle;	  /* borrowed; NULL: every request is taken */
};

/* Whether a request is the registry's. */
bool registry_matches(const struct http_exchange *x);
/* The mode of such a request; may reply at once and answer HTTP_REFUSE. */
enum http_mode registry_classify(const struct registry_config *c, struct http_exchange *x);
/* Serves it: on a thread that may block if it was classified as a stream. */
void registry_handle(const struct registry_config *c, struct http_exchange *x);

#endif
