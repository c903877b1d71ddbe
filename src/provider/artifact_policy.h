/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of buckets and image repositories (artifact/artifact.h), checked by identity. */
#ifndef TOWPATH_PROVIDER_ARTIFACT_POLICY_H
#define TOWPATH_PROVIDER_ARTIFACT_POLICY_H

#include "artifact/artifact.h"
#include "identity/identity.h"

struct artifact_policies artifact_policies(struct identity_engine *e);

#endif
