/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords of the image registry (artifact/artifact.h), made by the identity engine. */
#ifndef TOWPATH_PROVIDER_IMAGE_TOKENS_H
#define TOWPATH_PROVIDER_IMAGE_TOKENS_H

#include "artifact/artifact.h"
#include "identity/identity.h"

struct artifact_tokens image_tokens(struct identity_engine *e);

#endif
