/* SPDX-License-Identifier: Apache-2.0 */
/* api/auth.h over the identity engine. */
#ifndef TOWPATH_API_AUTH_IDENTITY_H
#define TOWPATH_API_AUTH_IDENTITY_H

#include "api/auth.h"
#include "identity/identity.h"

/* The engine is borrowed. */
struct auth auth_identity(struct identity_engine *e);

#endif
