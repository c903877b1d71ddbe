/* SPDX-License-Identifier: Apache-2.0 */
/* Engines pull images of our own registry as anybody does: with a password, which opens nothing but
 * that. */
#include "provider/fleet_world.h"

/* A task may wait long for a host of a swarm that takes it. */
#define PASSWORD_USEC (12 * 3600 * USEC_PER_SEC)

int fleet_world_image_grant(void *arg, const struct fleet_image *image, struct arena *a,
	struct fleet_image_grant *ret, struct err *err)
{
	const struct fleet_world *w = arg;
	struct towpath_identity_session session = {
		.policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
			  "\"Action\":[\"ecr:BatchGetImage\",\"ecr:GetDownloadUrlForLayer\","
			  "\"ecr:BatchCheckLayerAvailability\",\"ecr:GetAuthorizationToken\"],"
			  "\"Resource\":\"*\"}]}",
	};
	struct identity_principal who = {
		.kind = IDENTITY_SESSION,
		.arn = arena_printf(a, "arn:aws:sts::%s:assumed-role/towpath/engine", w->account),
		.id = "towpath:engine",
		.session = &session,
	};
	int64_t expires;

	session.arn = who.arn;
	session.principal_id = who.id;
	ret->host = artifact_image_registry(w->artifact);
	ret->reference = arena_printf(a, "%s/%s@%s", ret->host, image->repository, image->digest);
	ret->user = "AWS";
	return identity_password_new(
		w->identity, &who, NULL, PASSWORD_USEC, a, &ret->password, &expires, err);
}
