/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters and secrets, as documents (store/document.h). */
#ifndef TOWPATH_STORE_SECRET_H
#define TOWPATH_STORE_SECRET_H

#include "store/document.h"
#include "towpath.gen.h"

/* The newest version by the parameter's name, with its tags. */
extern const struct store_document_kind STORE_SECRET_PARAMETER;
/* Every version by "<name> <version, 10 digits>", with its labels; owner: the name. */
extern const struct store_document_kind STORE_SECRET_PARAMETER_VERSION;
extern const struct store_document_kind STORE_SECRET; /* by name */
/* By "<name> <version id>"; owner: the secret's name. */
extern const struct store_document_kind STORE_SECRET_VERSION;

#endif
